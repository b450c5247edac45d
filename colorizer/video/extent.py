"""Extent of a clip, from its packets: the number of frames and their end, checked against the limits and the header."""

import math
import re
import struct
from array import array
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from colorizer.errors import VideoError
from colorizer.video.file_ends import has_end
from colorizer.video.opening import Limits, damage, opened
from colorizer.video.packets import Timeline, has_jumps, packets

_MISSING = 0.25  # seconds that a clip may end before its stated end: containers round
# File Properties Object, and where in it the play duration, the preroll and the flags are: ASF specification, section 3.2.
_ASF_PROPERTIES, _ASF_FIELDS = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"), "<64xQ8xQI"
_ASF_HEADER = 2**16
_BROADCAST = 1
# Of the times between frames: how many have to be the usual one, within which share, and what is a gap in usual ones.
_FEWEST_STEPS, _STEADY, _SAME, _GAP = 10, 0.9, 0.25, 1.75


@dataclass(frozen=True)
class Extent:
    """Extent of a clip.

    num_frames: number of frames, including any that can't be decoded. seconds: the time at which the last one ends.
    is_joined: True if the file has several recordings one after the other. has_end: False if the file ends as no complete one
    does, or before its stated size. num_missing: number of frames for which there is a gap, and first_missing: the time of the
    first, in seconds.
    """

    num_frames: int
    seconds: float
    is_joined: bool
    has_end: bool
    num_missing: int
    first_missing: float


def measure(path: Path, limits: Limits, start: Fraction, rate: Fraction) -> Extent:
    """Count a clip's frames and find the end of the last one; the header is not reliable.

    `start` is the clip's first time, in seconds, and `rate` its frames per second. Raises VideoError for a clip beyond the
    limits, or one that ends before the end stated in its header.
    """
    count, end, last, frame_bytes, is_cut, timeline, times = 0, 0.0, 0.0, 0, False, Timeline(), array("d")
    with opened(path, limits) as (container, stream):
        try:
            for packet in packets(container, timeline=timeline):
                is_frame, is_cut = packet.stream_index == stream.index, packet.is_corrupt
                if packet.is_discard or (not is_frame and packet.pts is None):
                    continue
                if is_frame and not count:
                    frame_bytes = packet.size
                count += is_frame
                finish = float(count / rate)
                if packet.pts is not None:
                    duration = (packet.duration or 0) * packet.time_base or is_frame / rate
                    finish = float(packet.pts * packet.time_base + duration - start)
                last = max(last, finish)
                if not is_frame:
                    continue
                times.append(math.nan if packet.pts is None else float(packet.pts * packet.time_base - start))
                end = max(end, finish)
                if limits.seconds is not None and end > limits.seconds:
                    raise VideoError(
                        f"{path.name} is longer than the {limits.seconds:g} seconds allowed: cut it first."
                    )
                if limits.frames is not None and count > limits.frames:
                    raise VideoError(f"{path.name} has more than the {limits.frames} frames allowed: cut it first.")
        except av.FFmpegError as error:
            raise damage(path.name, end, error) from error
        # FFmpeg marks a packet that the file ends within, but in MPEG-TS and -PS also one after which others are missing.
        is_cut = is_cut and not has_jumps(container)
        has_steady_rate = has_jumps(container) or container.format.name in ("asf", "rm")
        is_whole = not is_cut and has_end(path, container.format.name, frame_bytes)
        stated, reached = _stated_end(container, stream, start, rate, path), end
        if stated is None:
            stated, reached = _stated_duration(container, path) - float(start), last
    if reached < stated - max(_MISSING, 3 / float(rate)):
        raise VideoError(
            f"{path.name} is cut off at {reached:.1f} of {stated:.1f} seconds: copy it again, or save that part as a "
            "complete clip with a video editor first."
        )
    missing = _missing(np.asarray(times)) if has_steady_rate else (0, 0.0)
    return Extent(count, end, timeline.num_jumps > 0, is_whole, *missing)


def _missing(times: np.ndarray) -> tuple[int, float]:
    """Return the number of frames that are missing between others, by the times of those that are there, and the first's time.

    Only a clip tells whose frames otherwise last alike.
    """
    times = np.sort(times)
    steps = np.diff(times)
    if len(steps) < _FEWEST_STEPS or not np.isfinite(times).all():
        return 0, 0.0
    usual = np.median(steps)
    if usual <= 0 or (abs(steps / usual - 1) < _SAME).mean() < _STEADY:
        return 0, 0.0
    (gaps,) = np.nonzero(steps > _GAP * usual)
    # Without those whose guessed times fall on another's, and so leave a gap behind.
    count = int(np.rint(steps[gaps] / usual - 1).sum() - (steps < usual / 2).sum())
    return (count, float(times[gaps[0]] + usual)) if count > 0 else (0, 0.0)


def _stated_end(
    container: InputContainer, stream: VideoStream, start: Fraction, rate: Fraction, path: Path
) -> float | None:
    """Return the end of the video stream, in seconds, as stated in the header; None if it doesn't state one."""
    if has_jumps(container):
        return 0.0  # FFmpeg only estimates the duration
    if container.format.name == "avi":
        # FFmpeg corrects the duration where the index is missing. A file of the stated size is whole, whatever its header says.
        return 0.0 if _is_whole_riff(path) else float(stream.frames / rate)
    if "matroska" in container.format.name:
        # FFmpeg derives the stream's own duration from its first decoding times, which Matroska lacks.
        tag = re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", stream.metadata.get("DURATION", ""))
        return None if tag is None else 3600 * int(tag[1]) + 60 * int(tag[2]) + float(tag[3]) - float(start)
    if stream.duration:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base - start)
    return None


def _stated_duration(container: InputContainer, path: Path) -> float:
    """Return the duration of all streams together, in seconds, as stated in the header; 0 if it states none."""
    if container.format.name == "asf":  # FFmpeg ignores the duration where the size of the file is not the stated one
        with path.open("rb") as file:
            head = file.read(_ASF_HEADER)
        place = head.find(_ASF_PROPERTIES)
        if 0 <= place <= len(head) - struct.calcsize(_ASF_FIELDS):
            play, preroll, flags = struct.unpack_from(_ASF_FIELDS, head, place)
            return 0.0 if flags & _BROADCAST else play / 1e7 - preroll / 1e3
    return (container.duration or 0) / av.time_base


def _is_whole_riff(path: Path) -> bool:
    with path.open("rb") as file:
        stated = 8 + int.from_bytes(file.read(8)[4:], "little")
    return stated <= path.stat().st_size <= stated + 1  # padded to an even number
