"""A visitor's photo, what came of it, and what they changed. No Gradio here, so tests need no browser."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from colorizer.demo.photo.canvas import Studio
from colorizer.demo.photo.color_suggestions import Suggestion, parse_color
from colorizer.demo.photo.comparison import Comparison, Result, Settings
from colorizer.demo.photo.history import Hinting
from colorizer.demo.photo.recolor import adjusted, repaint, rescore, score_of
from colorizer.demo.photo.run import compare
from colorizer.errors import ColorizerError, check_number
from colorizer.photos.files.saving import save_image
from colorizer.pipelines.hint_propagation import MAX_REACH, MIN_REACH, REACH

THUMBNAIL_SIDE = 200


@dataclass(frozen=True)
class Painted:
    """Result as it was painted last, with which look, and whether its scores are those of that look."""

    result: Result
    thumbnail: Path
    look: tuple[Any, ...]
    is_scored: bool = True


@dataclass
class Session:
    """State of one visitor in the Photo tab, which events of the page change, some at the same time.

    num_arrived: number of photos, or other reasons to color again, so far; a run ends when this is no longer its number.
    num_begun: the last of them that a run has begun with.
    waiting: file of the photo that arrived last, which may turn out to be unreadable.
    kept: what the page kept of an earlier session, to be taken up with that photo; untrusted.
    number: number of the photo that is shown; 0 = the opening example, before anything was done.
    results: results of the current run, in the colors with which it began.
    settings: settings as adjusted since.
    version: number of changes of colors so far.
    reach: how far a hint's color spreads.
    chosen: label of the result that is shown.
    """

    num_arrived: int = 0
    num_begun: int = 0
    waiting: str | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    results: Comparison | None = None
    settings: Settings = field(default_factory=Settings)
    version: int = 0
    reach: float = REACH
    hinting: Hinting = field(default_factory=Hinting)
    chosen: str = ""
    painted: dict[str, Painted] = field(default_factory=dict)
    suggestions: tuple[Suggestion, ...] = ()
    message: str = ""

    @property
    def comparison(self) -> Comparison | None:
        """The results with the current settings and hints; None before anything was done."""
        if self.results is None:
            return None
        return replace(
            self.results,
            settings=self.settings,
            hints=self.hinting.hints,
            reach=self.reach,
            version=self.version,
        )

    def arrive(self, source: str | None, kept: Mapping[str, Any] | None = None) -> None:
        """Note a new photo, which ends the run of an earlier one; `color` colors it."""
        self.waiting, self.kept = source, kept or {}
        self.num_arrived += 1

    def color(self, studio: Studio, names: Sequence[str], settings: Settings, folder: Path) -> Iterator[None]:
        """Color the photo that arrived last by all `names`. Yields after each; ends early if another arrives.

        Files go into `folder`, and the earlier photo's are deleted. Raises as `compare` does; the earlier photo then stays.
        """
        mine = self.num_arrived
        if self.num_begun == mine:
            return  # two photos came before the first run: the newer one is under way
        self.num_begun, source, kept, self.kept = mine, self.waiting, self.kept, {}
        for step in compare(studio.catalog, source, list(names), settings, folder):
            if self.num_arrived != mine:
                shutil.rmtree(folder, ignore_errors=True)
                return
            step = replace(step, studio=studio)
            if step.num_done == 1:
                self._begin(step, kept)
            self.results = step
            for result in step.colored:
                if result.label not in self.painted:
                    self.painted[result.label] = Painted(result, thumbnail(result.preview), _look(step))
            if self.chosen not in self.painted and step.is_done:
                self.chosen = step.colored[0].label if step.colored else ""
            yield

    def see(self, label: str | None) -> None:
        """Paint a result if it does not have the current settings and hints yet, and make it the chosen one."""
        comparison = self.comparison
        label = label or self.chosen or self._first
        result = comparison.result(label)
        self.chosen = label
        known = self.painted.get(label)
        if known and known.look == _look(comparison):
            return
        repainted = repaint(comparison, label)
        if known:
            repainted = replace(repainted, scores=known.result.scores)
        self.painted[label] = Painted(repainted, thumbnail(repainted.preview), _look(comparison), is_scored=False)
        # The page may still show the picture from before, but not the one from two changes ago.
        kept = [repainted.preview.stem, result.preview.stem, *([known.result.preview.stem] if known else [])]
        for path in comparison.folder.glob(f"{repainted.preview.stem.rpartition('-')[0]}-*"):
            if path.stem.removesuffix("-small") not in kept:
                path.unlink(missing_ok=True)

    def score(self) -> None:
        """Score the chosen result as it looks now, which takes longer than to paint it."""
        known = self.painted.get(self.chosen)
        if known and not known.is_scored:
            result = replace(known.result, scores=score_of(self.comparison, self.chosen))
            self.painted[self.chosen] = replace(known, result=result, is_scored=True)

    def adjust(
        self, saturation: float, warmth: float, strength: float, reach: float, options: Mapping[str, float | str]
    ) -> None:
        """Set the adjustments, which hold for all results; only the chosen one is painted. Raises as `repaint` does."""
        before = self.settings, self.reach
        self.version += 1
        self.settings = adjusted(
            self.comparison, saturation=saturation, warmth=warmth, strength=strength, options=options
        ).settings
        self.reach = check_number("reach", reach, MIN_REACH, MAX_REACH)
        try:
            self.see(None)
        except ColorizerError:
            self.settings, self.reach = before
            raise

    def hint(self, what: str, label: str | None, given: Mapping[str, Any]) -> None:
        """Change the hints as the page asks, by `what` and untrusted values. Raises ColorizerError if that can't be done."""
        hinting = self.hinting
        if hinting.photo is None:
            hinting = self.comparison.studio.open(self.comparison.source)
        if (start := given.get("from")) is not None:
            hinting = hinting.choose(
                *_place(hinting, *(start if isinstance(start, list) and len(start) == 2 else (0, 0)))
            )
        if what in ("point", "move"):
            place = _place(hinting, given.get("x"), given.get("y"))
            hinting = hinting.choose(*place) if what == "point" else hinting.move(*place)
        elif what == "paint":
            hinting = hinting.color(parse_color(given.get("color")))
        elif what in ("undo", "redo", "remove", "clear"):
            hinting = getattr(hinting, what)()
        else:
            raise ColorizerError("There is no such change.")
        self._take(hinting)
        self.see(label)
        self.suggestions = self.comparison.studio.suggest(hinting, self.comparison.result(self.chosen).name)

    def scored(self) -> Comparison:
        """Return the comparison with scores of the colors as adjusted and hinted."""
        return rescore(self.comparison) if self.version else self.comparison

    def forget(self) -> None:
        """Delete the files."""
        if self.results is not None:
            shutil.rmtree(self.results.folder, ignore_errors=True)

    @property
    def _first(self) -> str:
        return self.results.colored[0].label if self.results.colored else ""

    def _begin(self, step: Comparison, kept: Mapping[str, Any]) -> None:
        earlier, self.results = self.results, step
        self.painted, self.message, self.settings = {}, "", step.settings
        if earlier is None or earlier.source != step.source or kept:
            self.number += 1
            self.hinting, self.chosen, self.suggestions = Hinting(), "", ()
        if kept:
            self.chosen = str(kept.get("chosen") or "")
            # The page may have kept anything; then there are no hints.
            with suppress(ColorizerError):
                self._take(step.studio.open(step.source).with_hints(kept.get("hints")))
        if earlier is not None:
            shutil.rmtree(earlier.folder, ignore_errors=True)

    def _take(self, hinting: Hinting) -> None:
        self.hinting = hinting
        self.version += 1


def _look(comparison: Comparison) -> tuple[Any, ...]:
    return comparison.settings, comparison.hints, comparison.reach if comparison.hints else None


def thumbnail(preview: Path) -> Path:
    """Write a small copy of a picture beside it, for the strip; returns its path."""
    with Image.open(preview) as image:
        image.draft("RGB", (2 * THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE))  # decodes a JPEG at a fraction of its size
        small = image.convert("RGB")
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    path = preview.with_name(f"{preview.stem}-small.jpg")
    save_image(small, path, flush=False, quality=80)
    return path


def _place(hinting: Hinting, x: Any, y: Any) -> tuple[float, float]:
    """Return the pixel at shares 0…1 of the photo's width and height. Raises ColorizerError for anything else."""
    width, height = hinting.size
    return check_number("x", x, 0, 1) * (width - 1), check_number("y", y, 0, 1) * (height - 1)
