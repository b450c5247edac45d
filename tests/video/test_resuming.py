"""Interrupted clips: a killed or stopped one resumes, and no partial result is left in its place."""

import os
import resource
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import VideoError, VideoResult, VideoStopped, colorize_video
from colorizer.pipelines.image_colorization import ColorizationPipeline
from colorizer.video import coloring, frame_network
from tests.clips import RATE, chroma_of, damage, frames_of, make_clip, pan, trim
from tests.video.conftest import assert_nothing_left


def test_a_killed_clip_goes_on_and_ends_as_if_nothing_had_happened(
    clip: Path, pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(coloring, "NUM_FRAMES", 5)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # frames are merged in tiles for each thread
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


@pytest.mark.parametrize("piece", [2, 3, 4])
def test_a_stop_between_colored_frames_makes_no_difference(
    piece: int, clip: Path, pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Pieces that end anywhere between the frames that the network colors, resumed after each."""
    colored, predict = [], frame_network.predict
    monkeypatch.setattr(
        frame_network, "predict", lambda *inputs, **k: (colored.append(len(inputs[1])), predict(*inputs, **k))[1]
    )
    monkeypatch.setattr(coloring, "NUM_FRAMES", piece)
    at_once = colorize_video(clip, tmp_path / "at once.mp4", pipe, batch_size=2)
    assert sum(colored) == RATE / 3
    target = tmp_path / "colored.mp4"
    for done in range(piece, RATE, piece):
        seen = []
        with pytest.raises(VideoStopped):
            colorize_video(
                clip,
                target,
                pipe,
                batch_size=2,
                progress=lambda *step, seen=seen: seen.append(step[0]),
                should_stop=lambda done=done, seen=seen: done in seen,
            )
        assert seen[-1] == done
    colorize_video(clip, target, pipe, batch_size=2)
    assert target.read_bytes() == at_once.path.read_bytes()


def interrupted(clip: Path, pipe: ColorizationPipeline, folder: Path) -> VideoResult:
    """Color a clip of 12 frames, stopped after 9 and resumed, and check that the result is that of an undisturbed run."""
    seen = []
    target = folder / "colored.mp4"
    with pytest.raises(VideoStopped, match="stopped after 9 of 12 frames"):
        colorize_video(
            clip, target, pipe, progress=lambda done, total: seen.append(done), should_stop=lambda: len(seen) == 9
        )
    assert not target.exists()
    result = colorize_video(clip, target, pipe, progress=lambda done, total: seen.append(done))
    assert seen == [*range(1, 10), 8, *range(9, 13)]
    at_once = colorize_video(clip, folder / "at once.mp4", pipe)
    assert target.read_bytes() == at_once.path.read_bytes()
    assert (result.num_frames, result.num_scenes, result.notes) == (12, at_once.num_scenes, at_once.notes)
    return result


@pytest.mark.parametrize("ending", ["mkv", "ts", "gif"])
def test_a_stopped_clip_goes_on(
    ending: str, pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(coloring, "NUM_FRAMES", 4)
    clip = tmp_path / f"clip.{ending}"
    if ending == "gif":
        first, *others = (Image.fromarray(pixels) for pixels in pan(12))
        first.save(clip, save_all=True, append_images=others, duration=50)
    else:
        make_clip(clip, pan(12))
    interrupted(clip, pipe, tmp_path)


def test_an_unusual_clip_goes_on(pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(coloring, "NUM_FRAMES", 4)
    names = ("trimmed", "joined", "interlaced", "last", "before", "after")
    for name in names:
        (tmp_path / name).mkdir()
    one = make_clip(tmp_path / "one.ts", pan(6))
    for number, name in ((7, "last"), (3, "before"), (9, "after")):  # of the second piece, and around it
        clip = make_clip(tmp_path / name / "clip.avi", pan(12), codec="mjpeg", pix_fmt="yuvj420p", sound=None)
        assert len(interrupted(damage(clip, number), pipe, tmp_path / name).notes) == 1
    clip = trim(make_clip(tmp_path / "long.mp4", pan(24), sound=None), tmp_path / "trimmed" / "clip.mp4", 0.5)
    assert not interrupted(clip, pipe, tmp_path / "trimmed").notes
    clip = tmp_path / "joined" / "clip.ts"
    clip.write_bytes(2 * one.read_bytes())
    assert not interrupted(clip, pipe, tmp_path / "joined").notes
    clip = make_clip(tmp_path / "interlaced" / "clip.mkv", pan(12), options={"x264-params": "tff=1"}, sound=None)
    assert len(interrupted(clip, pipe, tmp_path / "interlaced").notes) == 1


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


@pytest.mark.parametrize(("num_bytes", "num_kept"), [(16384, 0), (32768, RATE)])
def test_a_full_disk_is_told_and_what_was_done_is_kept(
    num_bytes: int, num_kept: int, pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Once full at the first state, once at the whole result."""
    monkeypatch.setattr(coloring, "NUM_FRAMES", 4)
    generator = np.random.default_rng(0)
    grainy = [(pixels + generator.normal(0, 20, (48, 64, 1))).clip(0, 255).astype(np.uint8) for pixels in pan()]
    clip = make_clip(tmp_path / "clip.mp4", grainy)
    target = tmp_path / "colored.mp4"
    target.write_bytes(b"of before")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, limit[1]))  # files can't grow beyond, as on a full disk
    try:
        with pytest.raises(VideoError, match=r"colored\.mp4 could not be written \(.*kept"):
            colorize_video(clip, target, pipe)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert target.read_bytes() == b"of before"
    seen = []
    colorize_video(clip, target, pipe, progress=lambda done, total: seen.append(done))
    assert seen[0] == max(1, num_kept)
    assert len(frames_of(target)) == RATE
    assert_nothing_left(tmp_path, "clip.mp4", "colored.mp4")


def test_two_at_one_result_are_refused(clip: Path, pipe: ColorizationPipeline, tmp_path: Path):
    def begin_once_more(done: int, total: int) -> None:
        if done == 5:
            with pytest.raises(VideoError, match="another process"):
                colorize_video(clip, tmp_path / "colored.mp4", pipe)

    colorize_video(clip, tmp_path / "colored.mp4", pipe, progress=begin_once_more)
    assert_nothing_left(tmp_path, "colored.mp4")
