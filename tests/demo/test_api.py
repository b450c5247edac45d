"""Endpoints of the running app, called as by an API client."""

from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file, utils
from gradio_client.exceptions import AppError
from PIL import Image


@pytest.fixture(scope="module")
def client(app_url: str) -> Client:
    return Client(app_url, verbose=False)


def test_colorize_answers_a_png_of_the_photos_size(client: Client, color_photo: str) -> None:
    path = client.predict(handle_file(color_photo), "tiny-colorful", 1.2, 64, api_name="/colorize")
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (80, 48))


def test_colorize_takes_defaults(client: Client, color_photo: str) -> None:
    path = client.predict(photo=handle_file(color_photo), model="tiny-dense", api_name="/colorize")
    assert Image.open(path).size == (80, 48)


def test_colorize_draws_the_same_answer_for_a_seed(client: Client, color_photo: str) -> None:
    drawn = [
        Path(client.predict(handle_file(color_photo), "tiny-colorful", seed=seed, api_name="/colorize")).read_bytes()
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_compare_answers_a_gallery(client: Client, color_photo: str) -> None:
    names = ["tiny-colorful", "tiny-dense"]
    pictures = client.predict(handle_file(color_photo), names, api_name="/compare")
    assert [picture["caption"].split(",")[0] for picture in pictures] == names
    assert all(Image.open(picture["image"]).size == (80, 48) for picture in pictures)


def test_compare_answers_for_a_photo_whose_header_does_not_tell_its_size(client: Client, tmp_path: Path) -> None:
    Image.new("RGB", (80, 48), "gray").save(tmp_path / "scan.tif")
    [picture] = client.predict(handle_file(tmp_path / "scan.tif"), ["tiny-dense"], api_name="/compare")
    assert Image.open(picture["image"]).size == (80, 48)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Messages that the client gets besides results."""
    messages: list[str] = []

    class Recorded(utils.StatusUpdate):
        def __init__(self, *arguments: object, log: tuple[str, str] | None = None, **options: object) -> None:
            super().__init__(*arguments, log=log, **options)
            messages.extend(log[:1] if log else ())

    monkeypatch.setattr(utils, "StatusUpdate", Recorded)
    return messages


def test_notes_on_the_photo_are_told(client: Client, tmp_path: Path, told: list[str]) -> None:
    frames = [Image.new("L", (8, 8), level) for level in (0, 99)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    client.predict(handle_file(tmp_path / "moving.gif"), "tiny-dense", api_name="/colorize")
    client.predict(handle_file(tmp_path / "moving.gif"), ["tiny-dense"], api_name="/compare")
    assert told == ["Animated: the first of 2 frames."] * 2


def test_only_the_named_endpoints_are_offered(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/colorize", "/compare", "/hint", "/video"}
    parameters = [parameter["parameter_name"] for parameter in endpoints["/colorize"]["parameters"]]
    assert parameters == ["photo", "model", "saturation", "resolution", "seed", "options"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "rembrandt"}, "no model 'rembrandt' here; choose from"),
        ({"saturation": "much"}, "saturation"),
        ({"saturation": -1}, "saturation"),
        ({"resolution": -5}, "resolution"),
        ({"resolution": 100_000}, "resolution"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"options": "sparkle=1"}, "no option 'sparkle'"),
        ({"options": "temperature=0.5, ", "model": "tiny-dense"}, "no option 'temperature'"),
        ({"seed": 1, "model": "tiny-dense"}, "num_images or seed"),
    ],
)
def test_wrong_argument_is_named(client: Client, color_photo: str, changes: dict[str, object], message: str) -> None:
    arguments = {"photo": handle_file(color_photo), "model": "tiny-colorful"} | changes
    with pytest.raises(AppError, match=message):
        client.predict(**arguments, api_name="/colorize")


def test_broken_photo_is_named(client: Client, broken_photo: str) -> None:
    with pytest.raises(AppError, match=r"broken\.jpg"):
        client.predict(handle_file(broken_photo), "tiny-dense", api_name="/colorize")


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_no_file_of_the_server_can_be_asked_for(app_url: str, color_photo: str, meta: dict[str, object]) -> None:
    call = {"data": [{"path": color_photo, **meta}, "tiny-dense", 1.0, None, None]}
    event = httpx.post(f"{app_url}gradio_api/call/colorize", json=call, trust_env=False).json()["event_id"]
    answer = httpx.get(f"{app_url}gradio_api/call/colorize/{event}", trust_env=False, timeout=30).text
    assert "event: error" in answer
    assert "event: complete" not in answer


def test_files_go_where_gradio_deletes_them(client: Client, color_photo: str, app_files: Path) -> None:
    before = {path for path in app_files.rglob("*") if path.is_file()}
    client.predict(handle_file(color_photo), "tiny-dense", api_name="/colorize")
    after = {path for path in app_files.rglob("*") if path.is_file()}
    assert any(path.name.endswith("-tiny-dense.png") for path in after - before)
