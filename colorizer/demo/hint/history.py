"""What a visitor of the Hint tab has done so far: the photo, the hints with their history, the place that is chosen."""

from dataclasses import dataclass, replace
from typing import Any

from colorizer.errors import ColorizerError, check_number
from colorizer.pipelines.hints import Hint, checked_hints

# What one visitor may ask of a machine that many share.
MAX_HINTS = 64
MAX_STEPS = 200

NEAR = 1 / 50
"""A click this near to a hint, as a share of the photo's longer side, means that hint."""


@dataclass(frozen=True)
class Hinting:
    """One visitor's hints on one photo; every change gives a new one.

    photo: the file, None before there is one.
    size: the photo's width and height; hints and `place` are in its pixels.
    steps: the hints after each change, of which that at `position` counts; those behind it can be done again.
    place: where the next color goes.
    """

    photo: str | None = None
    size: tuple[int, int] = (1, 1)
    steps: tuple[tuple[Hint, ...], ...] = ((),)
    position: int = 0
    place: tuple[float, float] | None = None

    @property
    def hints(self) -> tuple[Hint, ...]:
        return self.steps[self.position]

    @property
    def can_undo(self) -> bool:
        return self.position > 0

    @property
    def can_redo(self) -> bool:
        return self.position + 1 < len(self.steps)

    @property
    def chosen(self) -> Hint | None:
        """The hint at the chosen place, if there is one."""
        return next((hint for hint in self.hints if (hint.x, hint.y) == self.place), None)

    def choose(self, x: float, y: float) -> "Hinting":
        """With another place for the next color, that of a hint if there is one near; ColorizerError outside the photo."""
        if self.photo is None:
            raise ColorizerError("Choose a photo first.")
        width, height = self.size
        x, y = check_number("x", x, 0, width - 1), check_number("y", y, 0, height - 1)
        distances = {(hint.x, hint.y): (hint.x - x) ** 2 + (hint.y - y) ** 2 for hint in self.hints}
        nearest = min(distances, key=distances.get, default=None)
        if nearest is not None and distances[nearest] <= (NEAR * max(self.size)) ** 2:
            return replace(self, place=nearest)
        return replace(self, place=(x, y))

    def color(self, rgb: tuple[int, int, int]) -> "Hinting":
        """With that color at the chosen place, where it takes the place of another hint if there is one."""
        if self.place is None:
            raise ColorizerError("Click on the photo first, at the place that shall have this color.")
        others = tuple(hint for hint in self.hints if hint is not self.chosen)
        if len(others) >= MAX_HINTS:
            raise ColorizerError(f"There are {MAX_HINTS} hints already, as many as one photo may have here.")
        return self._step((*others, *checked_hints([(*self.place, rgb)])))

    def with_hints(self, hints: Any) -> "Hinting":
        """With these hints, (x, y, (r, g, b)) in the photo's pixels, and no others."""
        if isinstance(hints, list | tuple) and len(hints) > MAX_HINTS:
            raise ColorizerError(f"There are {len(hints)} hints, and one photo may have {MAX_HINTS} here.")
        return self._step(checked_hints(hints))

    def remove(self) -> "Hinting":
        """Without the hint at the chosen place."""
        if self.chosen is None:
            raise ColorizerError("Click on a dot first: the hint there is then taken away.")
        return self._step(tuple(hint for hint in self.hints if hint is not self.chosen))

    def clear(self) -> "Hinting":
        """Without any hints; to be undone as any other change."""
        return self._step(()) if self.hints else self

    def undo(self) -> "Hinting":
        return replace(self, position=self.position - 1) if self.can_undo else self

    def redo(self) -> "Hinting":
        return replace(self, position=self.position + 1) if self.can_redo else self

    def _step(self, hints: tuple[Hint, ...]) -> "Hinting":
        steps = (*self.steps[: self.position + 1], hints)[-MAX_STEPS:]
        return replace(self, steps=steps, position=len(steps) - 1)
