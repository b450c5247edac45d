"""Calls of endpoints and of the page's own events, with values that no page sends."""

import random
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from PIL import Image

from tests.server.conftest import call, endpoint


def oddity(rng: random.Random, depth: int = 0) -> Any:
    """Draw a value of JSON, as deep as a page's."""
    simple = [
        None,
        True,
        0,
        -1,
        2**70,
        0.5,
        1e308,
        "",
        "default",
        "tiny-dense",
        "\0",
        "\ud83d",
        "/etc/passwd",
        "x" * 9999,
    ]
    if depth > 3 or rng.random() < 0.6:
        return rng.choice(simple)
    if rng.random() < 0.4:
        return [oddity(rng, depth + 1) for _ in range(rng.randrange(5))]
    keys = rng.sample(
        ["path", "url", "meta", "size", "value", "index", "__type__", "_type", "is_stream"], rng.randrange(5)
    )
    file = {"meta": {"_type": "gradio.FileData"}} if rng.random() < 0.5 else {}
    return file | {key: oddity(rng, depth + 1) for key in keys}


def is_sentence(text: Any) -> bool:
    return isinstance(text, str) and 0 < len(text) <= 1000 and text.strip()[-1] in ".]"


@pytest.mark.parametrize("name", ["colorize", "compare", "hint", "video"])
def test_endpoint_answers_anything_with_a_sentence(
    demo: gr.Blocks, client: httpx.Client, capfd: pytest.CaptureFixture, upload: dict[str, Any], name: str
) -> None:
    rng, event = random.Random(name), endpoint(demo, name)
    for _ in range(150):
        data = [oddity(rng) for _ in range(len(event.inputs) + rng.choice([0] * 8 + [-1, 1]))]
        if rng.random() < 0.5 and data and name != "video":
            data[0] = upload
        status, answer = call(client, event, data, event_data=oddity(rng))
        # A photo and defaults only: what was asked for is done.
        assert status == 200 or is_sentence(answer["error"]), (data, answer)
    assert "Traceback" not in capfd.readouterr().err


def test_private_event_refuses_quietly(demo: gr.Blocks, client: httpx.Client, capfd: pytest.CaptureFixture) -> None:
    rng = random.Random(0)
    events = [event for event in demo.fns.values() if event.api_visibility != "public"]
    assert len(events) > 30
    for event in events:
        for _ in range(3):
            data = [oddity(rng) for _ in range(len(event.inputs) + rng.choice([0, 0, 0, -1, 1]))]
            status, answer = call(client, event, data, event_data=oddity(rng), trigger_id=rng.choice([None, 1, 10**6]))
            assert status == 200 or is_sentence(answer["error"]), (event.api_name, data, answer)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("compare", {1: "default"}, "models must be a list of texts, got 'default'."),
        ("compare", {1: [["default"]]}, "models must be a list of texts, got [['default']]."),
        ("colorize", {0: "photo.jpg"}, "photo must be an uploaded file, got 'photo.jpg'."),
        ("colorize", {1: 5}, "model must be a text, got 5."),
        ("colorize", {2: "much"}, "saturation must be a number, got 'much'."),
        ("colorize", {3: 64.5}, "resolution must be a whole number, got 64.5."),
        ("colorize", {4: True}, "seed must be a whole number, got True."),
        ("colorize", {5: ["temperature=0.5"]}, "options must be a text, got ['temperature=0.5']."),
        ("colorize", {5: "x" * 10**6}, "An option must have the form NAME=VALUE, such as temperature=0.5, not 'xxx"),
        ("colorize", {1: "x" * 10**6}, "There is no model 'xxx"),
        ("hint", {1: "blue"}, "hints must be a list"),
        ("video", {1: []}, "model must be a text, got []."),
    ],
)
def test_wrong_type_is_named(
    demo: gr.Blocks, client: httpx.Client, upload: dict[str, Any], name: str, changes: dict[int, Any], message: str
) -> None:
    defaults = {"colorize": [upload, "tiny-dense", 1.0, None, None, ""], "compare": [upload, ["tiny-dense"]]}
    data = defaults.get(name, [upload, None, None][: len(endpoint(demo, name).inputs)])
    for place, value in changes.items():
        data[place] = value
    status, answer = call(client, endpoint(demo, name), data)
    assert status == 500
    assert answer["error"].startswith(message)
    assert len(answer["error"]) < 600


def test_wrong_number_of_values_is_named(demo: gr.Blocks, client: httpx.Client, upload: dict[str, Any]) -> None:
    _, answer = call(client, endpoint(demo, "compare"), [upload])
    assert answer["error"] == "There must be 2 values (photo, models), got 1."


def test_null_means_the_default(demo: gr.Blocks, client: httpx.Client, upload: dict[str, Any]) -> None:
    status, answer = call(client, endpoint(demo, "colorize"), [upload, "tiny-dense", None, None, None, None])
    assert status == 200, answer


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("run/predict", {"data": "x" * 10**6}),
        ("run/predict", {"data": [], "fn_index": 10**6, "session_hash": "fuzz"}),
        ("run/predict", {"data": [], "trigger_id": ["x" * 10**6], "fn_index": 0}),
        ("run/paint", {"data": []}),
        ("call/paint", {"data": []}),
        ("call/v2/paint", {}),
        ("call/v2/colorize", {"brush": "x" * 10**6}),
        ("queue/join", {"data": [], "fn_index": 10**6, "session_hash": "fuzz"}),
    ],
)
def test_request_of_no_event_is_short_and_quiet(
    client: httpx.Client, capfd: pytest.CaptureFixture, path: str, body: dict[str, Any]
) -> None:
    answer = client.post(f"/gradio_api/{path}", json=body)
    assert 400 <= answer.status_code < 500
    assert len(answer.text) < 2000
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(("num_models", "message"), [(4, "324 megapixels in total"), (1, "81 million")])
def test_comparison_of_too_much_is_refused_by_the_header(
    demo: gr.Blocks, client: httpx.Client, tmp_path: Path, monkeypatch: Any, num_models: int, message: str
) -> None:
    monkeypatch.setattr("colorizer.demo.photo.run.compare", lambda *_, **__: pytest.fail("it is read"))
    Image.new("1", (9000, 9000)).save(tmp_path / "large.png")
    files = {"files": ("large.png", (tmp_path / "large.png").read_bytes(), "image/png")}
    (path,) = client.post("/gradio_api/upload", files=files).json()
    names = endpoint(demo, "compare").inputs[1].value[:num_models]
    photo = {"path": path, "meta": {"_type": "gradio.FileData"}}
    _, answer = call(client, endpoint(demo, "compare"), [photo, names])
    assert message in answer["error"]


def test_fault_of_the_server_is_logged_in_full(
    demo: gr.Blocks, client: httpx.Client, upload: dict[str, Any], capfd: pytest.CaptureFixture, monkeypatch: Any
) -> None:
    def run_out(*_: Any) -> Path:
        raise MemoryError("no room for /srv/secret")

    monkeypatch.setattr("colorizer.demo.photo.run.colorize", run_out)
    _, answer = call(client, endpoint(demo, "colorize"), [upload, "tiny-dense", 1.0, None, None, ""])
    assert answer["error"] == "Something went wrong on the server. Try again later."
    assert "no room for" in capfd.readouterr().err


def test_choice_that_does_not_exist_is_refused_without_types_of_python(
    demo: gr.Blocks, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    format_choice = next(block for block in demo.blocks.values() if isinstance(block, gr.Radio))
    event = next(event for event in demo.fns.values() if format_choice in event.inputs and event.preprocess)
    data = [None if isinstance(block, gr.State) else block.value for block in event.inputs]
    data[event.inputs.index(format_choice)] = "rembrandt"
    status, answer = call(client, event, data)
    assert status == 500
    assert answer["error"] == "This doesn't fit the page as it is now: reload the page."
    (record,) = caplog.records
    assert record.exc_info is None
    assert "rembrandt" in record.getMessage()


def test_each_button_does_something(demo: gr.Blocks) -> None:
    """Gradio adds every component that is made while a page is built, also one that only holds an update of another."""
    heard = {block for function in demo.fns.values() for block, _ in function.targets}
    buttons = [block for block in demo.blocks.values() if isinstance(block, gr.Button)]
    assert len(buttons) > 10
    assert not [button.value for button in buttons if button._id not in heard]
