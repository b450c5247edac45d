"""Numbers and quotes in error messages."""

import pytest

from colorizer.errors import ColorizerError, CommandParser, check_address, check_count, check_number, quote
from colorizer.hub.model_names import model_names

HUGE = 10**5000


def short_id(value: object) -> str:
    """Name a case: pytest can't write a number of thousands of digits either."""
    return quote(value)[:20]


@pytest.mark.parametrize(
    "value", [HUGE, -HUGE, float("nan"), float("inf"), "9" * 5000, ["a" * 5000], None, True], ids=short_id
)
def test_a_number_out_of_range_is_refused_in_a_short_message(value: object) -> None:
    for check in (lambda: check_number("saturation", value, 0, 10), lambda: check_count("num_images", value, 9)):
        with pytest.raises(ColorizerError) as caught:
            check()
        assert len(str(caught.value)) < 200


def test_at_most_100_characters_are_quoted() -> None:
    assert quote("default") == "'default'"
    assert quote(HUGE) == "a number of thousands of digits"
    assert len(quote("a" * 10**6)) == 100


def test_a_message_is_short_whatever_it_quotes() -> None:
    assert str(ColorizerError("There is no option x.")) == "There is no option x."
    assert len(str(ColorizerError("x" * 10**6))) == 2000
    with pytest.raises(ColorizerError, match="is given more than once: name each model once") as caught:
        model_names(["x" * 5000] * 2)
    assert len(str(caught.value)) < 200


def test_a_value_of_billions_of_items_is_quoted_by_its_first() -> None:
    value: list = ["x"] * 10
    for _ in range(9):
        value = [value] * 10
    assert quote(value).startswith("[[[")
    assert len(quote(value)) == 100
    value.append(value)
    assert quote({"approach": value}).startswith("{'approach': [[")


def test_a_command_lines_error_is_one_short_line(capsys: pytest.CaptureFixture) -> None:
    parser = CommandParser(prog="paint")
    parser.add_argument("--strength", type=float)
    parser.add_argument("--format", choices=["png", "jpg"])
    parser.add_argument("-o", "--output")
    parser.add_argument("-q", action="store_true")
    commands = (
        ["--strength", "9" * 5000 + "x"],
        ["--format", "x" * 10**6],
        ["a\nb " * 1000],
        ["x"] * 5000,
        ["--strength=--"],
        ["-o--"],
        ["-o=--"],
        ["-qo--"],
        ["--format", "--"],
    )
    for command in commands:
        with pytest.raises(SystemExit) as caught:
            parser.parse_args(command)
        assert caught.value.code == 2
        *_, line = capsys.readouterr().err.splitlines()
        assert line.startswith("paint: error: ")
        assert len(line) < 1100
    with pytest.raises(SystemExit):
        parser.parse_args(["--format", "gif"])
    assert capsys.readouterr().err.endswith("invalid choice: 'gif' (choose from 'png', 'jpg')\n")


def test_a_name_of_an_argument_is_not_abbreviated(capsys: pytest.CaptureFixture) -> None:
    parser = CommandParser(prog="paint")
    parser.add_argument("--hub_token")
    for words in (["--hub_tok", "hf_secret"], ["--hub_t=hf_secret"]):
        with pytest.raises(SystemExit):
            parser.parse_args(words)
        assert "unrecognized arguments: --hub_t" in capsys.readouterr().err


def test_an_address_to_link_to_is_one_of_the_web():
    assert check_address("space", "https://example.org/a?b=1#c") == "https://example.org/a?b=1#c"
    for value in (
        "javascript:alert(1)",
        "example.org",
        "https://",
        "https://a b",
        'https://a"onclick="x',
        "https://a)(b",
    ):
        with pytest.raises(ColorizerError, match="space must be a web address"):
            check_address("space", value)


def test_a_quoted_address_has_no_password_and_no_query():
    assert quote("https://ada:hunter2@example.org/a.png?token=hunter2") == "'https://example.org/a.png'"
    assert quote(ValueError("no HTTP://ada:p@ss/w?rd@example.org/x#y here")) == "no HTTP://example.org/x here"
    assert quote("https://ada:it's\"me@example.org/a") == "'https://example.org/a'"
    assert quote(f"https://ada:{'x' * 5000}@example.org/a") == "'https://example.org/a'"
    assert quote("https://example.org/a.png and ada@example.org") == "'https://example.org/a.png and ada@example.org'"
