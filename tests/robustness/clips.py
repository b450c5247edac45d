"""Fuzzer of clips: MP4, Matroska, AVI and GIF, changed in their boxes, elements, chunks and bytes."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch

from colorizer import create_model, pipeline
from colorizer.pipelines.image_colorization import ColorizationPipeline
from colorizer.video import Limits, colorize_video
from tests.clips import frames_of, make_clip, pan
from tests.robustness.clip_formats import CLIP_FORMATS
from tests.robustness.parts import FREE, LOSSY, NEUTRAL, cut, flip, mutate
from tests.robustness.verdicts import Fault

NUM_FRAMES = 6
LIMITS = Limits(seconds=30, frames=200, pixels=1920 * 1088, bytes=40 * 1024**2)
MAX_DIFFERENCE = 8.0  # VP9 alone loses 6 of an animation
LUMA = np.array([0.299, 0.587, 0.114])
GOOD = (
    ("sound.mp4", {"sound": "aac", "metadata": {"title": "a film"}}),
    ("silent.mp4", {"sound": None}),
    ("turned.mp4", {"sound": None, "rotation": 90}),
    ("mpeg4.mp4", {"sound": "mp3", "codec": "mpeg4"}),
    ("sound.mkv", {"sound": "libopus"}),
    ("silent.mkv", {"sound": None, "times": [0, 40, 90, 200, 220, 400]}),
    ("sound.avi", {"sound": "mp3", "codec": "mpeg4"}),
    ("pictures.avi", {"sound": "pcm_s16le", "codec": "mjpeg", "pix_fmt": "yuvj420p"}),
    ("silent.gif", {"sound": None, "codec": "gif", "pix_fmt": "rgb8"}),
)


@dataclass(frozen=True)
class Good:
    """A good clip and the frames of its colored version."""

    path: Path
    content: bytes
    frames: list[np.ndarray]


@dataclass(frozen=True)
class Prepared:
    """Good clips, a network, and a folder for bad clips and their results."""

    clips: tuple[Good, ...]
    pipe: ColorizationPipeline
    place: Path


def prepare(folder: Path) -> Prepared:
    """Make good clips, and color each."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    pipe = pipeline(create_model("dense", width=1 / 64, resolution=8).eval())
    clips = []
    for name, options in GOOD:
        # x264 makes another file of smaller frames each time.
        path = make_clip(folder / name, pan(NUM_FRAMES), **options)
        result = colorize_video(path, folder / "colored.mp4", pipe, limits=LIMITS)
        clips.append(Good(path, path.read_bytes(), frames_of(result.path)))
    return Prepared(tuple(clips), pipe, folder / "bad")


def make(prepared: Prepared, random: Random) -> tuple[Good, bytes, int]:
    """Return a good clip, a bad one made of it, and the effect of the changes."""
    good = random.choice(prepared.clips)
    if random.random() < 0.15:
        how = random.choice((cut, flip))
        return good, how(random, good.content), LOSSY if how is cut else FREE
    donors = [clip.content for clip in prepared.clips if clip.path.suffix == good.path.suffix]
    return good, *mutate(random, CLIP_FORMATS[good.path.suffix], good.content, donors)


def attempt(prepared: Prepared, random: Random) -> None:
    """Color a bad clip, and look at the result."""
    good, content, effect = make(prepared, random)
    shutil.rmtree(prepared.place, ignore_errors=True)
    prepared.place.mkdir()
    source = prepared.place / f"clip{good.path.suffix}"
    source.write_bytes(content)
    target = prepared.place / f"colored{random.choice(('.mp4', '.mp4', '.mkv', '.mov', '.webm'))}"
    result = colorize_video(source, target, prepared.pipe, limits=LIMITS)
    frames = frames_of(target)
    if len(frames) != result.num_frames or not frames:
        raise Fault(f"{len(frames)} frames in {target.name}, {result.num_frames} in the report")
    if effect == LOSSY and len(frames) < len(good.frames) and not result.notes:
        raise Fault(f"{len(frames)} of {len(good.frames)} frames of {good.path.name} are colored without a word")
    if effect == NEUTRAL:
        if len(frames) != len(good.frames) or frames[0].shape != good.frames[0].shape:
            raise Fault(f"{len(frames)} frames of {frames[0].shape} from {good.path.name} that lost nothing")
        if max(_difference(*pair) for pair in zip(frames, good.frames, strict=True)) > MAX_DIFFERENCE:
            raise Fault(f"wrong pictures from {good.path.name} that lost nothing")


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one @ LUMA - other @ LUMA).mean())
