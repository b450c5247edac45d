"""The Film tab and its endpoint: plain functions, and the running app asked by `gradio_client`."""

import shutil
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.comparison import Settings
from colorizer.demo.video import clips
from colorizer.demo.video.clips import ClipStep, color_clip, playable
from colorizer.errors import ColorizerError, VideoError
from colorizer.video import Limits, VideoResult, is_playable
from tests.clips import PITCH, RATE, frames_of, make_clip, packets_of, pan, pitch_of, times_of

SECONDS = 60  # what is waited for takes less than one where the machine is not busy


@pytest.fixture(scope="module")
def catalog(checkpoints: list[str]) -> Catalog:
    return Catalog(checkpoints)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder for a visitor's files."""
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


def is_soon_gone(folder: Path) -> bool:
    deadline = time.monotonic() + SECONDS
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not folder.exists()


def test_steps_come_until_the_clip_is_whole(catalog: Catalog, clip: str, folder: Path) -> None:
    first, *steps = color_clip(catalog, clip, "tiny-dense", folder)
    assert (first.done, first.total, first.text) == (0, RATE, f"{RATE} of {RATE} frames left")
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert all(step.result is None for step in steps[:-1])
    result = steps[-1].result
    assert result.path == folder / "harbor-view-tiny-dense.mp4"
    assert times_of(result.path) == pytest.approx(times_of(Path(clip)), abs=1e-3)
    assert packets_of(result.path) == packets_of(Path(clip))
    assert [path.name for path in folder.iterdir()] == [result.path.name]
    assert steps[-1].text == f"{RATE} frames colored, one scene."


def test_options_reach_the_colors(catalog: Catalog, clip: str, folder: Path) -> None:
    *_, last = color_clip(catalog, clip, "tiny-colorful", folder, Settings(saturation=0), smoothing=0)
    assert np.ptp(np.stack(frames_of(last.result.path)).astype(int), axis=-1).max() < 12
    *_, last = color_clip(catalog, clip, "tiny-colorful", folder, Settings(saturation=0, warmth=40), smoothing=0)
    red, _, blue = np.stack(frames_of(last.result.path)).astype(int).mean(axis=(0, 1, 2))
    assert red - blue > 30


def test_a_clip_that_browsers_do_not_play_is_copied(clip: str, broken_clip: str, folder: Path, tmp_path: Path) -> None:
    assert playable(clip, folder) == Path(clip)
    avi = make_clip(tmp_path / "pan.avi", pan())
    copy = playable(str(avi), folder)
    assert copy == folder / "preview.mp4"
    assert is_playable(copy)
    assert len(frames_of(copy)) == len(frames_of(avi))
    with pytest.raises(VideoError, match=r"^broken\.mp4 is not a video"):
        playable(broken_clip, folder)


def test_text_says_what_is_left() -> None:
    assert ClipStep(100, 250, 75.0).text == "150 of 250 frames left, about 75 s"
    assert ClipStep(100, 250, 0.1).text == "150 of 250 frames left, about 1 s"
    assert ClipStep(1, 250, 200.0).text == "249 of 250 frames left, about 3 min"
    result = VideoResult(Path("a.mp4"), 250, 3, ("its sound was vorbis",))
    assert ClipStep(250, 250, 0.0, result).text == "250 frames colored, 3 scenes. Its sound was vorbis."


def test_closing_stops_the_work_and_leaves_nothing(
    catalog: Catalog, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = make_clip(tmp_path / "long.mkv", pan(40) * 10, sound=None)
    monkeypatch.setattr(clips, "_STEP", 0.01)
    steps = color_clip(catalog, str(long), "tiny-colorful", folder)
    reached = next(step.done for step in steps if step.done > 2)
    steps.close()
    assert reached < 400
    assert is_soon_gone(folder)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(seconds=0.5), r"^harbor view\.mp4 is longer than the 0\.5 seconds"),
        (Limits(frames=5), "more than the 5 frames"),
        (Limits(pixels=1000), "64×48 pixels, more than"),
        (Limits(bytes=100), "MiB, more than"),
    ],
)
def test_limits_hold_before_any_work(
    limits: Limits, message: str, catalog: Catalog, clip: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "LIMITS", limits)
    with pytest.raises(VideoError, match=message):
        next(color_clip(catalog, clip, "tiny-dense", folder))
    assert is_soon_gone(folder)


def test_what_is_wrong_is_named(catalog: Catalog, clip: str, broken_clip: str, folder: Path) -> None:
    for source, name, message in (
        ("", "tiny-dense", "Choose a clip first"),
        (broken_clip, "tiny-dense", r"^broken\.mp4 is not a video"),
        (clip, "rembrandt", "no model 'rembrandt'"),
    ):
        folder.mkdir(exist_ok=True)
        with pytest.raises(ColorizerError, match=message):
            list(color_clip(catalog, source, name, folder))
        assert is_soon_gone(folder)


def test_no_error_names_a_folder_of_the_server(catalog: Catalog, clip: str, tmp_path: Path) -> None:
    missing, blocked = str(tmp_path / "harbor view.mp4"), tmp_path / "none" / "deep"
    for source, folder in ((missing, tmp_path / "result"), (str(tmp_path), tmp_path / "result"), (clip, blocked)):
        with pytest.raises(ColorizerError) as raised:
            list(color_clip(catalog, source, "tiny-dense", folder))
        assert "/" not in str(raised.value)


def test_limits_are_said_as_they_are() -> None:
    for number in ("30 seconds", "900 frames", "2.1 megapixels", "40 MB"):
        assert number in clips.LIMITS_TEXT
    assert (clips.LIMITS.seconds, clips.LIMITS.frames, clips.LIMITS.bytes) == (30, 900, 40 * 1024**2)


@pytest.fixture(scope="module")
def client(app_url: str) -> Client:
    return Client(app_url, verbose=False)


def test_the_endpoint_answers_the_clip_with_its_sound(client: Client, clip: str, tmp_path: Path) -> None:
    answer = client.predict(handle_file(clip), "tiny-dense", api_name="/video")
    colored = shutil.copy(answer, tmp_path / "colored.mp4")
    assert len(frames_of(colored)) == RATE
    assert pitch_of(colored) == pytest.approx(PITCH, abs=3)


def test_a_clip_that_is_canceled_is_not_worked_on(client: Client, tmp_path: Path, app_files: Path) -> None:
    long = make_clip(tmp_path / "long.mkv", pan(40) * 18, sound=None)
    job = client.submit(handle_file(long), "default", api_name="/video")
    deadline = time.monotonic() + SECONDS
    while not (pieces := list(app_files.glob("visitors/*/*long*"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    [piece] = pieces
    job.cancel()
    # It would take minutes.
    assert is_soon_gone(piece.parent)


def test_the_endpoint_is_documented(client: Client) -> None:
    endpoint = client.view_api(return_format="dict")["named_endpoints"]["/video"]
    assert [parameter["parameter_name"] for parameter in endpoint["parameters"]] == ["clip", "model"]
    assert "30 seconds" in endpoint["parameters"][0]["label"]


def test_the_endpoint_names_what_is_wrong(client: Client, clip: str, broken_clip: str, app_url: str) -> None:
    with pytest.raises(AppError, match=r"broken\.mp4 is not a video"):
        client.predict(handle_file(broken_clip), "tiny-dense", api_name="/video")
    with pytest.raises(AppError, match="no model 'rembrandt'"):
        client.predict(handle_file(clip), "rembrandt", api_name="/video")
    call = {"data": [{"path": clip, "meta": {"_type": "gradio.FileData"}}, "tiny-dense"]}  # a file of the server
    event = httpx.post(f"{app_url}gradio_api/call/video", json=call, trust_env=False).json()["event_id"]
    answer = httpx.get(f"{app_url}gradio_api/call/video/{event}", trust_env=False, timeout=30).text
    assert "event: error" in answer
    assert "event: complete" not in answer
