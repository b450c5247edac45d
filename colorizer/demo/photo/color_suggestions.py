"""Color suggestions for a place in a photo, and names for colors."""

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
# Distance in ab. Bins are 10 apart, so a color's direct neighbors are not suggested too.
_APART = 16.0
_ALIKE = 12.0  # distance in sRGB, 0…255
# Very dark and very bright places can show almost no color, so swatches are lighter or darker than the place.
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
# Variations of a predicted color: hue rotation in degrees and chroma factor.
_VARIATIONS = ((0, 1.8), (40, 1.2), (-40, 1.2), (100, 1.2), (-100, 1.2), (180, 1.2))


@dataclass(frozen=True)
class Suggestion:
    """Suggested color: sRGB 0…255, its name, and the reason in a word or as a probability."""

    rgb: tuple[int, int, int]
    name: str
    reason: str

    @property
    def code(self) -> str:
        """Color as #rrggbb."""
        return "#" + bytes(self.rgb).hex()


def suggest(ab: Tensor, logits: Tensor | None, lightness: float, across: float, down: float) -> tuple[Suggestion, ...]:
    """Suggest colors for a place in a photo, including the predicted color, the most likely first.

    Args:
        ab: prediction for the photo, (2, h, w).
        logits: logits over the color bins, (313, h, w) of any size, or None. With logits the most likely colors are suggested,
            else the predicted color with variations of chroma and hue.
        lightness: CIE L of the place, 0…100.
        across, down: position of the place as a fraction of width and height, 0…1.
    """
    predicted = _cell(ab, across, down)[:, 0, 0]
    lightness = min(max(lightness, _DARKEST), _LIGHTEST)
    if logits is None:
        richer, *turned = _varied(predicted)
        colors = [(predicted, "predicted"), (richer, "richer"), *((color, "") for color in turned)]
        colors.append((torch.zeros(2) if _polar(predicted)[0] >= _GRAY else 0.4 * richer, ""))
        return tuple(_suggestion(color, lightness, reason) for color, reason in colors)
    # Include the neighbors, since nobody clicks to the exact pixel.
    probabilities = _cell(logits, across, down, radius=1).float().softmax(0).mean((1, 2))
    likely: list[Suggestion] = []
    for color, share in _likeliest(probabilities, NUM_SUGGESTIONS + 3):
        suggestion = _suggestion(color, lightness, _percent(share))
        # Colors outside sRGB are clipped, and may then repeat one that is already suggested.
        if all(math.dist(suggestion.rgb, other.rgb) > _ALIKE for other in likely):
            likely.append(suggestion)
    return (*likely[: NUM_SUGGESTIONS - 1], _suggestion(predicted, lightness, "predicted"))


def color_name(ab: Tensor, lightness: float) -> str:
    """Return an everyday name, such as "pale blue", of a color with ab (2) and CIE L `lightness`."""
    chroma, hue = _polar(ab)
    if chroma < _GRAY:
        return "gray"
    name = next(name for limit, name in _HUES if hue <= limit)
    if name == "orange" and lightness < 55:
        name = "brown"
    return f"pale {name}" if chroma < _PALE else name


def parse_color(text: str) -> tuple[int, int, int]:
    """Parse #rrggbb, rgb(r, g, b) or rgba(r, g, b, a), as color pickers write it, to sRGB 0…255.

    Raises ColorizerError for anything else.
    """
    text = str(text).strip()
    if match := re.fullmatch(r"#([0-9a-fA-F]{6})", text):
        return tuple(bytes.fromhex(match[1]))
    number = r"\s*(\d{1,3}(?:\.\d{1,9})?)\s*"
    if match := re.fullmatch(rf"rgba?\({number},{number},{number}(?:,[\s\d.]*)?\)", text):
        return tuple(min(255, round(float(part))) for part in match.groups())
    raise ColorizerError(f"{text[:40]!r} is not a color. Write it like #3366cc.")


def _suggestion(ab: Tensor, lightness: float, reason: str) -> Suggestion:
    gray = lab_to_rgb(torch.tensor([lightness, 0.0, 0.0]).view(3, 1, 1))
    pixels = (gray * 255).round().permute(1, 2, 0).byte().numpy()
    rgb = tuple(int(level) for level in merge_colors(pixels, ab.float().view(2, 1, 1))[0, 0])
    shown = rgb_to_lab(torch.tensor(rgb).view(3, 1, 1) / 255)[:, 0, 0]
    return Suggestion(rgb, color_name(shown[1:], float(shown[0])), reason)


def _cell(values: Tensor, across: float, down: float, radius: int = 0) -> Tensor:
    """Return the values (C, h', w') at a place and up to `radius` cells around it."""
    height, width = values.shape[-2:]
    row, column = min(height - 1, int(down * height)), min(width - 1, int(across * width))
    rows, columns = (slice(max(0, place - radius), place + radius + 1) for place in (row, column))
    return values[:, rows, columns]


def _likeliest(probabilities: Tensor, count: int) -> list[tuple[Tensor, float]]:
    """Return up to `count` distinct colors (2), each with the total probability of the bins closest to it."""
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
    # A nearly gray prediction would only give grays.
    chroma = max(chroma, 25.0)
    return [
        torch.tensor([math.cos(angle), math.sin(angle)]) * chroma * factor
        for angle, factor in ((math.radians(hue + turn), factor) for turn, factor in _VARIATIONS)
    ]


def _polar(ab: Tensor) -> tuple[float, float]:
    """Return chroma, and hue in degrees, 0…360."""
    a, b = (float(part) for part in ab)
    return math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "< 1 %"
