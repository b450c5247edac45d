"""Color hints: validation of the user's points and colors, and their conversion to a network's input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colorizer.errors import ColorizerError, check_number, quote
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.files.reading import MAX_PIXELS

MAX_HINTS = 1000
SHARE = 1 / 50
"""Side of the square drawn around a point, as a share of the photo's side, similar to the patches in training."""

EXAMPLE = "such as (120, 45, (51, 102, 204)): x, y and red, green, blue in 0…255"


@dataclass(frozen=True)
class Hint:
    """Pixel x, y of an upright photo, from the top left corner, and the sRGB color it should have, 0…255."""

    x: float
    y: float
    rgb: tuple[float, float, float]


@dataclass(frozen=True)
class HintedPhoto:
    """Photo, from any source, with its own hints."""

    source: Any
    hints: tuple[Hint, ...]


def checked_hints(hints: Any, name: str = "hints") -> tuple[Hint, ...]:
    """Convert each (x, y, (r, g, b)) to a Hint; None gives no hints.

    Raises:
        ColorizerError: too many hints, or an invalid one; the message names it and the reason.
    """
    if hints is None:
        return ()
    if not isinstance(hints, list | tuple):
        raise ColorizerError(f"{name} must be a list of hints {EXAMPLE}, not {type(hints).__name__}.")
    if len(hints) > MAX_HINTS:
        raise ColorizerError(f"{name} has {len(hints)} hints, more than the {MAX_HINTS} allowed.")
    return tuple(_checked_hint(hint, f"{name}[{index}]") for index, hint in enumerate(hints))


def _checked_hint(hint: Any, name: str) -> Hint:
    if isinstance(hint, Hint):
        hint = hint.x, hint.y, hint.rgb
    if not isinstance(hint, list | tuple) or len(hint) != 3:
        raise ColorizerError(f"{name} is not a hint {EXAMPLE}; got {quote(hint)}.")
    x, y, rgb = hint
    if not isinstance(rgb, list | tuple | np.ndarray) or len(rgb) != 3:
        raise ColorizerError(f"{name} has no color of red, green and blue in 0…255, {EXAMPLE}; got {quote(rgb)}.")
    # The photo's size is unknown until it is read.
    x, y = (check_number(f"{axis} of {name}", value, 0, MAX_PIXELS) for axis, value in (("x", x), ("y", y)))
    parts = zip(("red", "green", "blue"), rgb, strict=True)
    return Hint(x, y, tuple(check_number(f"{part} of {name}", value, 0, 255) for part, value in parts))


def are_per_photo(hints: Any) -> bool:
    """Return whether there is one list of hints per photo, rather than one list for all photos."""
    if not isinstance(hints, list | tuple):
        return False
    lists = [entry for entry in hints if entry is not None]
    return bool(lists) and all(
        isinstance(entry, list | tuple) and (not entry or isinstance(entry[0], list | tuple | Hint)) for entry in lists
    )


def pair_hints(photos: Sequence[Any], hints: Sequence[Any]) -> list[HintedPhoto]:
    """Pair each photo with its list of hints.

    Raises:
        ColorizerError: the numbers of lists and photos differ, or a hint is invalid.
    """
    if len(hints) != len(photos):
        raise ColorizerError(
            f"hints has {len(hints)} lists for {len(photos)} photos: give one per photo, or one for all."
        )
    return [
        HintedPhoto(photo, checked_hints(given, f"hints[{index}]"))
        for index, (photo, given) in enumerate(zip(photos, hints, strict=True))
    ]


def draw_hints(
    hints: Sequence[Hint], photo_size: tuple[int, int], size: tuple[int, int], name: str = "the photo"
) -> Tensor:
    """Draw hints as network input, (3, h, w): CIE a*, b* and a mask. Where two squares overlap, the later hint counts.

    Args:
        photo_size: width and height of the photo, whose pixels the hints name.
        size: height and width, h and w, at which the network works.
        name: of the photo, for messages.

    Raises:
        ColorizerError: a hint lies outside the photo.
    """
    drawn = torch.zeros(3, *size)
    radius = max(0, round((size[0] * size[1]) ** 0.5 * SHARE / 2))
    for hint, (row, column) in zip(hints, hint_cells(hints, photo_size, size, name), strict=True):
        ab = rgb_to_lab(torch.tensor(hint.rgb).view(3, 1, 1) / 255)[1:]
        rows, columns = (slice(max(0, place - radius), place + radius + 1) for place in (row, column))
        drawn[:2, rows, columns] = ab
        drawn[2, rows, columns] = 1
    return drawn


def hint_cells(
    hints: Sequence[Hint], photo_size: tuple[int, int], size: tuple[int, int], name: str = "the photo"
) -> list[tuple[int, int]]:
    """Return the row and column of each hint after resizing the photo to `size` (height, width); see `draw_hints`.

    Raises:
        ColorizerError: a hint lies outside the photo.
    """
    width, height = photo_size
    cells = []
    for index, hint in enumerate(hints):
        if hint.x >= width or hint.y >= height:
            raise ColorizerError(
                f"hints[{index}] at {hint.x:g}, {hint.y:g} lies outside {name}, which has {width}×{height} pixels: x goes "
                f"from 0 to {width - 1}, y to {height - 1}."
            )
        # Use the center of the pixel.
        row, column = int((hint.y + 0.5) * size[0] / height), int((hint.x + 0.5) * size[1] / width)
        cells.append((min(size[0] - 1, row), min(size[1] - 1, column)))
    return cells
