"""Clips with unusual times: long frames, B-frames in slow clips, joined recordings, clips trimmed without re-encoding."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from colorizer import colorize_video
from colorizer.pipelines.image_colorization import ColorizationPipeline
from colorizer.video import inspect
from tests.clips import (
    PITCH,
    RATE,
    SAMPLES,
    frames_of,
    lightness_of,
    make_clip,
    pan,
    pitch_of,
    sound_of,
    times_of,
    trim,
)


@pytest.mark.parametrize("target", ["mp4", "mkv", "webm"])
def test_frames_may_last_seconds(target: str, pipe: ColorizationPipeline, tmp_path: Path):
    options = {"bf": "3", "b-adapt": "0"}  # frames that refer to later ones
    for ending, rate in (("mp4", Fraction(1, 2)), ("mkv", Fraction(1, 5)), ("mov", Fraction(1, 3))):
        clip = make_clip(tmp_path / f"clip.{ending}", pan(4), rate=rate, sound=None, options=options)
        result = colorize_video(clip, tmp_path / f"{ending}.{target}", pipe)
        assert np.diff(times_of(result.path)) == pytest.approx([float(1 / rate)] * 4, abs=2e-3)
    first, *others = (Image.fromarray(pixels) for pixels in pan(3))
    first.save(tmp_path / "clip.gif", save_all=True, append_images=others, duration=5000)
    result = colorize_video(tmp_path / "clip.gif", tmp_path / f"gif.{target}", pipe)
    assert times_of(result.path) == pytest.approx([0, 5, 10, 15], abs=2e-3)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize("between", [1, 2, 3])
def test_frames_of_an_avi_come_in_time(codec: str, between: int, pipe: ColorizationPipeline, tmp_path: Path):
    """AVI holds no times but the order of decoding, in which frames that others refer to come early."""
    options = {
        "libx264": {"crf": "4", "bf": str(between), "b-adapt": "0"},
        "mpeg4": {"qscale": "2", "bf": str(between)},
    }
    clip = make_clip(tmp_path / "clip.avi", pan(13), codec=codec, sound="mp3", options=options[codec])
    result = colorize_video(clip, tmp_path / "colored.mkv", pipe)
    assert times_of(result.path) == pytest.approx([k / RATE for k in range(14)], abs=2e-3)
    for own, new in zip(frames_of(clip), frames_of(result.path), strict=True):
        assert np.abs(lightness_of(own) - lightness_of(new)).mean() < 1.5


def test_what_an_avi_leaves_out_does_not_move_the_rest(pipe: ColorizationPipeline, tmp_path: Path):
    """An empty place means "as before"; without frames between others, too."""
    clip = make_clip(tmp_path / "clip.avi", pan(9), sound=None, times=[0, 42, 83, 125, 292, 333, 375, 417, 458])
    result = colorize_video(clip, tmp_path / "colored.mkv", pipe)
    with av.open(str(clip)) as container:
        expected = [packet.dts * packet.time_base for packet in container.demux(video=0) if packet.size]
    assert times_of(result.path)[:-1] == pytest.approx([float(time) for time in expected], abs=2e-3)


@pytest.mark.parametrize("num_frames", [5, 7, 13])
def test_a_slow_mkv_is_whole(num_frames: int, tmp_path: Path):
    for preset in ("ultrafast", "medium"):  # the latter has frames that refer to later ones
        options = {"preset": preset}
        clip = make_clip(tmp_path / "clip.mkv", pan(num_frames), rate=Fraction(1, 2), sound=None, options=options)
        found = inspect(clip)
        assert (found.num_frames, found.seconds) == (num_frames, 2 * num_frames)


@pytest.mark.parametrize(("ending", "codec", "sound"), [("ts", "libx264", "aac"), ("mpg", "mpeg2video", "mp2")])
@pytest.mark.parametrize("lengths", [(12, 12), (36, 12), (12, 36), (30, 30, 30)])
def test_joined_recordings_follow_one_another(
    ending: str, codec: str, sound: str, lengths: tuple[int, ...], pipe: ColorizationPipeline, tmp_path: Path
):
    clip, frames = tmp_path / f"joined.{ending}", []
    with clip.open("wb") as joined:
        for length in lengths:
            part = make_clip(tmp_path / f"part.{ending}", pan(length), codec=codec, sound=sound)
            joined.write(part.read_bytes())
            frames += frames_of(part)
    result = colorize_video(clip, tmp_path / "colored.mp4", pipe)
    assert result.num_frames == inspect(clip).num_frames == sum(lengths)
    steps = np.diff(times_of(result.path))
    assert np.median(steps) == pytest.approx(1 / RATE, abs=1e-3)
    assert min(steps) > 0.5 / RATE
    assert max(steps) < 3 / RATE  # the sound of a part may be longer than its picture
    for own, new in zip(frames, frames_of(result.path), strict=True):
        assert np.abs(lightness_of(own) - lightness_of(new)).mean() < 1.5
    assert pitch_of(result.path) == pytest.approx(PITCH, abs=3)
    assert len(sound_of(result.path)) / SAMPLES == pytest.approx(sum(lengths) / RATE, abs=0.15)


def test_a_recording_hours_later_follows_at_once_and_slow_ones_keep_their_pace(
    pipe: ColorizationPipeline, tmp_path: Path
):
    first = make_clip(tmp_path / "first.ts", pan(12))
    later = trim(first, tmp_path / "later.ts", -20000)
    clip = tmp_path / "clip.ts"
    for parts in ((first, later), (later, first)):
        clip.write_bytes(b"".join(part.read_bytes() for part in parts))
        result = colorize_video(clip, tmp_path / "colored.mp4", pipe)
        assert result.num_frames == 24
        assert times_of(result.path)[-1] == pytest.approx(1, abs=0.15)
        assert len(sound_of(result.path)) / SAMPLES == pytest.approx(1, abs=0.15)
    slow = make_clip(tmp_path / "slow.ts", pan(4), rate=Fraction(1, 20), sound=None)
    assert inspect(slow).seconds == pytest.approx(80, abs=0.5)
    assert not inspect(slow).is_joined


@pytest.mark.parametrize("target", ["mp4", "mkv", "webm"])
def test_what_was_trimmed_off_stays_off(target: str, pipe: ColorizationPipeline, tmp_path: Path):
    frames = pan(48)
    whole = make_clip(tmp_path / "whole.mp4", frames)
    clip = trim(whole, tmp_path / "clip.mp4", 1)
    result = colorize_video(clip, tmp_path / f"colored.{target}", pipe)
    assert result.num_frames == inspect(clip).num_frames == 24
    assert times_of(result.path)[0] == pytest.approx(0, abs=1e-3)
    assert np.abs(lightness_of(frames_of(result.path)[0]) - lightness_of(frames[24])).mean() < 1.5
    assert len(sound_of(result.path)) / SAMPLES == pytest.approx(1, abs=0.03)
    assert len(result.notes) == (target != "mp4")
    # Not trimmed, the sound is copied.
    if target == "mkv":
        assert not colorize_video(whole, tmp_path / "whole.mkv", pipe).notes
    assert all(after > before for before, after in pairwise(times_of(result.path)))


def test_a_dv_file_has_the_rate_of_its_frames(pipe: ColorizationPipeline, tmp_path: Path):
    """FFmpeg gives the ticks per second as its average rate, which no MP4 takes."""
    with av.open(tmp_path / "tape.dv", "w") as tape:
        stream = tape.add_stream("dvvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for k in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((576, 720, 3), 60 + 40 * k, np.uint8))
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            tape.mux(stream.encode(frame))
        tape.mux(stream.encode())
    assert inspect(tmp_path / "tape.dv").rate == 25
    result = colorize_video(tmp_path / "tape.dv", tmp_path / "colored.mp4", pipe)
    assert times_of(result.path) == pytest.approx([0, 0.04, 0.08, 0.12], abs=2e-3)
