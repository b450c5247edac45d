"""Adjust the saturation, warmth and strength of predicted colors without running the network again.

Only ab changes, so `merge_colors` keeps the photo's own lightness for any adjustment.
"""

from torch import Tensor

from colorizer.errors import ColorizerError, check_number
from colorizer.photos.merging import MAX_SATURATION

MAX_WARMTH = 100.0

WARM = (0.135, 0.991)
"""Unit vector in the ab plane along which white moves as daylight gets warmer: from D65 to D50 (CIE 15:2004)."""


def adjust(ab: Tensor, *, saturation: float = 1.0, warmth: float = 0.0, strength: float = 1.0) -> Tensor:
    """Return `strength · (saturation · ab + warmth · WARM)`, with the shape and type of `ab`.

    Args:
        ab: CIE a*, b*, (…, 2, h, w).
        saturation: factor on the predicted chroma, 0…10; at 0 only the warmth remains, as a tone.
        warmth: shift of every color in CIE units, -100 (blue) to 100 (yellow); 18 is the step from daylight (D65) to the
            warmer light of prints (D50).
        strength: opacity of the colors over the gray photo, 0 (gray) to 1 (full color).

    Raises ColorizerError for a number out of range, and for an `ab` without two channels.
    """
    saturation = check_number("saturation", saturation, 0.0, MAX_SATURATION)
    warmth = check_number("warmth", warmth, -MAX_WARMTH, MAX_WARMTH)
    strength = check_number("strength", strength, 0.0, 1.0)
    if ab.ndim < 3 or ab.shape[-3] != 2:
        raise ColorizerError(f"expected ab as (…, 2, height, width), got {tuple(ab.shape)}")
    return strength * (saturation * ab + warmth * ab.new_tensor(WARM).view(2, 1, 1))
