"""Which colors to offer for a place of a photo, and what to call them."""

import math
import re
from dataclasses import dataclass

import torch
from torch import Tensor

from colorizer.errors import ColorizerError
from colorizer.photos.bins import bin_centers
from colorizer.photos.color import lab_to_rgb, rgb_to_lab
from colorizer.photos.merging import merge_colors

NUM_SUGGESTIONS = 8
# Of ab. Bins lie 10 apart, so that a color's own neighbors are not offered beside it.
_APART = 16.0
_ALIKE = 12.0  # of 0…255
# In darkness and glare next to no color can be shown: there it is shown lighter or darker than the place.
_DARKEST, _LIGHTEST = 45.0, 80.0
_GRAY, _PALE = 8.0, 22.0
_HUES = (
    (20, "pink"),
    (50, "red"),
    (80, "orange"),
    (112, "yellow"),
    (165, "green"),
    (215, "turquoise"),
    (310, "blue"),
    (345, "purple"),
    (360, "pink"),
)
# Turns of hue and factors of chroma that are offered beside a predicted color.
_VARIATIONS = ((0, 1.8), (40, 1.2), (-40, 1.2), (100, 1.2), (-100, 1.2), (180, 1.2))


@dataclass(frozen=True)
class Suggestion:
    """A color to offer: 0…255 sRGB, its name, and in a word or a number what speaks for it."""

    rgb: tuple[int, int, int]
    name: str
    reason: str

    @property
    def code(self) -> str:
        """As #rrggbb."""
        return "#" + bytes(self.rgb).hex()


def suggest(ab: Tensor, logits: Tensor | None, lightness: float, across: float, down: float) -> tuple[Suggestion, ...]:
    """Colors for the place at shares `across` and `down` (0…1) of a photo, the likeliest first, the predicted one among them.

    Args:
        ab: as predicted for the photo, (2, h, w).
        logits: the network's distribution over the bins, (313, h, w) of any size, where it has one: what it holds likeliest
            is offered; else the predicted color varied in chroma and hue.
        lightness: CIE L of the place.
    """
    predicted = _cell(ab, across, down)[:, 0, 0]
    lightness = min(max(lightness, _DARKEST), _LIGHTEST)
    if logits is None:
        richer, *turned = _varied(predicted)
        colors = [(predicted, "predicted"), (richer, "richer"), *((color, "") for color in turned)]
        colors.append((torch.zeros(2) if _polar(predicted)[0] >= _GRAY else 0.4 * richer, ""))
        return tuple(_suggestion(color, lightness, reason) for color, reason in colors)
    # The neighbors' say too, since nobody clicks to the pixel.
    probabilities = _cell(logits, across, down, radius=1).float().softmax(0).mean((1, 2))
    likely: list[Suggestion] = []
    for color, share in _likeliest(probabilities, NUM_SUGGESTIONS + 3):
        suggestion = _suggestion(color, lightness, _percent(share))
        # What sRGB can't show comes out as a color that is offered already.
        if all(math.dist(suggestion.rgb, other.rgb) > _ALIKE for other in likely):
            likely.append(suggestion)
    return (*likely[: NUM_SUGGESTIONS - 1], _suggestion(predicted, lightness, "predicted"))


def color_name(ab: Tensor, lightness: float) -> str:
    """An everyday name of a color by its CIE a*, b* (2) and L, such as "pale blue"."""
    chroma, hue = _polar(ab)
    if chroma < _GRAY:
        return "gray"
    name = next(name for limit, name in _HUES if hue <= limit)
    if name == "orange" and lightness < 55:
        name = "brown"
    return f"pale {name}" if chroma < _PALE else name


def parse_color(text: str) -> tuple[int, int, int]:
    """0…255 sRGB of #rrggbb, or of rgb(r, g, b) with or without a fourth part, as color pickers write it.

    Raises ColorizerError for anything else.
    """
    text = str(text).strip()
    if match := re.fullmatch(r"#([0-9a-fA-F]{6})", text):
        return tuple(bytes.fromhex(match[1]))
    number = r"\s*(\d{1,3}(?:\.\d{1,9})?)\s*"
    if match := re.fullmatch(rf"rgba?\({number},{number},{number}(?:,[\s\d.]*)?\)", text):
        return tuple(min(255, round(float(part))) for part in match.groups())
    raise ColorizerError(f"{text[:40]!r} is no color such as #3366cc.")


def _suggestion(ab: Tensor, lightness: float, reason: str) -> Suggestion:
    gray = lab_to_rgb(torch.tensor([lightness, 0.0, 0.0]).view(3, 1, 1))
    pixels = (gray * 255).round().permute(1, 2, 0).byte().numpy()
    rgb = tuple(int(level) for level in merge_colors(pixels, ab.float().view(2, 1, 1))[0, 0])
    shown = rgb_to_lab(torch.tensor(rgb).view(3, 1, 1) / 255)[:, 0, 0]
    return Suggestion(rgb, color_name(shown[1:], float(shown[0])), reason)


def _cell(values: Tensor, across: float, down: float, radius: int = 0) -> Tensor:
    """The values (C, h, w) at a place, and up to `radius` cells around it."""
    height, width = values.shape[-2:]
    row, column = min(height - 1, int(down * height)), min(width - 1, int(across * width))
    rows, columns = (slice(max(0, place - radius), place + radius + 1) for place in (row, column))
    return values[:, rows, columns]


def _likeliest(probabilities: Tensor, count: int) -> list[tuple[Tensor, float]]:
    """Up to `count` colors of a distribution over bins, apart from one another, with the share of it that is nearest."""
    centers = bin_centers()
    chosen: list[int] = []
    for index in probabilities.argsort(descending=True).tolist():
        if all((centers[index] - centers[other]).norm() >= _APART for other in chosen):
            chosen.append(index)
            if len(chosen) == count:
                break
    nearest = torch.cdist(centers, centers[chosen]).argmin(1)
    shares = torch.zeros(len(chosen)).index_add_(0, nearest, probabilities)
    order = shares.argsort(descending=True).tolist()
    return [(centers[chosen[place]], float(shares[place])) for place in order]


def _varied(ab: Tensor) -> list[Tensor]:
    chroma, hue = _polar(ab)
    # A nearly gray prediction gives no colors to choose from.
    chroma = max(chroma, 25.0)
    return [
        torch.tensor([math.cos(angle), math.sin(angle)]) * chroma * factor
        for angle, factor in ((math.radians(hue + turn), factor) for turn, factor in _VARIATIONS)
    ]


def _polar(ab: Tensor) -> tuple[float, float]:
    """Chroma, and hue in degrees, 0…360."""
    a, b = (float(part) for part in ab)
    return math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "< 1 %"
