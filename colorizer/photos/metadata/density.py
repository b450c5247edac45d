"""Density of a photo's pixels as file formats hold it: a resolution, or only the shape of the pixels."""

import math
import struct
from dataclasses import dataclass
from fractions import Fraction

from PIL import Image

from colorizer.photos.metadata import exif as exif_blocks
from colorizer.photos.metadata.exif import RATIONAL, RESOLUTION_UNIT, SHORT, X_RESOLUTION, Y_RESOLUTION, Value

NO_UNIT, INCH, CENTIMETER = 1, 2, 3
"""Units by the TIFF standard."""

_PER_INCH = {INCH: Fraction(1), CENTIMETER: Fraction(254, 100)}
_METERS = Fraction(254, 10000)  # of an inch
_JFIF_UNITS = {0: NO_UNIT, 1: INCH, 2: CENTIMETER}
_JFIF_LARGEST, _LARGEST = 2**16 - 1, 2**31 - 1  # of what a field holds
_FIXED = 2**16  # Photoshop's fixed point


@dataclass(frozen=True)
class Density:
    """Pixels across and down per inch or centimeter; without a unit, their ratio alone, of pixels that aren't square."""

    across: Fraction
    down: Fraction
    unit: int = INCH

    @property
    def dpi(self) -> tuple[float, float] | None:
        """Pixels per inch, across and down, if it has a unit."""
        return None if self.unit == NO_UNIT else (float(self._per(INCH)[0]), float(self._per(INCH)[1]))

    def jfif(self) -> bytes:
        """Return the fields of a JFIF header: in inches or centimeters, whatever is rounded less."""
        if self.unit == NO_UNIT:
            return struct.pack(">BHH", 0, *self._ratio(_JFIF_LARGEST))
        choices = [(unit, self._per(unit)) for unit in (self.unit, INCH, CENTIMETER)]
        unit, numbers = min(choices, key=lambda choice: max(abs(round(n) / n - 1) for n in choice[1]))
        code = next(code for code, name in _JFIF_UNITS.items() if name == unit)
        return struct.pack(">BHH", code, *(min(max(round(n), 1), _JFIF_LARGEST) for n in numbers))

    def phys(self) -> bytes:
        """Return the pHYs chunk of a PNG."""
        if self.unit == NO_UNIT:
            return struct.pack(">IIB", *self._ratio(_LARGEST), 0)
        return struct.pack(">IIB", *(round(n / _METERS) for n in self._per(INCH)), 1)

    def tags(self, order: str) -> dict[int, Value]:
        """Return the tags of a TIFF or EXIF block of this byte order."""
        numbers = self._ratio(_LARGEST) if self.unit == NO_UNIT else (self.across, self.down)
        pairs = [Fraction(n).limit_denominator(1000).as_integer_ratio() for n in numbers]
        return {
            X_RESOLUTION: Value(RATIONAL, 1, struct.pack(f"{order}II", *pairs[0])),
            Y_RESOLUTION: Value(RATIONAL, 1, struct.pack(f"{order}II", *pairs[1])),
            RESOLUTION_UNIT: Value(SHORT, 1, struct.pack(f"{order}H", self.unit)),
        }

    def _per(self, unit: int) -> tuple[Fraction, Fraction]:
        factor = _PER_INCH[self.unit] / _PER_INCH[unit]
        return self.across * factor, self.down * factor

    def _ratio(self, largest: int) -> tuple[int, int]:
        """Return the ratio in whole numbers up to `largest`, the own ones if they are such."""
        if all(n.denominator == 1 and n <= largest for n in (self.across, self.down)):
            return int(self.across), int(self.down)
        small, large = sorted((self.across, self.down))
        pair = (small / large).limit_denominator(largest).as_integer_ratio()
        pair = max(pair[0], 1), pair[1]
        return pair if self.across < self.down else pair[::-1]


def read_density(image: Image.Image, exif: bytes | None, resource: bytes | None) -> Density | None:
    """Return the density of a photo by what its file holds, None if that is nothing.

    `resource` is Photoshop's of the resolution. Raises ValueError or another error if a part is damaged.
    """
    info = image.info
    if image.format in ("JPEG", "MPO"):
        # Pillow's own is rounded, and 72 dpi where the file has none.
        unit = _JFIF_UNITS.get(info.get("jfif_unit"))
        own = _density(*info["jfif_density"], unit) if unit else None
    elif "aspect" in info:
        own = _density(*info["aspect"], NO_UNIT)
    else:
        own = _density(*info["dpi"], INCH) if "dpi" in info else None
    if own or (exif and (own := _of_tags(exif))):
        return own
    if not resource:
        return None
    across, down = struct.unpack(">I4xI", resource[:12])
    return _density(Fraction(across, _FIXED), Fraction(down, _FIXED), INCH)


def _of_tags(exif: bytes) -> Density | None:
    tags, order = exif_blocks.read_block(exif), exif_blocks.byte_order(exif)
    if X_RESOLUTION not in tags or Y_RESOLUTION not in tags:
        return None
    ratios = [struct.unpack(f"{order}II", tags[tag].content) for tag in (X_RESOLUTION, Y_RESOLUTION)]
    (unit,) = struct.unpack(f"{order}H", tags[RESOLUTION_UNIT].content) if RESOLUTION_UNIT in tags else (INCH,)
    if unit not in _JFIF_UNITS.values() or not all(below for _, below in ratios):
        return None
    return _density(*(Fraction(*ratio) for ratio in ratios), unit)


def _density(across: float | Fraction, down: float | Fraction, unit: int) -> Density | None:
    if not math.isfinite(across) or not math.isfinite(down) or min(across, down) <= 0:
        return None
    density = Density(Fraction(across), Fraction(down), unit)
    if density.dpi is None:
        return density if across != down else None
    # A file without a resolution may say 0 or 1.
    return density if all(1 < n < _JFIF_LARGEST for n in density.dpi) else None
