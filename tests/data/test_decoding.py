import io
import os
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms, ImageOps
from skimage import data

from colorizer.data.decoding import MAX_PIXELS, DatasetReport, Rejected, decode, is_gray
from colorizer.photos.files.reading import read_photo
from tests.data.conftest import color_photo, encode
from tests.photos import color_profiles


def toned(photo: np.ndarray, tone: tuple[float, float, float]) -> Image.Image:
    """Tone a photo: each channel is its own curve over the same lightness."""
    luma = photo.mean(axis=-1, keepdims=True) / 255
    return Image.fromarray((255 * luma ** np.array(tone)).astype(np.uint8))


def test_gives_the_central_square() -> None:
    photo = color_photo(0, (64, 40))
    pixels = decode(encode(photo), 40)
    assert pixels.shape == (3, 40, 40)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, np.asarray(photo)[:, 12:52].transpose(2, 0, 1))


@pytest.mark.parametrize("size", [(400, 300), (1600, 1200), (300, 400)])
def test_a_jpeg_at_reduced_scale_looks_like_the_whole_one_made_smaller(size: tuple[int, int]) -> None:
    photo = Image.fromarray(data.astronaut()).resize(size)
    expected = ImageOps.fit(photo, (64, 64), Image.Resampling.BILINEAR)
    pixels = decode(encode(photo, "JPEG", quality=95), 64)
    difference = np.abs(pixels.transpose(1, 2, 0).astype(int) - np.asarray(expected)).mean()
    assert difference < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_as_exif_says(orientation: int) -> None:
    photo = color_photo(0, (64, 48))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    encoded = encode(photo, "PNG", exif=exif)
    upright = encode(ImageOps.exif_transpose(Image.open(io.BytesIO(encoded))))
    assert np.array_equal(decode(encoded, 48), decode(upright, 48))


@pytest.mark.parametrize("bits", [4, 6, 8, 10])
def test_a_jpeg_2000_of_any_bits_has_the_levels_that_the_pipeline_reads(bits: int) -> None:
    levels = (data.astronaut()[:64, :64].astype(np.uint16) * 257) >> (16 - bits)
    levels = levels.astype(np.uint8 if bits <= 8 else np.uint16)
    encoded = imagecodecs.jpeg2k_encode(levels, level=0, bitspersample=bits, codecformat="jp2")
    expected = read_photo(encoded).pixels.transpose(2, 0, 1)
    assert np.array_equal(decode(encoded, 64), expected)


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_a_senseless_orientation_changes_nothing(orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    photo = color_photo(0)
    assert np.array_equal(decode(encode(photo, exif=exif), 32), decode(encode(photo), 32))


def test_no_photo_is_handed_to_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was called"))
    assert decode(encode(color_photo(0), "EPS"), 40) == Rejected("broken", "not a photo")


@pytest.mark.parametrize("mode", ["RGBA", "P", "CMYK"])
def test_other_modes_become_rgb(mode: str) -> None:
    photo = color_photo(0).convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    pixels = decode(encode(photo, kind), 40)
    expected = np.asarray(photo.convert("RGB"))[:, 4:44].transpose(2, 0, 1)
    assert np.abs(pixels.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16"])
def test_gray_files_are_rejected(mode: str) -> None:
    gray = color_photo(0).convert("L")
    photo = Image.fromarray(np.asarray(gray).astype(np.uint16) * 257) if mode == "I;16" else gray.convert(mode)
    assert decode(encode(photo), 32).reason == "gray"


@pytest.mark.parametrize("tone", [(1, 1, 1), (0.9, 1, 1.2), (1.15, 1, 0.9)])
@pytest.mark.parametrize("resolution", [32, 256])
def test_toned_photos_are_rejected(tone: tuple[float, float, float], resolution: int) -> None:
    for photo in (data.astronaut(), data.coffee(), data.chelsea()):
        encoded = encode(toned(photo, tone), "JPEG", quality=85)
        assert decode(encoded, resolution).reason == "gray"


def test_photos_in_color_are_not_gray() -> None:
    for photo in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket()):
        assert not is_gray(Image.fromarray(photo))
        assert not is_gray(Image.fromarray(photo).resize((32, 32)))


@pytest.mark.parametrize("encoded", [b"", b"not a photo", encode(Image.fromarray(data.coffee()), "JPEG")[:5000]])
def test_broken_files_are_rejected_with_a_reason(encoded: bytes) -> None:
    rejected = decode(encoded, 256)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "broken"
    assert rejected.why
    assert "object at" not in rejected.why


def test_a_missing_file_is_broken(tmp_path: Path) -> None:
    assert decode(str(tmp_path / "gone.jpg"), 32).reason == "broken"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert decode(str(tmp_path / "pipe.jpg"), 32) == Rejected("broken", "not a file")
    assert decode("/dev/zero", 32) == Rejected("broken", "not a file")


def test_a_bomb_is_refused_before_decoding() -> None:
    encoded = bytearray(encode(color_photo(0), "BMP"))
    encoded[18:26] = (20000).to_bytes(4, "little") * 2
    rejected = decode(bytes(encoded), 32)
    assert MAX_PIXELS < 20000**2
    assert rejected.reason == "broken"


@pytest.mark.parametrize("size", [(1, 1), (1, 1000), (15, 200)])
def test_tiny_photos_are_rejected(size: tuple[int, int]) -> None:
    assert decode(encode(color_photo(0, size)), 64).reason == "tiny"


def test_a_photo_a_little_small_is_enlarged() -> None:
    assert decode(encode(color_photo(0, (30, 20))), 64).shape == (3, 64, 64)


def in_space(photo: Image.Image, profile: bytes) -> Image.Image:
    """Return a photo that looks the same in the space of an RGB profile, without the profile."""
    own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(photo, ImageCms.createProfile("sRGB"), own)
    converted.info.clear()
    return converted


class TestProfiles:
    @pytest.mark.parametrize("space", ["ADOBE_RGB", "DISPLAY_P3", "PROPHOTO"])
    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_a_photo_looks_the_same_in_every_space(self, space: str, kind: str) -> None:
        photo, profile = Image.fromarray(data.coffee()), color_profiles.rgb(*getattr(color_profiles, space))
        options = {"quality": 97, "subsampling": 0} if kind == "JPEG" else {}
        same = decode(encode(photo, kind, **options), 64).astype(int)
        other = in_space(photo, profile)
        seen = decode(encode(other, kind, icc_profile=profile, **options), 64)
        misread = decode(encode(other, kind, **options), 64)
        # 8 bits of a wider space are coarser.
        assert np.abs(seen - same).mean() < 1.5
        assert np.abs(misread - same).mean() > 4

    def test_srgb_changes_nothing(self) -> None:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        photo = Image.fromarray(data.coffee())
        assert np.array_equal(decode(encode(photo, icc_profile=profile), 64), decode(encode(photo), 64))

    def test_inks_are_seen_through_their_profile(self) -> None:
        shades = np.array([[-40, -20], [60, 0], [0, 60], [0, 0]])  # a* and b* of each ink
        corners = np.zeros((2, 2, 2, 2, 3))
        for place in np.ndindex(2, 2, 2, 2):
            corners[place] = 60, *(np.array(place) @ shades)
        inks = np.zeros((48, 48, 4), np.uint8)
        for ink in range(3):
            inks[:, 16 * ink : 16 * (ink + 1), ink] = np.linspace(0, 255, 48)[:, None]
        profile = color_profiles.table(b"CMYK", corners)
        encoded = encode(Image.fromarray(inks, "CMYK"), "TIFF", icc_profile=profile)
        pixels = decode(encoded, 48).transpose(1, 2, 0)
        assert np.array_equal(pixels, read_photo(encoded).pixels)
        assert pixels[-1, 8, 0] < 30 < 200 < pixels[-1, 24, 0]  # cyan, and magenta
        plain = decode(encode(Image.fromarray(inks, "CMYK"), "TIFF"), 48).transpose(1, 2, 0)
        assert np.abs(pixels.astype(int) - plain).max() > 40

    def test_a_damaged_profile_is_ignored(self) -> None:
        photo = Image.fromarray(data.coffee())
        assert np.array_equal(decode(encode(photo, icc_profile=b"nothing"), 64), decode(encode(photo), 64))


def test_a_tiff_is_turned_once() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photo = color_photo(0, (64, 48))
    assert np.array_equal(
        decode(encode(photo, "TIFF", exif=exif), 48), decode(encode(photo.rotate(-90, expand=True)), 48)
    )


def test_formats_that_pillow_does_not_read_or_misreads(tmp_path: Path) -> None:
    photo = Image.fromarray(data.coffee())
    expected = decode(encode(photo), 64).astype(int)
    planes = io.BytesIO()
    wide = data.coffee().astype(np.uint16).transpose(2, 0, 1) * 257
    tifffile.imwrite(planes, wide, photometric="rgb", planarconfig="separate")
    assert np.abs(decode(planes.getvalue(), 64) - expected).max() <= 1
    assert np.abs(decode(imagecodecs.jpegxl_encode(data.coffee(), lossless=True), 64) - expected).max() <= 1
    photo.save(tmp_path / "photo.tga")
    assert np.abs(decode(tmp_path / "photo.tga", 64) - expected).max() <= 1


def test_dull_photos_are_rejected_if_asked() -> None:
    dull = Image.blend(color_photo(0), color_photo(0).convert("L").convert("RGB"), 0.8)
    assert isinstance(decode(encode(dull), 32), np.ndarray)
    rejected = decode(encode(dull), 32, min_colorfulness=60)
    assert rejected.reason == "dull"
    assert "colorfulness" in rejected.why
    assert isinstance(decode(encode(color_photo(0)), 32, min_colorfulness=20), np.ndarray)


def test_a_report_is_one_line_with_the_first_names() -> None:
    report = DatasetReport(kept=3)
    for number in range(25):
        report.reject(f"{number}.jpg", Rejected("gray", "gray or toned"))
    report.reject("x.jpg", Rejected("broken", "truncated"))
    text = str(report)
    assert "\n" not in text
    assert text.startswith("3 photos; left out: 25 gray, 1 broken: 0.jpg (gray or toned)")
    assert text.endswith("and 6 more")
    assert len(report.names) == 20
    assert report.dropped == 26
    assert str(DatasetReport(kept=3)) == "3 photos"
