"""Open a clip safely: a file that holds all of itself, no larger than allowed, and the moving picture in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from colorizer.errors import VideoError

# Containers that hold all of a clip. A playlist would have other files opened, of this machine or of others.
_CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,gif,dv,mxf,ivf"


class DamagedClip(VideoError):
    """A clip with frames that can't be decoded."""


@dataclass(frozen=True)
class Limits:
    """What a clip may have at most: seconds, frames, pixels of a frame, bytes of the file. None: any number."""

    seconds: float | None = None
    frames: int | None = None
    pixels: int = 8192 * 4320
    bytes: int | None = None


def check_file(source: str | os.PathLike, limits: Limits) -> Path:
    """The path of a file that is there; VideoError if it isn't, or is larger than allowed."""
    if not isinstance(source, str | os.PathLike):
        raise VideoError(f"A clip is read from a file: give its path, not {type(source).__name__}.")
    path = Path(source)
    try:
        if not path.exists():
            raise VideoError(f"There is no file {path}.")
        if not path.is_file():
            raise VideoError(f"{path} is not a file.")
        num_bytes = path.stat().st_size
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        if isinstance(error, VideoError):
            raise
        raise VideoError(f"{path} can't be opened: {error}.") from error
    if num_bytes == 0:
        raise VideoError(f"{path.name} is empty.")
    if limits.bytes is not None and num_bytes > limits.bytes:
        raise VideoError(
            f"{path.name} has {num_bytes / 1024**2:.1f} MiB, more than the {limits.bytes / 1024**2:g} allowed."
        )
    return path


def open_container(path: Path, options: dict[str, str] | None = None) -> InputContainer:
    """A clip's file, opened for reading; VideoError if it isn't one of those that can be."""
    try:
        return av.open(
            # As it is, a name such as "concat:x" would be more than a name.
            f"file:{os.path.abspath(path)}",
            options=options,
            container_options={"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(
            f"{path.name} is not a video that can be read ({reason_of(error)}): give an MP4, MOV, MKV, WebM or AVI file."
        ) from error


@contextmanager
def opened(path: Path, limits: Limits | None = None) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A clip's container and its moving picture, which the picture of a cover is not; VideoError if there is none."""
    bounds = {"max_pixels": str((limits or Limits()).pixels)}
    with open_container(path, bounds) as container:
        still = Disposition.attached_pic | Disposition.timed_thumbnails
        moving = [stream for stream in container.streams.video if not stream.disposition & still]
        if not moving:
            raise VideoError(f"{path.name} has no moving picture in it.")
        best = container.streams.best("video")
        stream = best if best in moving else moving[0]
        if stream.codec_context is None:
            raise VideoError(f"{path.name} is of a kind that can't be decoded here: convert it to H.264 first.")
        stream.codec_context.options = bounds
        stream.thread_type = "AUTO"
        yield container, stream


def decode(container: InputContainer, stream: VideoStream, name: str) -> Iterator[VideoFrame]:
    """The frames of a stream from where its container stands; DamagedClip where one can't be decoded."""
    time = 0.0
    try:
        for frame in container.decode(stream):
            time = frame.time or time
            yield frame
    except (av.FFmpegError, OSError) as error:
        raise damage(name, time, error) from error


def damage(name: str, seconds: float, error: Exception) -> DamagedClip:
    """What to raise for damage after so many seconds."""
    return DamagedClip(
        f"{name} is damaged at {seconds:.1f} seconds ({reason_of(error)}): get it once more, or cut that out first."
    )


def reason_of(error: Exception) -> str:
    """What is wrong, without a number before and a path behind it."""
    return getattr(error, "strerror", None) or str(error)
