"""Names of thousands of letters, of models, datasets and Hub repositories."""

import pytest

from colorizer.cli.parser import main

LONG = "a" * 5000


@pytest.mark.parametrize("name", [LONG, f"user/{LONG}", f"{LONG}/{LONG}", f"~{LONG}", f"/{LONG}", f"{LONG}:{LONG}"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["colorize", "photo.png", "-o", "out", "--model"],
        ["compare", "photo.png", "-o", "sheet.png", "--model"],
        ["evaluate", "--model", "cnn", "-o", "out", "--dataset"],
        ["evaluate", "--dataset", ".", "-o", "out", "--split", "train", "--model"],
        ["compare", "photo.png", "-o"],
        ["push", "checkpoint"],
        ["report"],
        ["video", "-o", "colored.mp4"],
        ["video", "photo.png", "-o"],
    ],
)
def test_a_long_name_is_refused_in_a_short_line(
    arguments: list[str], name: str, capsys: pytest.CaptureFixture[str], tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    from PIL import Image

    Image.new("L", (16, 16)).save("photo.png")
    assert main([*arguments, name]) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert LONG[:200] not in text
    assert len(text) < 600
