"""Read a clip: its properties, checked against the limits before decoding, and its frames, upright, one by one."""

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
from colorizer.photos.marks import Mark
from colorizer.video.opening import Limits, check_file, damage, decode, opened

# By matrix number in H.273.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
# Clips that don't specify a matrix use the default for their size.
_HD_LINES, _HD_MATRIX, _SD_MATRIX = 720, 1, 6
_RATE = Fraction(25)  # frames per second of a clip that doesn't specify its own
_MARGIN = 2  # seconds to seek before the wanted frame: a decoder may lose the first frames after a seek
_MISSING = 0.25  # seconds that a clip may end before its stated end: containers round


@dataclass(frozen=True)
class Clip:
    """Properties of a clip, as found by `inspect`.

    size: width and height, upright. turns: counterclockwise quarter turns that bring its frames upright.
    time_base, rate: seconds per tick, and average frames per second.
    start: time of the first video or audio in the file, in seconds.
    num_frames, seconds: number of frames, including any that can't be decoded, and the time at which the last one ends.
    pixel_aspect: width of an upright pixel over its height. color: primaries, transfer and matrix, as numbers of H.273.
    has_sound: True if any audio can be decoded. metadata: the container's own.
    mark: what its result is to be known by.
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
    mark: Mark | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def matrix(self) -> Colorspace:
        """Conversion matrix between RGB and the stored levels."""
        return _MATRICES[self.color[2]]


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame: pixels, uint8 (H, W, 3), and its time since the clip's start and its duration, in the clip's ticks.

    position: its time stamp in the file, which identifies it together with `checksum`; None if it has none.
    """

    pixels: np.ndarray
    time: int
    duration: int
    position: int | None

    @property
    def checksum(self) -> int:
        """CRC-32 of the pixels."""
        return zlib.crc32(self.pixels)


@dataclass(frozen=True)
class Place:
    """Place at which to resume reading: the number of frames before it, and the data of the last such `Frame`."""

    num_frames: int
    time: int
    duration: int
    position: int | None
    checksum: int


def inspect(source: str | os.PathLike, limits: Limits | None = None) -> Clip:
    """Return the properties of a clip; all packets are counted, but only the first frame is decoded.

    Raises VideoError for a file that is not a video, has no video stream, is incomplete, or exceeds the limits.
    """
    limits = limits or Limits()
    path = check_file(source, limits)
    with opened(path, limits) as (container, stream):
        size = stream.width, stream.height
        if size[0] * size[1] > limits.pixels:
            raise VideoError(
                f"{path.name} has {size[0]}×{size[1]} pixels, more than the {limits.pixels / 1e6:g} million allowed: "
                "scale it down first."
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
    """Yield the frames of a clip, starting after a place if one is given.

    Raises DamagedClip where a frame can't be decoded.
    """
    last = None if after is None else (after.time, after.duration)
    with _decoded_after(clip, after) as decoded:
        for frame in decoded:
            last = time, duration = _timing(frame, clip, last)
            yield Frame(_pixels(frame, clip), time, duration, frame.pts)


def _measure(path: Path, limits: Limits, start: Fraction, rate: Fraction) -> tuple[int, float]:
    """Count a clip's frames and find the end of the last one, from the packets; the header is not reliable."""
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
        stated_end = _stated_end(container, stream, start)
    if end < stated_end - max(_MISSING, 3 / float(rate)):
        raise VideoError(
            f"{path.name} is cut off at {end:.1f} of {stated_end:.1f} seconds: copy it again, or save that part as a "
            "complete clip with a video editor first."
        )
    return count, end


def _stated_end(container: InputContainer, stream: VideoStream, start: Fraction) -> float:
    """Return the end of the video stream, in seconds, as stated in the header, or 0 if it states none."""
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
    """Provide the frames after a place, by seeking if the place is found again, else by decoding all frames before it."""
    if place is not None and place.position is not None:
        with opened(clip.path) as (container, stream):
            decoded = decode(container, stream, clip.name)
            try:
                container.seek(max(0, place.position - int(_MARGIN / clip.time_base)), stream=stream)
                is_found = _skip_to(decoded, clip, place)
            except (av.FFmpegError, VideoError):
                is_found = False  # decoding without a seek reports damage, too
            if is_found:
                yield decoded
                return
    with opened(clip.path) as (container, stream):
        decoded = decode(container, stream, clip.name)
        for _ in range(0 if place is None else place.num_frames):
            next(decoded, None)
        yield decoded


def _skip_to(decoded: Iterator[VideoFrame], clip: Clip, place: Place) -> bool:
    """Consume frames up to the last one of a place; return False if it is not found."""
    for frame in decoded:
        if frame.pts is None or frame.pts > place.position:
            return False
        if frame.pts == place.position:
            return zlib.crc32(_pixels(frame, clip)) == place.checksum
    return False


def _timing(frame: VideoFrame, clip: Clip, last: tuple[int, int] | None) -> tuple[int, int]:
    """Return the time and duration of a frame; times increase, whatever the file says."""
    usual = max(1, round(1 / (clip.rate * clip.time_base)))
    earliest = 0 if last is None else last[0] + 1
    following = 0 if last is None else last[0] + last[1]
    time = following if frame.pts is None else frame.pts - round(clip.start / clip.time_base)
    return max(time, earliest), frame.duration or usual


def _pixels(frame: VideoFrame, clip: Clip) -> np.ndarray:
    width, height = clip.size[::-1] if clip.turns % 2 else clip.size
    # The size may change within a stream; the clip keeps the first.
    rgb = frame.reformat(width, height, "rgb24", src_colorspace=clip.matrix, dst_color_range=ColorRange.JPEG)
    return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), clip.turns))
