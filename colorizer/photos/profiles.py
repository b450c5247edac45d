"""Color profiles (ICC.1:2022): spaces in which a photo's lightness is taken and its colors are made.

Two kinds of profiles are read here: RGB by a matrix and three curves (sRGB, Adobe RGB, Display P3, ProPhoto, …), and gray by a
curve. All others (CMYK, tables of colors) go through LittleCMS, which also decides whether a profile can be read at all.
"""

import io
import struct
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from colorizer.photos.depth import eight_bits
from colorizer.photos.photo import Photo

MAX_BYTES = 2**24
"""A JPEG has no room for more; the largest in use, of printers, have a fifth."""

LEVELS = 65535  # linear light is counted in 65535ths: the darkest step of 8-bit sRGB is 20 of them
_SPACES = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK"}
_MAX_TAGS = 100
_SRGB_MATRIX = ((0.43604, 0.38511, 0.14305), (0.22248, 0.71690, 0.06061), (0.01392, 0.09707, 0.71391))  # to XYZ, D50
_SAME_MATRIX, _SAME_LEVEL = 0.003, 0.5 / 255  # within these, a profile is sRGB under some name
_WHITE = 0.01  # deviation of R = G = B = 1 from white
# Parameters of parametric curves by type: g, a, b, c, d, e, f of the standard's table 68.
_NUM_PARAMETERS = (1, 3, 4, 5, 7)


class _OtherSpaceError(ValueError):
    """A profile is whole, but no colors can be made in its space."""


@dataclass(frozen=True, eq=False)
class RgbProfile:
    """RGB space of a matrix and three curves.

    curves: linear light of each channel, float64 (3, 65536), 0…1, for encoded values of 0…65535; none decreases.
    matrix: linear light to that of sRGB, float64 (3, 3); white is white.
    """

    curves: np.ndarray
    matrix: np.ndarray

    @property
    def holds_srgb(self) -> bool:
        """True if every color of sRGB is one of this space."""
        return bool((np.linalg.inv(self.matrix) > -1e-3).all())


@lru_cache(8)
def rgb_profile(content: bytes) -> RgbProfile | None:
    """Return the space of an RGB profile, or None if it is sRGB.

    Raises ValueError for a profile that isn't RGB by a matrix and curves, or is damaged.
    """
    tags = _tags(content)
    if content[16:24] != b"RGB XYZ ":
        raise _OtherSpaceError("it isn't RGB by a matrix and curves")
    colorants = np.array([_colorant(tags[tag]) for tag in (b"rXYZ", b"gXYZ", b"bXYZ")]).T
    matrix = np.linalg.inv(_SRGB_MATRIX) @ colorants
    white = matrix.sum(1, keepdims=True)
    if not np.isfinite(matrix).all() or np.linalg.cond(matrix) > 100:
        raise ValueError("its colors are no space")
    if abs(white - 1).max() > _WHITE:
        raise _OtherSpaceError("its white is tinted")
    curves = np.array([_curve(tags[tag]) for tag in (b"rTRC", b"gTRC", b"bTRC")])
    matrix /= white  # which is rounded in a profile
    is_srgb = abs(matrix - np.eye(3)).max() < _SAME_MATRIX
    if is_srgb and abs(srgb_encoded(curves) - np.linspace(0, 1, LEVELS + 1)).max() < _SAME_LEVEL:
        return None
    return RgbProfile(curves, matrix)


def photo_profile(photo: Photo | np.ndarray) -> RgbProfile | None:
    """Return the space of a photo's pixels; None is sRGB, as for pixels without a profile and for profiles of no use."""
    if not isinstance(photo, Photo) or photo.icc_profile is None:
        return None
    try:
        return rgb_profile(photo.icc_profile)
    except ValueError:
        return None


def gray_levels(content: bytes, largest: int) -> np.ndarray:
    """Return the sRGB level, 0…1, of each gray value, 0…`largest`, of a gray profile, float64 (largest + 1).

    Raises ValueError for a profile that isn't gray by a curve, or is damaged.
    """
    if content[16:20] != b"GRAY":
        raise ValueError("it isn't gray")
    curve = _curve(_tags(content)[b"kTRC"])
    if content[20:24] == b"Lab ":
        # The curve is then of lightness, not of light.
        root = (100 * curve + 16) / 116
        curve = np.where(root > 6 / 29, root**3, 3 * (6 / 29) ** 2 * (root - 4 / 29))
    return srgb_encoded(curve[np.arange(largest + 1) * (LEVELS // largest)])


def through_profile(samples: np.ndarray, profile: bytes | None) -> tuple[np.ndarray, bytes | None, tuple[str, ...]]:
    """Convert samples, uint8 or uint16, (H, W) gray or (H, W, 3) RGB, or uint8 (H, W, 4) CMYK, to those of a `Photo`.

    Returns the samples, the profile of their space (None: sRGB), and notes. The profile is kept if colors can be made in its
    space, which needs RGB by a matrix and curves. Gray stays gray, and uint16 stays uint16, unless LittleCMS converts them.
    """
    mode = "L" if samples.ndim == 2 else "RGB" if samples.shape[2] == 3 else "CMYK"
    space = profile[16:20] if profile and len(profile) >= 128 and profile[36:40] == b"acsp" else None
    notes = ()
    if profile and space in (None, _SPACES[mode]):
        try:
            if mode == "L":
                largest = np.iinfo(samples.dtype).max
                levels = np.rint(largest * gray_levels(profile, largest)).astype(samples.dtype)
                return levels[samples], None, ()
            rgb_profile(profile)
            return samples, profile, ()
        except _OtherSpaceError:
            converted = to_srgb(Image.fromarray(_eight_bits(samples), mode), profile)
        except ValueError:
            converted = None
        if converted is not None:
            return np.array(converted), None, ()
        notes = ("its color profile is damaged and was ignored",)
    elif profile and not (mode == "L" and is_srgb(profile)):
        notes = ("its color profile is for photos of another kind and was ignored",)
    return (np.array(Image.fromarray(samples, mode).convert("RGB")) if mode == "CMYK" else samples), None, notes


def to_srgb(image: Image.Image, profile: bytes | ImageCms.core.CmsProfile) -> Image.Image | None:
    """Convert an image of 8 bits to sRGB by LittleCMS; return None if the profile does not work."""
    try:
        if isinstance(profile, bytes):
            if len(profile) > MAX_BYTES:
                return None
            profile = ImageCms.ImageCmsProfile(io.BytesIO(_without_elements(profile)))
        return ImageCms.profileToProfile(image, profile, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, struct.error):
        return None


def _without_elements(content: bytes) -> bytes:
    """Return a profile whose lists of elements are hidden from LittleCMS, which computes hundreds of thousands for each pixel.

    They only add precision to the tables that a profile must have as well.
    """
    (count,), changed = struct.unpack_from(">I", content, 128), bytearray(content)
    for place in range(132, 132 + 12 * min(count, _MAX_TAGS), 12):
        if content[place : place + 3] in (b"D2B", b"B2D"):
            changed[place : place + 4] = content[place : place + 4].lower()
    return bytes(changed)


def _eight_bits(samples: np.ndarray) -> np.ndarray:
    return eight_bits(samples) if samples.dtype == np.uint16 else samples


@lru_cache(256)
def is_srgb(profile: bytes) -> bool:
    """Return True for the profile of sRGB, of which many makers have one of their own."""
    try:
        return rgb_profile(profile) is None
    except ValueError:
        return False


def srgb_pixels(samples: np.ndarray, profile: bytes) -> np.ndarray:
    """Convert samples of 8 bits, as in `through_profile`, to sRGB as seen through any kind of profile."""
    pixels, kept, _ = through_profile(samples, profile)
    return in_srgb(Photo(pixels, icc_profile=kept)).pixels


def in_srgb(photo: Photo) -> Photo:
    """Return a photo as seen through its profile, in sRGB: for the screen, and to be measured."""
    if photo_profile(photo) is None:
        return photo
    converted = to_srgb(Image.fromarray(photo.pixels), photo.icc_profile)
    pixels = photo.pixels if converted is None else np.array(converted)
    return replace(photo, samples=pixels, icc_profile=None)


def as_seen(image: Image.Image) -> np.ndarray:
    """Return a picture's pixels as seen through the profile that it carries, uint8 sRGB, (H, W, 3)."""
    return in_srgb(Photo(np.array(image.convert("RGB")), icc_profile=image.info.get("icc_profile"))).pixels


def srgb_decoded(encoded: np.ndarray) -> np.ndarray:
    """Decode sRGB to linear light, 0…1."""
    return np.where(encoded > 0.04045, ((encoded + 0.055) / 1.055) ** 2.4, encoded / 12.92)


def srgb_encoded(linear: np.ndarray) -> np.ndarray:
    """Encode linear light, 0…1, in sRGB."""
    return np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, linear * 12.92)


@lru_cache(1)
def _srgb() -> ImageCms.core.CmsProfile:
    return ImageCms.createProfile("sRGB")


def _tags(content: bytes) -> dict[bytes, memoryview]:
    """Return the tags of a profile; raise ValueError if LittleCMS can't read it."""
    if len(content) > MAX_BYTES:
        raise ValueError("it is too large")
    try:
        ImageCms.ImageCmsProfile(io.BytesIO(content))
        (count,) = struct.unpack_from(">I", content, 128)
        entries = [struct.unpack_from(">4sII", content, 132 + 12 * k) for k in range(min(count, _MAX_TAGS))]
    except (OSError, ImageCms.PyCMSError, struct.error) as error:
        raise ValueError("it is damaged") from error
    if any(tag.startswith(b"A2B") for tag, *_ in entries):
        raise _OtherSpaceError("it is a table of colors")
    return _Tags((tag, memoryview(content)[start : start + size]) for tag, start, size in entries)


class _Tags(dict[bytes, memoryview]):
    def __missing__(self, tag: bytes) -> memoryview:
        raise ValueError(f"it has no tag {tag!r}")


def _colorant(tag: memoryview) -> np.ndarray:
    if len(tag) < 20 or tag[:4] != b"XYZ ":
        raise ValueError("a colorant is damaged")
    return np.frombuffer(tag, ">i4", 3, 8) / 65536


def _curve(tag: memoryview) -> np.ndarray:
    """Return the values, 0…1, of a curve at 65536 places from 0 to 1."""
    at = np.linspace(0, 1, LEVELS + 1)
    try:
        curve = _parametric(tag, at) if tag[:4] == b"para" else _sampled(tag, at)
    except struct.error as error:
        raise ValueError("a curve is damaged") from error
    if not np.isfinite(curve).all() or (np.diff(curve) < 0).any() or abs(curve[-1] - 1) > _WHITE or curve[0] > _WHITE:
        raise ValueError("a curve does not rise from black to white")
    return curve


def _sampled(tag: memoryview, at: np.ndarray) -> np.ndarray:
    kind, count = struct.unpack_from(">4s4xI", tag)
    if kind != b"curv" or len(tag) < 12 + 2 * count:
        raise ValueError("a curve is damaged")
    if count == 0:
        return at
    if count == 1:
        return at ** (struct.unpack_from(">H", tag, 12)[0] / 256)
    return np.interp(at, np.linspace(0, 1, count), np.frombuffer(tag, ">u2", count, 12) / 65535)


def _parametric(tag: memoryview, at: np.ndarray) -> np.ndarray:
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind >= len(_NUM_PARAMETERS):
        raise ValueError("a curve is of no known type")
    given = np.array(struct.unpack_from(f">{_NUM_PARAMETERS[kind]}i", tag, 12)) / 65536
    g, a, b, c, d, e, f = np.concatenate((given, (1, 1, 0, 0, 0, 0, 0)[len(given) :]))
    if kind in (1, 2):
        # The line below the power is a constant.
        d, e, f, c = (-b / a if a else 0), c, c, 0
    with np.errstate(all="ignore"):
        power = np.maximum(a * at + b, 0) ** g + e
        return np.where(at >= d, power, c * at + f).clip(0, 1)
