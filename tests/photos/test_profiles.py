"""Photos look the same in whatever color profile they are, and so do their colors."""

import io
import struct
import time

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from skimage import color, data

from colorizer.photos.color import rgb_to_lab
from colorizer.photos.files.reading import read_photo
from colorizer.photos.files.saving import save_photo, to_pil
from colorizer.photos.lightness import compute_lightness
from colorizer.photos.merging import gray_pixels, merge_colors
from colorizer.photos.photo import Photo
from colorizer.photos.profiles import as_seen, in_srgb, rgb_profile
from tests.photos import color_profiles
from tests.photos.conftest import encode

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
WIDE = ("ADOBE_RGB", "DISPLAY_P3", "PROPHOTO")


def decoded(gray: np.ndarray) -> np.ndarray:
    """Linear light of sRGB levels."""
    level = gray / 255
    return np.where(level > 0.04045, ((level + 0.055) / 1.055) ** 2.4, level / 12.92)


def seen(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """Lab, (H, W, 3), of pixels in a profile, by LittleCMS."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    image = ImageCms.profileToProfile(Image.fromarray(pixels), source, ImageCms.createProfile("sRGB"))
    return color.rgb2lab(np.asarray(image))


@pytest.fixture(scope="module")
def gray() -> np.ndarray:
    """A gray photo in sRGB, (H, W)."""
    return gray_pixels(data.coffee())[..., 0]


@pytest.fixture(scope="module")
def ab() -> torch.Tensor:
    return rgb_to_lab(torch.from_numpy(data.coffee()[::4, ::4].copy()).permute(2, 0, 1) / 255)[1:]


def tagged(gray: np.ndarray, name: str) -> Photo:
    """The gray photo as it comes from a file in the RGB space of this name."""
    colorants, gamma = getattr(color_profiles, name)
    levels = np.rint(255 * decoded(gray) ** (1 / gamma)).astype(np.uint8)
    profile = color_profiles.rgb(colorants, gamma)
    photo = read_photo(encode(np.repeat(levels[..., None], 3, 2), icc_profile=profile))
    assert photo.icc_profile == profile
    assert not photo.notes
    return photo


@pytest.mark.parametrize("name", WIDE)
def test_a_photo_gets_the_same_colors_in_every_space(gray, ab, name):
    photo = tagged(gray, name)
    plain = np.repeat(gray[..., None], 3, 2)
    size = gray.shape
    assert (compute_lightness(photo, size) - compute_lightness(plain, size)).abs().max() < 0.5
    for saturation in (1, 3):  # 3: beyond sRGB, but within the wider space
        expected = color.rgb2lab(merge_colors(plain, ab, saturation=saturation))
        difference = np.linalg.norm(
            seen(merge_colors(photo, ab, saturation=saturation), photo.icc_profile) - expected, axis=-1
        )
        # Levels of 8 bits in both spaces.
        assert difference.mean() < 0.7
        assert np.percentile(difference, 99) < 2


def test_colors_that_a_narrower_space_lacks_keep_their_lightness(gray, ab):
    photo = tagged(gray, "COLOR_MATCH")
    lab = seen(merge_colors(photo, ab, saturation=3), photo.icc_profile)
    assert abs(lab[..., 0] - color.rgb2lab(np.repeat(gray[..., None], 3, 2))[..., 0]).mean() < 0.5


@pytest.mark.parametrize("name", [*WIDE, "COLOR_MATCH"])
def test_no_color_leaves_a_gray_photo_as_it_is(name):
    ramp = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, 2)
    colorants, gamma = getattr(color_profiles, name)
    photo = Photo(ramp, icc_profile=color_profiles.rgb(colorants, gamma))
    # Level 1 at a gamma of 2.2 is a third of a 65535th of white.
    assert abs(gray_pixels(photo).astype(int) - ramp)[0, 2:].max() == 0


def test_srgb_under_any_name_is_computed_as_srgb(gray, ab):
    colorants = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
    samples = color_profiles.curve(decoded(np.linspace(0, 255, 1024)))
    numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    plain = np.repeat(gray[..., None], 3, 2)
    for profile in (
        SRGB,
        color_profiles.rgb(colorants, samples),
        color_profiles.rgb(colorants, color_profiles.parametric(3, *numbers)),
        color_profiles.rgb(colorants, color_profiles.parametric(4, *numbers, 0, 0)),
    ):
        assert rgb_profile(profile) is None
        photo = read_photo(encode(plain, icc_profile=profile))
        assert photo.icc_profile == profile
        assert in_srgb(photo) is photo
        np.testing.assert_array_equal(merge_colors(photo, ab), merge_colors(plain, ab))
        assert torch.equal(compute_lightness(photo, (50, 60)), compute_lightness(plain, (50, 60)))


@pytest.mark.parametrize(
    ("tone", "exponent"),
    [
        (color_profiles.curve(1.8), 1.8),
        (color_profiles.curve(np.linspace(0, 1, 4096) ** 1.8), 1.8),
        (color_profiles.parametric(0, 1.8), 1.8),
        (color_profiles.parametric(1, 1.8, 1, 0), 1.8),
        (color_profiles.parametric(2, 1.8, 1, 0, 0), 1.8),
        (b"curv" + bytes(8), 1),
    ],
)
def test_every_kind_of_curve_is_read(tone, exponent):
    profile = rgb_profile(color_profiles.rgb(color_profiles.PROPHOTO[0], tone))
    np.testing.assert_allclose(profile.curves[1], np.linspace(0, 1, 65536) ** exponent, atol=2e-3)


def test_gray_profiles_are_applied_once(tmp_path):
    ramp = np.arange(256, dtype=np.uint8)[None].repeat(3, 0)
    dot_gain = np.linspace(0, 1, 256) ** 1.75 * 0.9 + np.linspace(0, 1, 256) * 0.1
    lightness = color_profiles.gray(1.0, pcs=b"Lab ")  # the levels are hundredths of L
    for profile in (color_profiles.gray(2.2), color_profiles.gray(1.8), color_profiles.gray(dot_gain), lightness):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        expected = np.asarray(
            ImageCms.profileToProfile(Image.fromarray(ramp), source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        )
        for image, file_format in (
            (Image.fromarray(ramp), "JPEG"),
            (Image.fromarray(ramp), "TIFF"),
            (Image.merge("LA", [Image.fromarray(ramp)] * 2), "PNG"),
            (Image.fromarray(ramp.astype(np.uint16) * 257), "PNG"),
        ):
            options = {"quality": 100} if file_format == "JPEG" else {}
            photo = read_photo(encode(image, file_format, icc_profile=profile, **options))
            assert photo.icc_profile is None
            assert not photo.notes
            assert abs(photo.pixels.astype(int) - expected).max() <= (8 if file_format == "JPEG" else 1)
    path = save_photo(to_pil(photo, photo.pixels), tmp_path / "a.png")
    with Image.open(path) as saved:
        assert "icc_profile" not in saved.info


def test_a_profile_by_a_table_is_used_and_left_out(pixels):
    corners = np.zeros((2, 2, 2, 3))
    corners[..., 0] = 100 * np.indices((2, 2, 2)).mean(0)
    corners[..., 1] = 60 * (np.indices((2, 2, 2))[0] - np.indices((2, 2, 2))[1])
    photo = read_photo(encode(pixels, icc_profile=color_profiles.table(b"RGB ", corners)))
    assert photo.icc_profile is None
    assert not photo.notes
    lab = color.rgb2lab(photo.pixels)[..., 0]
    assert abs(lab - 100 * pixels.mean(-1) / 255).mean() < 3


def test_a_cmyk_photo_is_seen_through_its_profile():
    corners = np.zeros((2, 2, 2, 2, 3))
    ink = np.indices((2, 2, 2, 2))
    corners[..., 0] = (100 - 25 * ink[:3].sum(0)) * (1 - ink[3])
    ramp = np.arange(0, 256, 5, dtype=np.uint8)
    inks = np.zeros((1, len(ramp), 4), np.uint8)
    inks[..., 0] = ramp
    for file_format in ("TIFF", "JPEG"):
        image = Image.fromarray(inks.repeat(8, 0), "CMYK")
        options = {"quality": 100} if file_format == "JPEG" else {}
        photo = read_photo(encode(image, file_format, icc_profile=color_profiles.table(b"CMYK", corners), **options))
        assert photo.icc_profile is None
        assert not photo.notes
        np.testing.assert_allclose(color.rgb2lab(photo.pixels)[0, :, 0], 100 - ramp / 10.2, atol=2)


def hostile_profiles() -> dict[str, bytes]:
    whole = color_profiles.rgb(*color_profiles.ADOBE_RGB)
    many = bytearray(whole)
    many[128:132] = b"\xff" * 4
    far = bytearray(whole)
    far[136:144] = b"\xff" * 8
    colorants = color_profiles.ADOBE_RGB[0]
    return {
        "nothing": b"no profile",
        "cut": whole[:200],
        "header": whole[:128],
        "many tags": bytes(many),
        "tag outside": bytes(far),
        "no matrix": color_profiles.profile(b"RGB ", {}),
        "one color": color_profiles.rgb((colorants[0],) * 3, 2.2),
        "curve of no samples": color_profiles.rgb(colorants, b"curv" + bytes(4) + b"\xff" * 4),
        "unknown curve": color_profiles.rgb(colorants, color_profiles.parametric(9, 1)),
        "falling curve": color_profiles.rgb(colorants, color_profiles.curve(np.linspace(1, 0, 16))),
        "dark curve": color_profiles.rgb(colorants, color_profiles.curve(np.zeros(16))),
        "huge exponent": color_profiles.rgb(colorants, color_profiles.parametric(0, 32767)),
    }


@pytest.mark.parametrize("name", hostile_profiles())
def test_a_broken_or_senseless_profile_stops_no_photo(pixels, name):
    profile = hostile_profiles()[name]
    photo = read_photo(encode(pixels, "JPEG", icc_profile=profile))
    if photo.icc_profile is None:
        assert "color profile is damaged" in photo.notes[0]
        np.testing.assert_array_equal(photo.pixels, read_photo(encode(pixels, "JPEG")).pixels)
    merged = merge_colors(photo, torch.full((2, 4, 4), 9.0))
    assert as_seen(to_pil(photo, merged)).shape == pixels.shape
    merge_colors(Photo(pixels, icc_profile=profile), torch.full((2, 4, 4), 9.0))


def test_a_profile_for_photos_of_another_kind_is_ignored_and_said(pixels):
    gray = Image.fromarray(pixels[..., 1])
    for image, profile in (
        (Image.fromarray(pixels), color_profiles.gray(1.8)),
        (gray, color_profiles.rgb(*color_profiles.PROPHOTO)),
    ):
        photo = read_photo(encode(image, icc_profile=profile))
        np.testing.assert_array_equal(photo.pixels, np.array(image.convert("RGB")))
        assert photo.icc_profile is None
        assert "another kind" in photo.notes[0]
    assert not read_photo(encode(gray, icc_profile=SRGB)).notes


def test_elements_of_a_profile_are_not_computed_for_each_pixel():
    size = 20_000
    element = b"matf" + bytes(4) + struct.pack(">2H12f", 3, 3, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    place = struct.pack(">2I", 16 + 8 * size, len(element))
    elements = b"mpet" + bytes(4) + struct.pack(">2HI", 3, 3, size) + place * size + element
    corners = np.stack(np.meshgrid([0, 100], [-50, 50], [-50, 50], indexing="ij"), -1)
    table = color_profiles.table(b"RGB ", corners)
    tag = struct.unpack_from(">4sII", table, 132 + 12 * 2)
    assert tag[0] == b"A2B0"
    lut = table[tag[1] : tag[1] + tag[2]]

    def with_tags(tags: dict[bytes, bytes]) -> bytes:
        profile = color_profiles.profile(b"RGB ", {b"A2B0": lut} | tags, kind=b"prtr", pcs=b"Lab ")
        return profile[:8] + b"\x04\x30\0\0" + profile[12:]  # the version that has elements

    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8))
    start = time.process_time()
    photo = read_photo(encode(image, icc_profile=with_tags({b"D2B0": elements})))
    assert time.process_time() - start < 5
    np.testing.assert_array_equal(photo.pixels, read_photo(encode(image, icc_profile=with_tags({}))).pixels)
