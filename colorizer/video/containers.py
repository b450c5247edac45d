"""Containers of results: what each takes, by asking FFmpeg's muxers."""

import io
from contextlib import suppress

import av
from av.stream import Stream

# FFmpeg's muxers, by the result's extension.
_MUXERS = {".mp4": "mp4", ".m4v": "ipod", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
MPEG_ENDINGS = (".mp4", ".m4v", ".mov")
# Languages for which QuickTime has codes of its own, by those of ISO 639-2; FFmpeg leaves out the ones that it doesn't know.
# fmt: off
_QUICKTIME_LANGUAGES = {
    "bod": "tib", "cym": "wel", "cze": "ces", "deu": "ger", "ell": "gre", "eus": "baq", "fao": "fo ", "fre": "fra",
    "hrv": "hr ", "hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac", "msa": "may", "mya": "bur", "nld": "dut",
    "nno": "nor", "nob": "nor", "rum": "ron", "slo": "slk", "sqi": "alb", "srp": "sr ", "swe": "sve", "zho": "chi",
}
# fmt: on
_OF_QUICKTIME_ALONE = {"fo ": "fao", "hr ": "hrv", "sr ": "srp", "sve": "swe"}


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


def copy_labels(source: Stream, target: Stream, ending: str) -> None:
    """Give a track of a result the language, title and role of the clip's own."""
    if title := source.metadata.get("title"):
        target.metadata["title"] = title
    if language := source.metadata.get("language"):
        codes = _QUICKTIME_LANGUAGES if ending == ".mov" else _OF_QUICKTIME_ALONE
        target.metadata["language"] = codes.get(language, language)
    target.disposition = source.disposition


def has_attachments(ending: str) -> bool:
    """Return True if a container can have attached files, such as the fonts of subtitles."""
    return ending == ".mkv"
