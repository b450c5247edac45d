"""Containers of results: what each takes, by asking FFmpeg's muxers."""

import io
from contextlib import suppress

import av
from av.stream import Stream

# FFmpeg's muxers, by the result's extension.
_MUXERS = {".mp4": "mp4", ".m4v": "ipod", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
MPEG_ENDINGS = (".mp4", ".m4v", ".mov")


def can_copy(stream: Stream, ending: str) -> bool:
    """Return True if a container takes the packets of a stream as they are. Decided by writing a header with it."""
    trial = av.open(io.BytesIO(), "w", format=_MUXERS[ending])
    try:
        trial.add_stream_from_template(stream)
        trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    finally:
        with suppress(av.FFmpegError):  # some need a packet, too
            trial.close()
    return True


def copy_labels(source: Stream, target: Stream) -> None:
    """Give a track of a result the language, title and role of the clip's own."""
    for name in {"language", "title"} & set(source.metadata):
        target.metadata[name] = source.metadata[name]
    target.disposition = source.disposition


def has_attachments(ending: str) -> bool:
    """Return True if a container can have attached files, such as the fonts of subtitles."""
    return ending == ".mkv"
