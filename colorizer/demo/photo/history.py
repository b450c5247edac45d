"""State of a visitor's session who fixes colors: the photo, the hints with undo history, and the chosen place."""

from dataclasses import dataclass, replace
from typing import Any

from colorizer.errors import ColorizerError, check_number
from colorizer.pipelines.hints import Hint, checked_hints

# Limits per visitor, since many share the machine.
MAX_HINTS = 64
MAX_STEPS = 200

NEAR = 1 / 50
"""A click this close to a hint, as a fraction of the photo's longer side, selects the hint."""


@dataclass(frozen=True)
class Hinting:
    """Hints of one visitor on one photo. Each change returns a new object.

    photo: file of the photo; None if there is none yet.
    size: width and height of the photo; hints and `place` are in its pixels.
    steps: the hints after each change, for undo and redo; those at `position` are current.
    place: chosen place for the next color.
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
        """Hint at the chosen place, or None."""
        return next((hint for hint in self.hints if (hint.x, hint.y) == self.place), None)

    def choose(self, x: float, y: float) -> "Hinting":
        """Choose the place for the next color; a hint nearby is selected. Raises ColorizerError outside the photo."""
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
        """Set the color of the chosen place, 0…255 sRGB. Raises ColorizerError without a place or with too many hints."""
        if self.place is None:
            raise ColorizerError("Click on the photo first, at the place for this color.")
        others = tuple(hint for hint in self.hints if hint is not self.chosen)
        if len(others) >= MAX_HINTS:
            raise ColorizerError(f"Limit reached: {MAX_HINTS} hints per photo. Remove one first.")
        return self._step((*others, *checked_hints([(*self.place, rgb)])))

    def move(self, x: float, y: float) -> "Hinting":
        """Move the hint at the chosen place. Raises ColorizerError if there is none, or outside the photo."""
        if self.chosen is None:
            return self.choose(x, y)
        width, height = self.size
        place = check_number("x", x, 0, width - 1), check_number("y", y, 0, height - 1)
        moved = tuple(replace(hint, x=place[0], y=place[1]) if hint is self.chosen else hint for hint in self.hints)
        return replace(self._step(moved), place=place)

    def with_hints(self, hints: Any) -> "Hinting":
        """Replace all hints by these, (x, y, (r, g, b)) in the photo's pixels. Raises ColorizerError for invalid hints."""
        if isinstance(hints, list | tuple) and len(hints) > MAX_HINTS:
            raise ColorizerError(f"There are {len(hints)} hints; the limit is {MAX_HINTS} per photo.")
        return self._step(checked_hints(hints))

    def remove(self) -> "Hinting":
        """Remove the hint at the chosen place. Raises ColorizerError if there is none."""
        if self.chosen is None:
            raise ColorizerError("Click on a dot first, to choose the hint to remove.")
        return self._step(tuple(hint for hint in self.hints if hint is not self.chosen))

    def clear(self) -> "Hinting":
        """Remove all hints. Can be undone, like any change."""
        return self._step(()) if self.hints else self

    def undo(self) -> "Hinting":
        return replace(self, position=self.position - 1) if self.can_undo else self

    def redo(self) -> "Hinting":
        return replace(self, position=self.position + 1) if self.can_redo else self

    def _step(self, hints: tuple[Hint, ...]) -> "Hinting":
        steps = (*self.steps[: self.position + 1], hints)[-MAX_STEPS:]
        return replace(self, steps=steps, position=len(steps) - 1)
