"""Read a clip: its properties, checked against the limits before decoding, and its frames, upright, one by one."""

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from colorizer.errors import VideoError
from colorizer.photos.marks import Mark
from colorizer.video.decoding import Decoded, decode
from colorizer.video.extent import measure
from colorizer.video.gray_levels import has_reserve, with_chroma
from colorizer.video.opening import Limits, check_file, opened
from colorizer.video.orientation import Orientation, orientation_of

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


@dataclass(frozen=True)
class Clip:
    """Properties of a clip, as found by `inspect`.

    size: width and height, upright. orientation: how its stored frames become upright.
    time_base, rate: seconds per tick, and average frames per second.
    start: time of the first video or audio in the file, in seconds.
    num_frames, seconds: number of frames, including any that can't be decoded, and the time at which the last one ends.
    pixel_aspect: width of an upright pixel over its height. color: primaries, transfer and matrix, as numbers of H.273.
    has_alpha_layer: True if another picture within the stream, as WebM has, holds its transparency.
    has_gray_reserve: True if its gray frames have levels from 16 to 235.
    is_joined, has_end, num_missing, first_missing: see `Extent`.
    has_sound: True if any audio can be decoded. metadata: the container's own.
    mark: what its result is to be known by.
    """

    path: Path
    size: tuple[int, int]
    orientation: Orientation
    time_base: Fraction
    rate: Fraction
    start: Fraction
    num_frames: int
    seconds: float
    pixel_aspect: Fraction
    color: tuple[int, int, int]
    has_alpha_layer: bool
    has_gray_reserve: bool
    is_joined: bool
    has_end: bool
    num_missing: int
    first_missing: float
    has_sound: bool
    metadata: dict[str, str]
    mark: Mark | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height before it was turned upright."""
        return self.size[::-1] if self.orientation.is_transposed else self.size

    @property
    def matrix(self) -> Colorspace:
        """Conversion matrix between RGB and the stored levels."""
        return _MATRICES[self.color[2]]


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame: pixels, uint8 (H, W, 3), and its time since the clip's start and its duration, in the clip's ticks.

    position: its time stamp in the file, which identifies it together with `checksum`; None if nothing does.
    is_damaged: True if it could not be decoded and repeats the one before. is_guessed: True if a part of it was missing.
    was_interlaced: True if it was deinterlaced. was_resized: True if its size was not the clip's.
    fine_luma: what 8 bits lack of its luma, in 10-bit levels, int16 (H, W).
    is_transparent: True if it had pixels that aren't opaque, which they are now.
    """

    pixels: np.ndarray
    time: int
    duration: int
    position: int | None
    is_damaged: bool = False
    was_interlaced: bool = False
    fine_luma: np.ndarray | None = None
    is_transparent: bool = False
    is_guessed: bool = False
    was_resized: bool = False

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
        found = next(decode(container, stream, path.name), None)
        if found is None or 0 in size:
            raise VideoError(f"{path.name} has no frame that can be decoded.")
        first = found.frame
        size = first.width, first.height  # the stream has that of its last frame, if FFmpeg has read so far
        matrix = int(first.colorspace)
        if matrix not in _MATRICES:
            matrix = _HD_MATRIX if min(size) >= _HD_LINES else _SD_MATRIX
        orientation = orientation_of(first)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        facts = {
            "orientation": orientation,
            "size": size[::-1] if orientation.is_transposed else size,
            "pixel_aspect": 1 / aspect if orientation.is_transposed else aspect,
            "color": (int(first.color_primaries), int(first.color_trc), matrix),
            "has_alpha_layer": stream.metadata.get("alpha_mode") == "1",
            "has_gray_reserve": has_reserve(first),
            "time_base": stream.time_base,
            "rate": _rate(stream),
            "start": Fraction(container.start_time or 0, av.time_base),
            "has_sound": any(sound.codec_context is not None for sound in container.streams.audio),
            "metadata": dict(container.metadata),
        }
    extent = measure(path, limits, facts["start"], facts["rate"])
    return Clip(path=path, **vars(extent), **facts)


def frames(clip: Clip, after: Place | None = None, *, bit_depth: int = 8) -> Iterator[Frame]:
    """Yield the frames of a clip, starting after a place if one is given; `fine_luma` is set with a `bit_depth` of 10.

    Raises VideoError where the file can't be read.
    """
    last = None if after is None else (after.time, after.duration)
    with _decoded_after(clip, after) as decoded:
        for found in decoded:
            last = time, duration = _timing(found, clip, last)
            position = None if found.is_damaged or clip.is_joined else found.pts
            yield Frame(
                _pixels(found.frame, clip),
                time,
                duration,
                position,
                found.is_damaged,
                found.was_interlaced,
                _fine_luma(found.frame, clip) if bit_depth > 8 else None,
                clip.has_alpha_layer or _is_transparent(found.frame),
                found.is_guessed,
                (found.frame.width, found.frame.height) != clip.stored_size,
            )


@contextmanager
def _decoded_after(clip: Clip, place: Place | None) -> Iterator[Iterator[Decoded]]:
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


def _skip_to(decoded: Iterator[Decoded], clip: Clip, place: Place) -> bool:
    """Consume frames up to the last one of a place; return False if it is not found."""
    for found in decoded:
        if found.pts is None or found.pts > place.position:
            return False
        if found.pts == place.position:
            return zlib.crc32(_pixels(found.frame, clip)) == place.checksum
    return False


def _timing(frame: Decoded, clip: Clip, last: tuple[int, int] | None) -> tuple[int, int]:
    """Return the time and duration of a frame; times increase, whatever the file says."""
    usual = max(1, round(1 / (clip.rate * clip.time_base)))
    earliest = 0 if last is None else last[0] + 1
    following = 0 if last is None else last[0] + last[1]
    time = following if frame.pts is None else frame.pts - round(clip.start / clip.time_base)
    return max(time, earliest), frame.duration or usual


def _pixels(frame: VideoFrame, clip: Clip) -> np.ndarray:
    return clip.orientation.apply(_rgb(frame, clip).to_ndarray())


def _is_transparent(frame: VideoFrame) -> bool:
    if not any(component.is_alpha for component in frame.format.components):
        return False
    return bool(frame.reformat(format="rgba").to_ndarray()[..., 3].min() < 255)


def _rgb(frame: VideoFrame, clip: Clip) -> VideoFrame:
    # The size may change within a stream; the clip keeps the first.
    return _full(frame, clip).reformat(
        *clip.stored_size, "rgb24", src_colorspace=clip.matrix, dst_color_range=ColorRange.JPEG
    )


def _full(frame: VideoFrame, clip: Clip) -> VideoFrame:
    return with_chroma(frame) if clip.has_gray_reserve and frame.format.name.startswith("gray") else frame


def _fine_luma(frame: VideoFrame, clip: Clip) -> np.ndarray:
    """Return the difference of a frame's luma from that of its 8-bit RGB, in 10-bit levels, int16, upright."""
    rgb = _rgb(frame, clip)
    kept, rounded = (
        source.reformat(
            rgb.width,
            rgb.height,
            "yuv444p10le",
            src_colorspace=clip.matrix,
            dst_colorspace=clip.matrix,
            dst_color_range=ColorRange.MPEG,
        )
        for source in (_full(frame, clip), rgb)
    )
    return clip.orientation.apply(luma_plane(kept).astype(np.int16) - luma_plane(rounded).astype(np.int16))


def luma_plane(frame: VideoFrame) -> np.ndarray:
    """Return a view of the luma of a frame with 10 bits, uint16 (H, W)."""
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint16).reshape(plane.height, -1)[:, : plane.width]


def _rate(stream: VideoStream) -> Fraction:
    """Return the average frames per second. Of a DV file FFmpeg takes the ticks for frames: 60000 per second."""
    average, base = stream.average_rate, stream.base_rate
    if average and base and average > 2 * base:  # the base rate has a place for every frame
        average = None
    return average or stream.guessed_rate or _RATE
