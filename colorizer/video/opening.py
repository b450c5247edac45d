"""Open a clip safely: check that its file is self-contained and within the limits, and find its video stream."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from colorizer.errors import VideoError, quote
from colorizer.video.file_ends import is_shorter_than_stated
from colorizer.video.png_packets import WHILE_OPENING

# Self-contained formats. A playlist would open other files, local or remote.
_CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,rm,gif,dv,mxf,ivf"
_ALLOWED = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"} | WHILE_OPENING
# How far a file without a list of its tracks is searched for them, in bytes and microseconds: subtitles may begin late.
_THOROUGH = {"probesize": str(2**26), "analyzeduration": str(120 * 10**6)}
# Extensions of their files, those of camcorders (.mod, .tod, .m2t) included.
# fmt: off
ENDINGS = (
    ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".divx", ".mpg", ".mpeg", ".mpe", ".m2p",
    ".vob", ".mod", ".ts", ".mts", ".m2t", ".m2ts", ".tod", ".wmv", ".asf", ".rm", ".rmvb", ".flv", ".f4v", ".ogv", ".ogm",
    ".gif", ".dv", ".mxf", ".ivf",
)
# fmt: on
_SCAN = re.compile(rb"\xff\xda\0[\x06-\x0c]")  # its marker in a JPEG, and the size of its header
# Of a progressive JPEG, FFmpeg goes over the whole picture for each scan, of which a bomb has one in 12 bytes.
_MAX_SCANS, _BYTES_PER_SCAN = 1000, 64
_PHOTO_BRANDS = ("heic", "heix", "heim", "heis", "mif1", "avif")  # of HEIC and AVIF files that are no sequences


@dataclass(frozen=True)
class Limits:
    """Upper limits for a clip: seconds, frames, pixels per frame, bytes of the file. None: no limit."""

    seconds: float | None = None
    frames: int | None = None
    pixels: int = 8192 * 4320
    bytes: int | None = None


def check_file(source: str | os.PathLike, limits: Limits) -> Path:
    """Return the path of an existing file; raise VideoError if it is missing or larger than allowed."""
    if not isinstance(source, str | os.PathLike):
        raise VideoError(f"A clip is read from a file: give its path, not {type(source).__name__}.")
    path = Path(source)
    name = quote(str(path))
    if re.match("https?:/", str(path), re.IGNORECASE):  # not quoted: it may have a password
        raise VideoError("A clip is read from a file, not from an address: download it first.")
    try:
        if not path.exists():
            raise VideoError(f"There is no file {name}.")
        if not path.is_file():
            raise VideoError(f"{name} is not a file.")
        num_bytes = path.stat().st_size
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        if isinstance(error, VideoError):
            raise
        raise VideoError(f"{name} can't be opened: {getattr(error, 'strerror', None) or error}.") from error
    if num_bytes == 0:
        raise VideoError(f"{path.name} is empty.")
    if limits.bytes is not None and num_bytes > limits.bytes:
        raise VideoError(
            f"{path.name} has {num_bytes / 1024**2:.1f} MiB, more than the {limits.bytes / 1024**2:g} allowed."
        )
    if limits.bytes is not None:  # it may be a stranger's
        _check_scans(path)
    return path


def _check_scans(path: Path) -> None:
    """Raise VideoError for a file of JPEGs of which a few bytes take very long: FFmpeg decodes some while it opens the file."""
    content = path.read_bytes()
    if (count := len(_SCAN.findall(content))) > max(_MAX_SCANS, len(content) / _BYTES_PER_SCAN):
        raise VideoError(
            f"{path.name} has frames of JPEG in {count} scans, too many to be decoded safely: convert it first."
        )


def open_container(path: Path, options: dict[str, str] | None = None, *, is_thorough: bool = False) -> InputContainer:
    """Open a clip's file for reading, and search it thoroughly for tracks if asked to.

    Raises VideoError if its format is not supported.
    """
    probing = _THOROUGH if is_thorough else {}
    try:
        return av.open(
            # Without the prefix, FFmpeg would interpret names such as "concat:x".
            f"file:{os.path.abspath(path)}",
            options=options,
            container_options=_ALLOWED | probing,
            metadata_errors="replace",
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = reason_of(error)
        if isinstance(error, av.error.ArgumentError):  # all that FFmpeg says of formats that are not on the list
            reason = "its format is not supported"
        elif isinstance(error, av.error.InvalidDataError) and is_shorter_than_stated(path):
            reason = "it is cut off"  # before the index, which MP4 files often have at their end
        raise VideoError(
            f"{path.name} is not a video that can be read ({reason}): give an MP4, MOV, MKV, WebM or AVI file."
        ) from error


@contextmanager
def opened(
    path: Path, limits: Limits | None = None, *, is_thorough: bool = False
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a clip's container, see `open_container`, and its video stream, other than cover art.

    Raises VideoError if it has none.
    """
    bounds = {"max_pixels": str((limits or Limits()).pixels)}
    with open_container(path, bounds, is_thorough=is_thorough) as container:
        if container.metadata.get("major_brand") in _PHOTO_BRANDS:  # FFmpeg would take a tile of it for a clip
            raise VideoError(f"{path.name} is a photo, not a clip: color it as one.")
        still = Disposition.attached_pic | Disposition.timed_thumbnails
        moving = [stream for stream in container.streams.video if not stream.disposition & still]
        if not moving:
            raise VideoError(f"{path.name} has no video stream.")
        best = container.streams.best("video")
        stream = best if best in moving else moving[0]
        if stream.codec_context is None:
            raise VideoError(f"{path.name} has a codec that can't be decoded here: convert it to H.264 first.")
        stream.codec_context.options = bounds
        stream.thread_type = "SLICE"  # with frames in parallel, an error is reported some frames later
        yield container, stream


def damage(name: str, seconds: float, error: Exception) -> VideoError:
    """Return the error to raise for damage after so many seconds."""
    return VideoError(
        f"{name} is damaged at {seconds:.1f} seconds ({reason_of(error)}): copy it again, or cut out that part first."
    )


def reason_of(error: Exception) -> str:
    """Return an error's message without the number before it and the path after it."""
    return getattr(error, "strerror", None) or str(error)
