"""Clips in color: what a result keeps of its clip, that a broken-off one goes on, and what is refused."""

import os
import resource
import signal
import weakref
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import ColorizerError, VideoError, VideoStopped, colorize_video
from colorizer.pipelines import ColorizationPipeline, pipeline
from colorizer.video import Limits, coloring, inspect
from tests.clips import (
    PITCH,
    RATE,
    add_tone,
    chroma_of,
    frames_of,
    lightness_of,
    make_clip,
    packets_of,
    pan,
    pitch_of,
    times_of,
    write_tone,
)
from tests.test_sampling import lively


@pytest.fixture(scope="module")
def pipe() -> ColorizationPipeline:
    return pipeline(lively("colorful", resolution=32), device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second with sound."""
    return make_clip(
        tmp_path_factory.mktemp("clips") / "pan.mp4", pan(), metadata={"title": "Coffee", "comment": "Mine"}
    )


def assert_same_lightness(result: Path, frames: list[np.ndarray]) -> None:
    colored = frames_of(result)
    assert len(colored) == len(frames)
    for own, new in zip(frames, colored, strict=True):
        assert np.abs(lightness_of(own) - lightness_of(new)).mean() < 1.5


def assert_nothing_left(folder: Path, *files: str) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)


def test_a_clip_keeps_its_frames_times_and_sound(clip: Path, pipe: ColorizationPipeline, tmp_path: Path):
    seen = []
    result = colorize_video(clip, tmp_path / "colored.mp4", pipe, progress=lambda *step: seen.append(step))
    assert (result.path, result.num_frames, result.num_scenes, result.notes) == (tmp_path / "colored.mp4", RATE, 1, ())
    assert seen == [(done, RATE) for done in range(1, RATE + 1)]
    assert times_of(result.path) == pytest.approx(times_of(clip), abs=1e-3)
    assert_same_lightness(result.path, frames_of(clip))
    assert packets_of(result.path) == packets_of(clip)
    with av.open(str(result.path)) as container:
        (picture,), (sound,) = container.streams.video, container.streams.audio
        assert picture.average_rate == RATE
        assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert sound.language == "fin"
        assert container.metadata["title"] == "Coffee"
        assert container.metadata["comment"] == f"Mine. Colors are a guess by {pipe.name} (colorizer)"
    assert_nothing_left(tmp_path, "colored.mp4")


def test_colors_are_the_networks(clip: Path, pipe: ColorizationPipeline, tmp_path: Path):
    result = colorize_video(clip, tmp_path / "colored.mp4", pipe, smoothing=0, saturation=1.5, temperature=0.5)
    source, colored = frames_of(clip), frames_of(result.path)
    for number in (0, 13):
        expected = chroma_of(np.asarray(pipe(source[number], saturation=1.5, temperature=0.5)))
        assert np.abs(expected).mean() > 4
        assert np.abs(chroma_of(colored[number]) - expected).mean() < 1.5


@pytest.mark.parametrize(
    ("ending", "codec", "sound", "target", "kept", "new"),
    [
        ("mkv", "libx264", "flac", "mp4", True, "flac"),
        ("mov", "libx264", "pcm_s16le", "mov", True, "pcm_s16le"),
        ("avi", "mpeg4", "pcm_s16le", "mp4", False, "aac"),
        ("mp4", "libx264", "aac", "webm", False, "opus"),
        ("ts", "libx264", "aac", "mkv", True, "aac"),
        ("mp4", "libx264", None, "mp4", True, None),
    ],
)
def test_sound_is_kept_in_every_container(
    ending: str,
    codec: str,
    sound: str | None,
    target: str,
    kept: bool,
    new: str | None,
    pipe: ColorizationPipeline,
    tmp_path: Path,
):
    clip = make_clip(tmp_path / f"clip.{ending}", pan(12), codec=codec, sound=sound)
    result = colorize_video(clip, tmp_path / f"colored.{target}", pipe)
    assert len(frames_of(result.path)) == 12
    with av.open(str(result.path)) as container:
        names = [stream.codec_context.name for stream in container.streams.audio]
    assert names == ([] if new is None else [new])
    assert len(result.notes) == (not kept)
    if sound is not None:
        assert pitch_of(result.path) == pytest.approx(PITCH, abs=3)
        assert kept == (packets_of(result.path) == packets_of(clip)) or ending == "ts"  # whose packets have headers


def test_uneven_times_and_odd_sizes_are_kept(pipe: ColorizationPipeline, tmp_path: Path):
    times = [0, 40, 50, 300, 310, 900, 1000, 1040]
    clip = make_clip(tmp_path / "clip.mkv", pan(8), times=times, sound=None)
    result = colorize_video(clip, tmp_path / "colored.mp4", pipe)
    assert times_of(result.path)[:-1] == pytest.approx([time / 1000 for time in times], abs=1e-3)
    Image.fromarray(np.zeros((25, 33), np.uint8)).save(
        tmp_path / "odd.gif", save_all=True, append_images=[Image.new("L", (33, 25), 200)], duration=200
    )
    result = colorize_video(tmp_path / "odd.gif", tmp_path / "odd.mp4", pipe)
    assert result.notes == ("an odd side has one pixel more",)
    first, last = frames_of(result.path)
    assert first.shape == last.shape == (26, 34, 3)
    assert first.mean() < 5
    assert last.mean() == pytest.approx(200, abs=5)
    assert times_of(result.path)[:2] == pytest.approx([0, 0.2], abs=1e-2)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_turned_clip_comes_out_upright(rotation: int, pipe: ColorizationPipeline, tmp_path: Path):
    frames = pan(4)
    clip = make_clip(tmp_path / "clip.mov", frames, rotation=rotation, sound=None)
    result = colorize_video(clip, tmp_path / "colored.mov", pipe)
    assert_same_lightness(result.path, [np.rot90(pixels, rotation // 90).copy() for pixels in frames])
    with av.open(str(result.path)) as container:
        assert next(container.decode(video=0)).rotation == 0


def test_a_grainy_still_flickers_less_than_without_smoothing(tmp_path: Path):
    jumpy = pipeline(lively("lite_unet", resolution=64), device="cpu")
    generator = np.random.default_rng(0)
    grainy = [(still + generator.normal(0, 8, (48, 64, 1))).clip(0, 255).astype(np.uint8) for still in pan(1) * 12]
    clip = make_clip(tmp_path / "clip.mp4", grainy, sound=None)
    flicker = {}
    for seconds in (0, 1):
        result = colorize_video(clip, tmp_path / f"{seconds}.mp4", jumpy, smoothing=seconds)
        chroma = [chroma_of(pixels) for pixels in frames_of(result.path)]
        flicker[seconds] = np.mean([np.abs(after - before).mean() for before, after in pairwise(chroma[3:])])
    assert flicker[1] < 0.4 * flicker[0]


def test_no_color_of_one_scene_is_left_in_the_next(pipe: ColorizationPipeline, tmp_path: Path):
    scenes = pan(6) + [np.ascontiguousarray(pixels[::-1, ::-1] // 2) for pixels in pan(6, start=40)]
    result = colorize_video(make_clip(tmp_path / "two.mkv", scenes), tmp_path / "two.mp4", pipe)
    assert result.num_scenes == 2
    second = colorize_video(make_clip(tmp_path / "second.mkv", scenes[6:]), tmp_path / "second.mp4", pipe)
    difference = chroma_of(frames_of(result.path)[6]) - chroma_of(frames_of(second.path)[0])
    assert np.abs(difference).mean() < 1


def test_a_killed_clip_goes_on_and_ends_as_if_nothing_had_happened(
    clip: Path, pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(coloring, "NUM_FRAMES", 5)
    target = tmp_path / "colored.mp4"

    def kill(done: int, total: int) -> None:
        if done == 13:
            os.kill(os.getpid(), signal.SIGKILL)

    process = os.fork()
    if process == 0:  # the one that is killed
        try:
            signal.alarm(60)
            torch.set_num_threads(1)  # the parent's threads don't come along
            colorize_video(clip, target, pipe, progress=kill)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(process, 0)[1]) == signal.SIGKILL
    assert not target.exists()
    seen = []
    resumed = colorize_video(clip, target, pipe, progress=lambda done, total: seen.append(done))
    assert seen == [10, *range(11, RATE + 1)]
    assert_nothing_left(tmp_path, "colored.mp4")
    at_once = colorize_video(clip, tmp_path / "at once.mp4", pipe)
    assert resumed.path.read_bytes() == at_once.path.read_bytes()
    assert (resumed.num_frames, resumed.num_scenes) == (at_once.num_frames, at_once.num_scenes)


@pytest.mark.parametrize("ending", ["mkv", "ts", "gif"])
def test_a_stopped_clip_goes_on(
    ending: str, pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(coloring, "NUM_FRAMES", 4)
    clip, target = tmp_path / f"clip.{ending}", tmp_path / "colored.mp4"
    if ending == "gif":
        first, *others = (Image.fromarray(pixels) for pixels in pan(12))
        first.save(clip, save_all=True, append_images=others, duration=50)
    else:
        make_clip(clip, pan(12))
    seen = []
    with pytest.raises(VideoStopped, match="stopped after 9 of 12 frames"):
        colorize_video(
            clip, target, pipe, progress=lambda done, total: seen.append(done), should_stop=lambda: len(seen) == 9
        )
    assert not target.exists()
    colorize_video(clip, target, pipe, progress=lambda done, total: seen.append(done))
    assert seen == [*range(1, 10), 8, *range(9, 13)]
    colorize_video(clip, tmp_path / "at once.mp4", pipe)
    assert target.read_bytes() == (tmp_path / "at once.mp4").read_bytes()


def test_a_stop_before_anything_is_finished_leaves_nothing(clip: Path, pipe: ColorizationPipeline, tmp_path: Path):
    with pytest.raises(VideoStopped, match="stopped after 0 of 24 frames"):
        colorize_video(clip, tmp_path / "colored.mp4", pipe, should_stop=lambda: True)
    assert_nothing_left(tmp_path)


def test_what_was_begun_otherwise_is_begun_anew(
    clip: Path, pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(coloring, "NUM_FRAMES", 4)
    target, seen = tmp_path / "colored.mp4", []
    with pytest.raises(VideoStopped):
        colorize_video(
            clip, target, pipe, progress=lambda done, total: seen.append(done), should_stop=lambda: len(seen) == 9
        )
    colorize_video(clip, target, pipe, saturation=0, progress=lambda done, total: seen.append(done))
    assert seen[9] == 1
    assert max(np.abs(chroma_of(pixels)).mean() for pixels in frames_of(target)) < 2


def test_a_full_disk_is_told_and_what_was_done_is_kept(
    clip: Path, pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(coloring, "NUM_FRAMES", 4)
    target = tmp_path / "colored.mp4"
    target.write_bytes(b"of before")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, limit[1]))  # files can't grow beyond, as on a full disk
    try:
        with pytest.raises(VideoError, match=r"colored\.mp4 could not be written \(.*What was finished is kept"):
            colorize_video(clip, target, pipe)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert target.read_bytes() == b"of before"
    seen = []
    colorize_video(clip, target, pipe, progress=lambda done, total: seen.append(done))
    assert seen[0] > 1
    assert len(frames_of(target)) == RATE
    assert_nothing_left(tmp_path, "colored.mp4")


def test_two_at_one_result_are_refused(clip: Path, pipe: ColorizationPipeline, tmp_path: Path):
    def begin_once_more(done: int, total: int) -> None:
        if done == 5:
            with pytest.raises(VideoError, match="made by another process"):
                colorize_video(clip, tmp_path / "colored.mp4", pipe)

    colorize_video(clip, tmp_path / "colored.mp4", pipe, progress=begin_once_more)
    assert_nothing_left(tmp_path, "colored.mp4")


def test_only_a_few_frames_are_held_at_once(
    clip: Path, pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    held, most = weakref.WeakSet(), 0
    read = coloring.frames

    def count(*arguments):
        nonlocal most
        for frame in read(*arguments):
            held.add(frame)
            most = max(most, len(held))
            yield frame
            del frame

    monkeypatch.setattr(coloring, "frames", count)
    colorize_video(clip, tmp_path / "colored.mp4", pipe, batch_size=3)
    assert 3 <= most <= 8


def damaged(folder: Path) -> dict[str, Path]:
    """Files that are no clips, by what is wrong with them."""
    files = {
        name: folder / f"{name}.mp4" for name in ("noise", "photo", "empty", "playlist", "list", "half", "missing")
    }
    files["noise"].write_bytes(np.random.default_rng(0).bytes(5000))
    Image.new("RGB", (64, 48)).save(files["photo"], "JPEG")
    files["empty"].touch()
    whole = make_clip(folder / "whole.mkv", pan(36))
    files["playlist"].write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{whole}\n#EXT-X-ENDLIST\n")
    files["list"].write_text(f"ffconcat version 1.0\nfile {whole}\n")
    files["half"].write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    files["sound"] = folder / "sound.mp4"
    with av.open(str(files["sound"]), "w") as container:
        write_tone(container, add_tone(container, "aac"), 0.1)
    return files


def test_what_is_no_whole_clip_is_named(pipe: ColorizationPipeline, tmp_path: Path):
    messages = {
        "noise": r"noise\.mp4 is not a video that can be read",
        "photo": r"photo\.mp4 is not a video that can be read",
        "empty": r"empty\.mp4 is empty",
        "playlist": "is not a video that can be read",
        "list": "is not a video that can be read",
        "half": r"half\.mp4 breaks off at 0\.\d of 1\.5 seconds",
        "missing": "There is no file",
        "sound": r"sound\.mp4 has no moving picture",
    }
    files = damaged(tmp_path)
    before = sorted(tmp_path.iterdir())
    for name, message in messages.items():
        with pytest.raises(VideoError, match=message):
            colorize_video(files[name], tmp_path / "colored.mp4", pipe)
    for source, message in ((tmp_path, "is not a file"), (b"clip", "give its path"), ("a\0b", "There is no|can't be")):
        with pytest.raises(VideoError, match=message):
            inspect(source)
    assert sorted(tmp_path.iterdir()) == before


def test_damage_on_the_way_is_told_with_its_time(
    pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(coloring, "NUM_FRAMES", 4)
    clip = make_clip(tmp_path / "clip.mov", pan(12), codec="png", pix_fmt="rgb24")
    parts = clip.read_bytes().split(b"\x89PNG")
    clip.write_bytes(b"\x89PNG".join(parts[:10]) + b"\x89GIF" + b"\x89PNG".join(parts[10:]))
    with pytest.raises(VideoError, match=r"clip\.mov is damaged at 0\.\d seconds"):
        colorize_video(clip, tmp_path / "colored.mp4", pipe)
    assert_nothing_left(tmp_path, "clip.mov")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(seconds=0.5), r"pan\.mp4 is longer than the 0\.5 seconds allowed"),
        (Limits(frames=10), r"more than the 10 frames allowed"),
        (Limits(pixels=3000), r"has 64×48 pixels, more than the 0\.003 million allowed"),
        (Limits(bytes=1000), r"more than the 0\.0009\d* allowed"),
    ],
)
def test_limits_hold(limits: Limits, message: str, clip: Path, pipe: ColorizationPipeline, tmp_path: Path):
    assert inspect(clip, Limits(1.1, RATE, 3072, clip.stat().st_size)).num_frames == RATE
    with pytest.raises(VideoError, match=message):
        colorize_video(clip, tmp_path / "colored.mp4", pipe, limits=limits)
    assert_nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "colored.txt"}, r"end in one of \.mp4"),
        ({"target": "away/colored.mp4"}, "there is no folder"),
        ({"smoothing": -1}, "smoothing"),
        ({"batch_size": 0}, "batch_size"),
        ({"saturation": 50}, "saturation"),
        ({"resolution": "big"}, "resolution"),
        ({"hints": [(1, 1, (0, 0, 0))]}, "takes no hints"),
        ({"seed": 1}, "takes no seed"),
        ({"scene": "beach"}, "scene"),
        ({"model": "rembrandt"}, "rembrandt"),
    ],
)
def test_wrong_wishes_are_named(
    changes: dict[str, object], message: str, clip: Path, pipe: ColorizationPipeline, tmp_path: Path
):
    arguments = {"target": "colored.mp4", "model": pipe} | changes
    target = tmp_path / arguments.pop("target")
    with pytest.raises(ColorizerError, match=message):
        colorize_video(clip, target, **arguments)
    assert_nothing_left(tmp_path)


def test_a_clip_is_never_overwritten_by_itself(pipe: ColorizationPipeline, tmp_path: Path):
    clip = make_clip(tmp_path / "clip.mp4", pan(2))
    before = clip.read_bytes()
    (tmp_path / "link.mp4").symlink_to(clip)
    for target in (clip, tmp_path / "link.mp4"):
        with pytest.raises(VideoError, match="would be overwritten"):
            colorize_video(clip, target, pipe)
    assert clip.read_bytes() == before
