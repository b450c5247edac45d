"""Read a clip: what it is, bounded before it is decoded, and then its frames, upright, one after another."""

import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from colorizer.errors import VideoError
from colorizer.video.opening import Limits, check_file, damage, decode, opened

# By their numbers in H.273.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
# A clip that says nothing of its matrix has that of its size.
_HD_LINES, _HD_MATRIX, _SD_MATRIX = 720, 1, 6
_RATE = Fraction(25)  # of a clip that doesn't say its own
_MARGIN = 2  # seconds before a frame that is looked for: a decoder that starts anew may lose the first ones
_MISSING = 0.25  # seconds that a clip may end before it said it would: containers round


@dataclass(frozen=True)
class Clip:
    """What a clip is, as `inspect` finds it.

    size: width and height, upright. turns: quarter turns against the clock that bring its frames upright.
    time_base, rate: seconds of a tick, and frames a second, on average.
    start: the time, in seconds, that its first picture or sound has in the file.
    num_frames, seconds: how many frames there are, but for those that don't decode, and until when they last.
    pixel_aspect: width of an upright pixel over its height. color: primaries, transfer and matrix, by their numbers in H.273.
    has_sound: whether there is any that can be read. metadata: the container's own.
    """

    path: Path
    size: tuple[int, int]
    turns: int
    time_base: Fraction
    rate: Fraction
    start: Fraction
    num_frames: int
    seconds: float
    pixel_aspect: Fraction
    color: tuple[int, int, int]
    has_sound: bool
    metadata: dict[str, str]

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def matrix(self) -> Colorspace:
        """Between RGB and the levels that are stored."""
        return _MATRICES[self.color[2]]


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame: pixels, uint8 (H, W, 3); when it is shown and for how long, in the clip's ticks since its start.

    position: its time in the file itself, by which it is found again, together with `checksum`; None if it has none.
    """

    pixels: np.ndarray
    time: int
    duration: int
    position: int | None

    @property
    def checksum(self) -> int:
        """Of the pixels."""
        return zlib.crc32(self.pixels)


@dataclass(frozen=True)
class Place:
    """Where reading goes on: after so many frames, the last of which was such a `Frame`."""

    num_frames: int
    time: int
    duration: int
    position: int | None
    checksum: int


def inspect(source: str | os.PathLike, limits: Limits | None = None) -> Clip:
    """What a clip is; all of its packets are counted, none but the first frame's decoded.

    Raises VideoError for a file that is no video, has no moving picture, breaks off, or is larger than allowed.
    """
    limits = limits or Limits()
    path = check_file(source, limits)
    with opened(path, limits) as (container, stream):
        size = stream.width, stream.height
        if size[0] * size[1] > limits.pixels:
            raise VideoError(
                f"{path.name} has {size[0]}×{size[1]} pixels, more than the {limits.pixels / 1e6:g} million allowed: "
                "make it smaller first."
            )
        first = next(decode(container, stream, path.name), None)
        if first is None or 0 in size:
            raise VideoError(f"{path.name} has no frame that can be decoded.")
        matrix = int(first.colorspace)
        if matrix not in _MATRICES:
            matrix = _HD_MATRIX if min(size) >= _HD_LINES else _SD_MATRIX
        turns = round(first.rotation / 90) % 4
        aspect = stream.sample_aspect_ratio or Fraction(1)
        facts = {
            "turns": turns,
            "size": size[::-1] if turns % 2 else size,
            "pixel_aspect": 1 / aspect if turns % 2 else aspect,
            "color": (int(first.color_primaries), int(first.color_trc), matrix),
            "time_base": stream.time_base,
            "rate": stream.average_rate or stream.guessed_rate or _RATE,
            "start": Fraction(container.start_time or 0, av.time_base),
            "has_sound": any(sound.codec_context is not None for sound in container.streams.audio),
            "metadata": dict(container.metadata),
        }
    num_frames, seconds = _measure(path, limits, facts["start"], facts["rate"])
    return Clip(path=path, num_frames=num_frames, seconds=seconds, **facts)


def frames(clip: Clip, after: Place | None = None) -> Iterator[Frame]:
    """The frames of a clip; those after a place that reading once came to, if one is given.

    Raises DamagedClip where a frame can't be decoded.
    """
    last = None if after is None else (after.time, after.duration)
    with _decoded_after(clip, after) as decoded:
        for frame in decoded:
            last = time, duration = _timing(frame, clip, last)
            yield Frame(_pixels(frame, clip), time, duration, frame.pts)


def _measure(path: Path, limits: Limits, start: Fraction, rate: Fraction) -> tuple[int, float]:
    """How many frames a clip has and until when they last, by its packets; its header may say anything."""
    count, end = 0, 0.0
    with opened(path, limits) as (container, stream):
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                count += 1
                if packet.pts is None:
                    end = max(end, float(count / rate))
                else:
                    duration = (packet.duration or 0) * stream.time_base or 1 / rate
                    end = max(end, float(packet.pts * stream.time_base + duration - start))
                if limits.seconds is not None and end > limits.seconds:
                    raise VideoError(
                        f"{path.name} is longer than the {limits.seconds:g} seconds allowed: cut it first."
                    )
                if limits.frames is not None and count > limits.frames:
                    raise VideoError(f"{path.name} has more than the {limits.frames} frames allowed: cut it first.")
        except av.FFmpegError as error:
            raise damage(path.name, end, error) from error
        promised = _promised_end(container, stream, start)
    if end < promised - max(_MISSING, 3 / float(rate)):
        raise VideoError(
            f"{path.name} breaks off at {end:.1f} of {promised:.1f} seconds: get it once more, or save what there is as a "
            "whole clip with a video editor first."
        )
    return count, end


def _promised_end(container: InputContainer, stream: VideoStream, start: Fraction) -> float:
    """Until when the moving picture lasts, in seconds, by what the header says of it; 0 if nothing."""
    if stream.duration:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base - start)
    if parts := re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", stream.metadata.get("DURATION", "")):  # Matroska's
        hours, minutes, seconds = map(float, parts.groups())
        return 3600 * hours + 60 * minutes + seconds - float(start)
    if container.duration and len(container.streams) == 1:
        return container.duration / av.time_base
    return 0.0


@contextmanager
def _decoded_after(clip: Clip, place: Place | None) -> Iterator[Iterator[VideoFrame]]:
    """The frames that follow a place, by jumping there if it is found again, else by decoding all that come before."""
    if place is not None and place.position is not None:
        with opened(clip.path) as (container, stream):
            decoded = decode(container, stream, clip.name)
            try:
                container.seek(max(0, place.position - int(_MARGIN / clip.time_base)), stream=stream)
                is_found = _is_passed(decoded, clip, place)
            except (av.FFmpegError, VideoError):
                is_found = False  # damage is told where it is met without jumping, too
            if is_found:
                yield decoded
                return
    with opened(clip.path) as (container, stream):
        decoded = decode(container, stream, clip.name)
        for _ in range(0 if place is None else place.num_frames):
            next(decoded, None)
        yield decoded


def _is_passed(decoded: Iterator[VideoFrame], clip: Clip, place: Place) -> bool:
    """Whether the last frame of a place comes by; it is then the last one taken."""
    for frame in decoded:
        if frame.pts is None or frame.pts > place.position:
            return False
        if frame.pts == place.position:
            return zlib.crc32(_pixels(frame, clip)) == place.checksum
    return False


def _timing(frame: VideoFrame, clip: Clip, last: tuple[int, int] | None) -> tuple[int, int]:
    """When a frame is shown and for how long: later than the one before, whatever the file says."""
    usual = max(1, round(1 / (clip.rate * clip.time_base)))
    earliest = 0 if last is None else last[0] + 1
    following = 0 if last is None else last[0] + last[1]
    time = following if frame.pts is None else frame.pts - round(clip.start / clip.time_base)
    return max(time, earliest), frame.duration or usual


def _pixels(frame: VideoFrame, clip: Clip) -> np.ndarray:
    width, height = clip.size[::-1] if clip.turns % 2 else clip.size
    # A stream may change its size on the way; the clip keeps the first.
    rgb = frame.reformat(width, height, "rgb24", src_colorspace=clip.matrix, dst_color_range=ColorRange.JPEG)
    return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), clip.turns))
