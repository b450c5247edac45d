"""Small copies of clips that every browser plays: AVI, MPEG, WMV, FLV and others are not played as they are."""

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av

from colorizer.atomic_write import put_in_place, temporary
from colorizer.errors import VideoError
from colorizer.video.frames import frames, inspect
from colorizer.video.muxing import join
from colorizer.video.opening import Limits, opened, reason_of
from colorizer.video.segments import PieceWriter

_LINES = 480  # of a preview
_CODECS = {"h264", "vp8", "vp9", "av1"}
_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": (".mp4", ".m4v"), "matroska,webm": (".webm",)}


def is_playable(source: str | os.PathLike) -> bool:
    """Return True if browsers play a clip as it is. Raises VideoError if it can't be read."""
    path = Path(source)
    with opened(path) as (container, stream):
        endings = _CONTAINERS.get(container.format.name, ())
        has_usual_pixels = stream.pix_fmt in ("yuv420p", "yuvj420p")
        return (
            path.suffix.lower() in endings and has_usual_pixels and stream.codec_context.codec.canonical_name in _CODECS
        )


def write_preview(source: str | os.PathLike, target: str | os.PathLike, limits: Limits | None = None) -> Path:
    """Write an MP4 (H.264, AAC) of at most 480 lines with the frames, times and sound of a clip; return its path.

    Raises VideoError if the clip can't be read, exceeds `limits`, or the preview can't be written.
    """
    target = Path(target)
    if target.suffix.lower() != ".mp4":
        raise VideoError(f"A preview is an MP4: {target} must end in .mp4.")
    clip = inspect(source, limits)
    scale = min(Fraction(1), Fraction(_LINES, min(clip.size)))
    clip = replace(clip, size=tuple(max(2, round(side * scale)) for side in clip.size))
    try:
        with temporary(target, is_folder=True) as folder:
            piece, whole = folder / "piece", folder / "whole.mp4"
            with PieceWriter(piece, clip, ".mp4", preset="ultrafast") as writer:
                for frame in frames(clip):
                    writer.write(frame, frame.pixels)
            join(clip, [piece], frame.duration, whole)
            put_in_place(whole, target)
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{target} could not be written ({reason_of(error)}).") from error
    return target
