"""Colored clips: properties kept from the original, and the source of the colors."""

import weakref
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from colorizer import colorize_video
from colorizer.photos.marks import without_mark
from colorizer.pipelines.image_colorization import ColorizationPipeline, pipeline
from colorizer.video import coloring
from tests.clips import (
    PITCH,
    RATE,
    chroma_of,
    frames_of,
    lightness_of,
    make_clip,
    packets_of,
    pan,
    pitch_of,
    times_of,
)
from tests.pipelines.test_prediction import lively
from tests.video.conftest import assert_nothing_left


def assert_same_lightness(result: Path, frames: list[np.ndarray]) -> None:
    colored = frames_of(result)
    assert len(colored) == len(frames)
    for own, new in zip(frames, colored, strict=True):
        assert np.abs(lightness_of(own) - lightness_of(new)).mean() < 1.5


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
        comment = without_mark(container.metadata["comment"])
        assert comment == f"Mine. Colors are a guess by {pipe.name} (colorizer)"
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
        ("mkv", "libx264", "flac", "mov", False, "aac"),
        ("mkv", "libx264", "libopus", "mov", False, "aac"),
        ("mkv", "libx264", "libmp3lame", "m4v", False, "aac"),
        ("mkv", "libx264", "libmp3lame", "mov", True, "mp3float"),
        ("mkv", "libx264", "eac3", "m4v", False, "aac"),
        ("avi", "mpeg4", "adpcm_ms", "mkv", False, "aac"),
        ("rm", "rv20", "ac3", "mkv", True, "ac3"),
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
    assert len(result.notes) == 1
    assert "one pixel" in result.notes[0]
    first, last = frames_of(result.path)
    assert first.shape == last.shape == (26, 34, 3)
    assert first.mean() < 5
    assert last.mean() == pytest.approx(200, abs=5)
    assert times_of(result.path)[:2] == pytest.approx([0, 0.2], abs=1e-2)


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_a_turned_or_mirrored_clip_comes_out_upright(
    rotation: int, is_mirrored: bool, pipe: ColorizationPipeline, tmp_path: Path
):
    frames = pan(4)
    clip = make_clip(tmp_path / "clip.mov", frames, rotation=rotation, is_mirrored=is_mirrored, sound=None)
    result = colorize_video(clip, tmp_path / "colored.mov", pipe)
    upright = [np.rot90(pixels, rotation // 90) for pixels in frames]
    assert_same_lightness(result.path, [(pixels[:, ::-1] if is_mirrored else pixels).copy() for pixels in upright])
    with av.open(str(result.path)) as container:
        assert next(container.decode(video=0)).side_data.get("DISPLAYMATRIX") is None


@pytest.mark.parametrize(
    ("ending", "codec", "pix_fmt"),
    [("mov", "prores_ks", "yuva444p10le"), ("mov", "png", "rgba"), ("webm", "libvpx-vp9", "yuva420p")],
)
@pytest.mark.parametrize("opacity", [200, 255])
def test_transparency_that_is_lost_is_noted(
    ending: str, codec: str, pix_fmt: str, opacity: int, pipe: ColorizationPipeline, tmp_path: Path
):
    frames = [np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]) for pixels in pan(3)]
    frames[2][5:, :, 3] = opacity
    clip = make_clip(tmp_path / f"clip.{ending}", frames, codec=codec, pix_fmt=pix_fmt, options={}, sound=None)
    result = colorize_video(clip, tmp_path / "colored.mp4", pipe)
    # Of a WebM, nothing but that there is an alpha layer is read.
    assert result.notes == (("its transparency was left out",) if opacity < 255 or ending == "webm" else ())


def combs(frames: list[np.ndarray]) -> float:
    """Measure the difference of each line from those around it, in CIE L."""
    lightness = [lightness_of(pixels) for pixels in frames]
    return np.mean([np.abs(plane[1:-1] - (plane[:-2] + plane[2:]) / 2).mean() for plane in lightness])


@pytest.mark.parametrize(
    ("ending", "codec", "pix_fmt", "options"),
    [
        ("mkv", "libx264", "yuv420p", {"x264-params": "tff=1", "crf": "10"}),
        ("mov", "libx264", "yuvj420p", {"x264-params": "bff=1", "crf": "10"}),  # levels from 0 to 255
        ("mpg", "mpeg2video", "yuv420p", {"flags": "+ildct+ilme", "b": "4M"}),
        ("mov", "prores_ks", "yuv422p10le", {"flags": "+ildct"}),
    ],
)
def test_an_interlaced_clip_is_deinterlaced(
    ending: str, codec: str, pix_fmt: str, options: dict[str, str], pipe: ColorizationPipeline, tmp_path: Path
):
    fields = pan(48)[::2]
    woven = [before.copy() for before in fields[::2]]
    for frame, after in zip(woven, fields[1::2], strict=True):
        frame[1::2] = after[1::2]  # filmed half a frame later
    clip = make_clip(tmp_path / f"clip.{ending}", woven, codec=codec, pix_fmt=pix_fmt, options=options, sound=None)
    result = colorize_video(clip, tmp_path / "colored.mp4", pipe)
    assert result.notes == ("it was interlaced; the result is progressive",)
    assert result.num_frames == 12
    with av.open(str(result.path)) as container:
        assert not any(frame.interlaced_frame for frame in container.decode(video=0))
    assert combs(woven) > 1.5 * combs(fields)
    shown = frames_of(result.path)
    assert combs(shown) < 1.1 * combs(fields)
    means = [[lightness_of(pixels).mean() for pixels in frames] for frames in (woven, shown)]
    assert means[1] == pytest.approx(means[0], abs=2)  # the wrong range of levels would be 6


def test_a_grainy_still_flickers_less_than_without_smoothing(tmp_path: Path):
    jumpy = pipeline(lively("lite_unet", resolution=64), device="cpu")
    generator = np.random.default_rng(0)
    grainy = [(still + generator.normal(0, 8, (48, 64, 1))).clip(0, 255).astype(np.uint8) for still in pan(1) * 16]
    clip = make_clip(tmp_path / "clip.mp4", grainy, sound=None)
    flicker = {}
    for seconds in (0, 1):
        result = colorize_video(clip, tmp_path / f"{seconds}.mp4", jumpy, smoothing=seconds)
        chroma = [chroma_of(pixels) for pixels in frames_of(result.path)]
        flicker[seconds] = np.mean([np.abs(after - before).mean() for before, after in pairwise(chroma[6:])])
    assert flicker[1] < 0.4 * flicker[0]


def test_no_color_of_one_scene_is_left_in_the_next(pipe: ColorizationPipeline, tmp_path: Path):
    scenes = pan(6) + [np.ascontiguousarray(pixels[::-1, ::-1] // 2) for pixels in pan(6, start=40)]
    result = colorize_video(make_clip(tmp_path / "two.mkv", scenes), tmp_path / "two.mp4", pipe)
    assert result.num_scenes == 2
    second = colorize_video(make_clip(tmp_path / "second.mkv", scenes[6:]), tmp_path / "second.mp4", pipe)
    difference = chroma_of(frames_of(result.path)[6]) - chroma_of(frames_of(second.path)[0])
    assert np.abs(difference).mean() < 1


def test_only_a_few_frames_are_held_at_once(
    clip: Path, pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    held, most = weakref.WeakSet(), 0
    read = coloring.frames

    def count(*arguments, **options):
        nonlocal most
        for frame in read(*arguments, **options):
            held.add(frame)
            most = max(most, len(held))
            yield frame
            del frame

    monkeypatch.setattr(coloring, "frames", count)
    colorize_video(clip, tmp_path / "colored.mp4", pipe, batch_size=3)
    assert 3 <= most <= 12  # read, waiting, being colored, and colored
