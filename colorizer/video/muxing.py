"""Muxing of the colored pieces and the clip's other tracks into one file."""

import heapq
import os
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from colorizer.photos.files.saving import describe
from colorizer.photos.marks import Mark, find_mark, without_mark
from colorizer.video.containers import MPEG_ENDINGS
from colorizer.video.frames import Clip
from colorizer.video.opening import open_container, opened
from colorizer.video.sound import begins_hidden
from colorizer.video.tracks import Tracks

# Tags about the file, not about the clip.
_OWN_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "software", "duration"}

# Decoding time in seconds, and packets of one stream.
_Timed = tuple[float, list[Packet]]


def join(clip: Clip, pieces: list[Path], last_duration: int, path: Path, model: str | None = None) -> tuple[str, ...]:
    """Write the result, with `model`'s name in its metadata, to a container given by the extension of `path`.

    `last_duration` is the last frame's duration in the clip's ticks. Sound and subtitles that the container supports are
    copied, others are converted where possible. Returns notes on what was changed. Raises PyAV's errors where the file can't
    be written, VideoError where the clip can't be read.
    """
    may_copy = True
    if clip.has_sound:
        with open_container(clip.path) as container:
            may_copy = not begins_hidden(container, path.suffix)
    try:
        return _join(clip, pieces, last_duration, path, model, may_copy)
    except av.FFmpegError:
        # Some muxers refuse a track only at one of its packets.
        if not may_copy or not clip.has_sound:
            raise
        return _join(clip, pieces, last_duration, path, model, may_copy=False)


def _join(
    clip: Clip, pieces: list[Path], last_duration: int, path: Path, model: str | None, may_copy: bool
) -> tuple[str, ...]:
    with ExitStack() as open_files:
        first = open_files.enter_context(av.open(_address(pieces[0])))
        options = {"movflags": "+faststart"} if path.suffix in MPEG_ENDINGS else {}
        output = open_files.enter_context(av.open(_address(path), "w", container_options=options))
        output.metadata.update(_metadata(clip, model))
        picture = output.add_stream_from_template(first.streams.video[0])
        picture.codec_context.framerate = clip.rate
        container, own = open_files.enter_context(opened(clip.path, is_thorough=True))
        tracks = Tracks(clip, container, own, output, path.suffix, may_copy)
        others = (_timed(taken) for taken in tracks.packets() if taken)
        colored = _picture(pieces, picture, last_duration * clip.time_base)
        for _, timed in heapq.merge(colored, others, key=lambda timed: timed[0]):
            output.mux(timed)
    return tracks.notes


def _address(path: Path) -> str:
    return f"file:{os.path.abspath(path)}"


def _metadata(clip: Clip, model: str | None) -> dict[str, str]:
    kept = {name.lower(): value for name, value in clip.metadata.items() if name.lower() not in _OWN_TAGS}
    if model is None:
        return kept
    own = without_mark(kept.get("comment", "")).replace(describe(model), "").strip(" .")
    description = describe(model, clip.mark)
    kept["comment"] = f"{own}. {description}" if own else description
    return kept


def read_mark(path: str | os.PathLike) -> Mark | None:
    """Return the mark in a colored clip, or None if it has none or can't be read."""
    try:
        with av.open(_address(path), metadata_errors="replace") as container:
            return find_mark(" ".join(container.metadata.values()))
    except (av.FFmpegError, OSError, ValueError):
        return None


def _picture(pieces: list[Path], stream: VideoStream, last_duration: Fraction) -> Iterator[_Timed]:
    """Yield the packets of all pieces, each with its duration until the next."""
    waiting: Packet | None = None
    for piece in pieces:
        with av.open(_address(piece)) as container:
            for packet in container.demux(video=0):
                if packet.size == 0:
                    continue
                packet.dts = packet.pts  # no frame refers to a later one; the container drops it for long frames
                if waiting is not None:
                    waiting.duration = packet.pts - waiting.pts
                    yield _timed([waiting])
                packet.stream = stream
                waiting = packet
    waiting.duration = round(last_duration / waiting.time_base)
    yield _timed([waiting])


def _timed(taken: list[Packet]) -> _Timed:
    return float(taken[0].dts * taken[0].time_base), taken
