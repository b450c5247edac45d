"""Colorize a visitor's clip, step by step. No Gradio here, so tests need no browser."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from colorizer.demo.catalog import Catalog, without_folders
from colorizer.demo.photo.comparison import Settings
from colorizer.demo.previews import file_stem
from colorizer.errors import VideoError
from colorizer.video import Limits, VideoResult, colorize_video, inspect, is_playable, write_preview

# Limits per visitor, since many share the machine. Full HD is encoded with 1088 lines.
LIMITS = Limits(seconds=30, frames=900, pixels=1920 * 1088, bytes=40 * 1024**2)
LIMITS_TEXT = (
    f"At most {LIMITS.seconds:g} seconds, {LIMITS.frames} frames, {LIMITS.pixels / 1e6:.1f} megapixels per frame "
    f"(1920 × 1080) and {LIMITS.bytes // 1024**2} MB."
)
# On a CPU, small batches, so that Stop has not long to wait.
_CPU_BATCH = 2
_STEP = 0.2  # seconds between two progress updates


@dataclass(frozen=True)
class ClipStep:
    """Progress of a clip. `result` is None until it is complete.

    seconds_left: estimate from the speed so far; None before the first frame.
    """

    done: int
    total: int
    seconds_left: float | None = None
    result: VideoResult | None = None

    @property
    def is_done(self) -> bool:
        return self.result is not None

    @property
    def text(self) -> str:
        """Progress as text."""
        if self.result is not None:
            notes = "".join(f" {note[:1].upper()}{note[1:]}." for note in self.result.notes)
            scenes = "one scene" if self.result.num_scenes == 1 else f"{self.result.num_scenes} scenes"
            return f"{self.result.num_frames} frames colored, {scenes}.{notes}"
        left = f"{self.total - self.done} of {self.total} frames left"
        return left if self.seconds_left is None else f"{left}, about {_duration(self.seconds_left)}"


def color_clip(
    catalog: Catalog,
    source: str | None,
    name: str,
    folder: Path,
    settings: Settings | None = None,
    *,
    smoothing: float = 0.5,
) -> Iterator[ClipStep]:
    """Colorize a clip with one checkpoint. Yields progress at intervals; the last step has an MP4 in `folder`.

    Of the settings, saturation, warmth and strength count.
    Closing the iterator stops the work after the current batch. The folder is deleted then, and also on an error. Raises
    ColorizerError before any work if the clip can't be read or exceeds `LIMITS`.
    """
    stop, seen, start = Event(), ClipStep(0, 0), None
    pool, work = ThreadPoolExecutor(1), None

    def report(done: int, total: int) -> None:
        nonlocal seen
        seconds = time.monotonic() - start
        seen = ClipStep(done, total, seconds / done * (total - done))

    try:
        if not source:
            raise VideoError("Choose a clip first.")
        seen = ClipStep(0, inspect(source, LIMITS).num_frames)
        yield seen
        pipe = catalog.pipeline(name)
        target = folder / f"{file_stem(source, name)}.mp4"
        start = time.monotonic()
        work = pool.submit(
            colorize_video,
            source,
            target,
            pipe,
            **(settings or Settings()).adjustments,
            smoothing=smoothing,
            limits=LIMITS,
            batch_size=_CPU_BATCH if pipe.device.type == "cpu" else None,
            progress=report,
            should_stop=stop.is_set,
        )
        while not work.done():
            wait([work], timeout=_STEP)
            yield seen
        yield ClipStep(seen.done, seen.total, 0.0, work.result())
    except BaseException:
        stop.set()
        # Don't wait for the work: this runs where it would block the pages of other visitors.
        if work is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            work.add_done_callback(lambda _: shutil.rmtree(folder, ignore_errors=True))
        with without_folders():
            raise
    finally:
        pool.shutdown(wait=False)


def playable(source: str, folder: Path) -> Path:
    """Return the clip itself if browsers play it, else a small copy in `folder`. Raises VideoError as `color_clip` does."""
    with without_folders():
        inspect(source, LIMITS)
        return Path(source) if is_playable(source) else write_preview(source, folder / "preview.mp4", LIMITS)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min"
