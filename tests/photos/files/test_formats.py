"""Formats besides the common ones: each is read, or refused with a sentence that says what it is and what to install."""

import io
import resource

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image
from skimage import data

from colorizer.errors import PhotoError
from colorizer.photos.files import separate_decoding
from colorizer.photos.files.formats import MEDIA_TYPES
from colorizer.photos.files.reading import count_pages, read_photo
from tests.photos.conftest import encode
from tests.photos.files.hostile_files import pdf_of_drawings

pillow_heif.register_heif_opener()
ORIENTATION = 0x0112


def turned() -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010F] = "Camera"
    return exif.tobytes()


def raw(photo: np.ndarray, *, is_dng: bool = True, preview: bool = True) -> bytes:
    """Return a RAW file of this photo: a Bayer mosaic, in a sub-directory of a preview as cameras do, or alone."""
    light = (photo / 255) ** 2.2 * 60_000
    mosaic = light[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = light[::2, ::2, 0], light[1::2, 1::2, 2]
    camera = [(271, 2, 0, "NIKON CORPORATION", True), (272, 2, 0, "Camera", True), (274, 3, 1, 1, True)]
    if is_dng:
        matrix = (3.24, -1.54, -0.5, -0.97, 1.88, 0.04, 0.06, -0.2, 1.06)  # from XYZ to sRGB
        fractions = tuple(number for value in matrix for number in (round(value * 100), 100))
        camera += [(50706, 1, 4, bytes((1, 4, 0, 0)), True), (50708, 2, 0, "Camera", True)]
        camera += [(50721, 10, 9, fractions, True), (50778, 3, 1, 21, True), (50728, 5, 3, (1,) * 6, True)]
    layout = [(33421, 3, 2, (2, 2), True), (33422, 1, 4, bytes((0, 1, 1, 2)), True)]
    layout += [(50714, 3, 1, 0, True), (50717, 3, 1, 60_000, True)]
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        if preview:
            small = np.ascontiguousarray(photo[::4, ::4])
            writer.write(small, photometric="rgb", subfiletype=1, subifds=1, extratags=camera, metadata=None)
        writer.write(
            mosaic.astype(np.uint16),
            photometric=32803,
            subfiletype=0,
            extratags=layout if preview else layout + camera,
            metadata=None,
        )
    return file.getvalue()


def heic_in_one_large_slice(photo: np.ndarray, **options: object) -> bytes:
    """Return a HEIC file whose only slice has 17 MiB: nearly all are zero words, which HEVC allows at the end of a slice."""
    content = bytearray(encode(photo, "HEIF", quality=95, **options))
    box, words = content.index(b"mdat") - 4, b"\0\0\3" * (17 * 2**20 // 3)
    item = box + 8
    end = item + 4 + int.from_bytes(content[item : item + 4])
    # The sizes of the item, the box and the slice; then the place of the EXIF block, if there is one after the slice.
    places = [content.index((end - item).to_bytes(4)), box, item]
    if end < len(content):
        places.append(content.index(end.to_bytes(4)))
    for place in places:
        content[place : place + 4] = (int.from_bytes(content[place : place + 4]) + len(words)).to_bytes(4)
    content[end:end] = words
    return bytes(content)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return data.coffee()[100:300, 100:400]


class TestInPillow:
    @pytest.mark.parametrize("file_format", ["JPEG2000", "PCX", "TGA", "PPM", "BMP"])
    def test_lossless_formats_are_read_as_they_are(self, pixels, file_format, tmp_path):
        path = tmp_path / f"photo.{file_format.lower()}"
        path.write_bytes(encode(pixels, file_format))
        np.testing.assert_array_equal(read_photo(path).pixels, pixels)

    def test_avif(self, photo):
        assert np.abs(read_photo(encode(photo, "AVIF", quality=95)).pixels.astype(int) - photo).mean() < 3

    def test_an_mpo_is_its_first_photo(self, photo):
        content = encode(photo, "MPO", save_all=True, append_images=[Image.fromarray(photo[::2, ::2])])
        read = read_photo(content)
        np.testing.assert_array_equal(read.pixels, np.asarray(Image.open(io.BytesIO(content))))
        assert not read.notes

    def test_a_tga_without_a_footer_is_known_by_its_name(self, pixels, tmp_path):
        content = encode(pixels, "TGA")[:-26]
        (tmp_path / "photo.tga").write_bytes(content)
        np.testing.assert_array_equal(read_photo(tmp_path / "photo.tga").pixels, pixels)
        with pytest.raises(PhotoError, match="not a photo in a supported format"):
            read_photo(content)

    def test_a_tga_whose_fourth_bytes_are_zero_is_visible(self, pixels, tmp_path):
        (tmp_path / "photo.tga").write_bytes(encode(np.dstack([pixels, 0 * pixels[..., 0]]), "TGA"))
        photo = read_photo(tmp_path / "photo.tga")
        assert photo.alpha is None
        assert "transparency" in photo.notes[0]
        np.testing.assert_array_equal(photo.pixels, pixels)

    def test_a_bmp_of_masks_that_nobody_reads_is_not_called_damaged(self):
        masks = (0xF00).to_bytes(4, "little") + (0xF0).to_bytes(4, "little") + (0xF).to_bytes(4, "little")
        head = b"".join(n.to_bytes(size, "little") for n, size in ((40, 4), (2, 4), (2, 4), (1, 2), (16, 2), (3, 4)))
        content = b"BM" + (74).to_bytes(4, "little") + bytes(4) + (66).to_bytes(4, "little")
        with pytest.raises(PhotoError, match=r"Unsupported BMP bitfields layout.*save it as PNG"):
            read_photo(content + head + bytes(20) + masks + bytes(8))


class TestInAProcessOfItsOwn:
    def test_heic(self, photo):
        read = read_photo(encode(photo, "HEIF", quality=95, exif=turned()))
        assert np.abs(read.pixels.astype(int) - np.rot90(photo, -1)).mean() < 3
        kept = Image.Exif()
        kept.load(read.exif)
        assert dict(kept) == {0x010F: "Camera", 0x0112: 1}

    def test_the_main_photo_of_a_heic_is_read_and_the_others_are_noted(self, photo, tmp_path):
        several = pillow_heif.from_pillow(Image.fromarray(photo))
        several.add_from_pillow(Image.fromarray(photo[::-1].copy()))
        several.save(tmp_path / "burst.heic", quality=95, primary_index=1)
        read = read_photo(tmp_path / "burst.heic")
        assert read.notes == ("several photos: the main one of 2",)
        assert np.abs(read.pixels[::-1].astype(int) - photo).mean() < 8

    @pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
    @pytest.mark.parametrize("bits", [10, 12])
    def test_a_heic_of_more_than_8_bits_keeps_them(self, monkeypatch, mode, bits):
        monkeypatch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", bits == 12)
        ramp = np.linspace(0, 65535, 256).round().astype(np.uint16)[None].repeat(64, 0)
        samples = ramp if mode == "L" else np.dstack([ramp] * len(mode))
        file = io.BytesIO()
        pillow_heif.encode(f"{mode};16", (256, 64), samples.tobytes(), file, quality=-1, exif=turned())
        read = read_photo(file.getvalue())
        expected = np.rot90(samples[..., :3] if mode == "RGBA" else samples, -1)
        assert read.deep.shape == expected.shape
        assert np.abs(read.deep.astype(int) - expected).max() <= 65535 / (2**bits - 1) + 1
        assert (read.alpha is None) == (mode != "RGBA")

    @pytest.mark.parametrize("options", [{}, {"exif": turned()}], ids=["plain", "turned"])
    def test_a_heic_in_one_slice_of_more_than_16_mib(self, photo, options):
        read = read_photo(heic_in_one_large_slice(photo, **options))
        small = read_photo(encode(photo, "HEIF", quality=95, **options))
        assert np.abs(read.pixels.astype(int) - small.pixels).mean() < 1
        assert read.exif == small.exif

    def test_a_large_slice_that_is_mirrored_or_damaged_is_refused(self, photo):
        mirrored = Image.Exif()
        mirrored[ORIENTATION] = 2
        with pytest.raises(PhotoError, match="mirrored picture that is too large in one piece: save it as PNG"):
            read_photo(heic_in_one_large_slice(photo, exif=mirrored.tobytes()))
        content = heic_in_one_large_slice(photo)
        with pytest.raises(PhotoError, match="HEIC photo that is damaged"):
            read_photo(content[: len(content) // 2])

    @pytest.mark.parametrize("options", [{}, {"is_dng": False}, {"preview": False}], ids=str)
    def test_a_raw_photo_is_developed_at_its_full_size(self, photo, options):
        read = read_photo(raw(photo, **options))
        assert read.size == (300, 200)
        assert np.corrcoef(read.pixels[..., 1].ravel(), photo[..., 1].ravel())[0, 1] > 0.95
        assert not read.notes
        kept = Image.Exif()
        kept.load(read.exif)
        assert kept[0x0110] == "Camera"
        assert not [tag for tag in kept if tag > 50_000]

    def test_a_cut_raw_photo_is_refused(self, photo):
        content = raw(photo)
        with pytest.raises(PhotoError, match="RAW photo that is damaged"):
            read_photo(content[: len(content) * 9 // 10])

    def test_every_page_of_a_pdf_is_read_at_its_scans_resolution(self, photo, pixels, tmp_path):
        path = tmp_path / "album.pdf"
        path.write_bytes(encode(photo, "PDF", save_all=True, append_images=[Image.fromarray(pixels)], quality=95))
        assert count_pages(path) == 2
        first, second = read_photo(path), read_photo(path, page=2)
        assert first.size == (300, 200)
        assert second.size == (60, 40)
        assert np.abs(first.pixels.astype(int) - photo).mean() < 3
        assert first.notes == ("several pages: the first of 2",)
        assert second.notes == ()
        for page in (0, 3):
            with pytest.raises(PhotoError, match=f"no page {page}"):
                read_photo(path, page=page)

    @pytest.mark.parametrize("dpi", [72, 150, 239, 371, 390])
    def test_a_scan_that_fills_its_pdf_page_is_not_resampled(self, photo, dpi):
        scan = Image.fromarray(photo).convert("1")
        read = read_photo(encode(np.asarray(scan), "PDF", resolution=dpi))
        np.testing.assert_array_equal(read.pixels[..., 0], np.asarray(scan.convert("L")))
        assert read.metadata.density.dpi == pytest.approx((dpi, dpi), abs=0.01)

    def test_a_page_that_takes_long_to_draw_is_given_up(self):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        with pytest.raises(PhotoError, match="takes too much memory or time"):
            read_photo(pdf_of_drawings(1600, 20_000), max_pixels=3_000_000)
        assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 10

    @pytest.mark.parametrize("kind", ["heic", "jxl", "dng", "pdf", "tif"])
    def test_without_its_library_the_format_and_what_to_install_are_named(self, monkeypatch, tmp_path, kind):
        monkeypatch.setattr(separate_decoding, "find_spec", lambda name: None)
        small = np.zeros((16, 16, 3), np.uint8)
        content = {
            "heic": lambda: encode(small, "HEIF"),
            "jxl": lambda: imagecodecs.jpegxl_encode(small),
            "dng": lambda: raw(small),
            "pdf": lambda: encode(small, "PDF"),
            "tif": lambda: tiff(small.astype(np.float32)),
        }[kind]()
        path = tmp_path / f"photo.{kind}"
        path.write_bytes(content)
        with pytest.raises(PhotoError, match=rf'photo\.{kind} is a .*pip install "colorizer\[formats\]"'):
            read_photo(path)
        assert count_pages(path) == 1

    def test_a_compression_of_the_extra_is_named(self, monkeypatch, tmp_path):
        (tmp_path / "imagecodecs.py").write_text("raise ImportError('no imagecodecs')")
        content = tiff(np.zeros((16, 16, 3), np.float32), compression="lzw")
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(PhotoError, match=r"a TIFF in a compression.*colorizer\[formats\]"):
            read_photo(content)
        assert read_photo(tiff(np.ones((16, 16, 3), np.float32), compression="zlib")).pixels.min() == 255


def tiff(*pages: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for page in pages:
            writer.write(page, photometric="rgb" if page.ndim == 3 else "minisblack", metadata=None, **options)
    return file.getvalue()


class TestPages:
    def test_every_page_of_a_tiff_is_read(self, pixels, tmp_path):
        path = tmp_path / "pages.tif"
        path.write_bytes(tiff(pixels, pixels[::2], np.float32(pixels / 255)))
        assert count_pages(path) == 3
        np.testing.assert_array_equal(read_photo(path, page=2).pixels, pixels[::2])
        np.testing.assert_array_equal(read_photo(path, page=3).pixels, pixels)
        assert read_photo(path).notes == ("several pages: the first of 3",)
        with pytest.raises(PhotoError, match="no page 4"):
            read_photo(path, page=4)
        path.write_bytes(encode(pixels))
        assert count_pages(path) == 1
        with pytest.raises(PhotoError, match="no page 2"):
            read_photo(path, page=2)

    def test_previews_and_masks_are_no_pages(self, pixels, tmp_path):
        small = np.ascontiguousarray(pixels[::4, ::4])
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            for page, kind in ((small, 1), (pixels, 0), (small, 1), (pixels[..., 0] > 99, 4)):
                writer.write(page, subfiletype=kind, metadata=None)
        photo = read_photo(file.getvalue())
        np.testing.assert_array_equal(photo.pixels, pixels)
        assert not photo.notes
        (tmp_path / "photo.tif").write_bytes(file.getvalue())
        assert count_pages(tmp_path / "photo.tif") == 1

    def test_a_photo_below_its_preview_is_found(self, pixels):
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            writer.write(np.ascontiguousarray(pixels[::4, ::4]), subfiletype=1, subifds=1, metadata=None)
            writer.write(pixels, subfiletype=0, metadata=None)
        np.testing.assert_array_equal(read_photo(file.getvalue()).pixels, pixels)

    def test_smaller_copies_below_a_photo_are_not_taken_for_it(self, pixels):
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            writer.write(pixels, subifds=1, metadata=None)
            writer.write(np.ascontiguousarray(pixels[::2, ::2]), subfiletype=1, metadata=None)
        np.testing.assert_array_equal(read_photo(file.getvalue()).pixels, pixels)


def test_every_extension_has_a_media_type() -> None:
    assert all(
        suffix == suffix.lower() and suffix.startswith(".") and "/" in kind for suffix, kind in MEDIA_TYPES.items()
    )
    assert {".heic", ".jxl", ".dng", ".nef", ".pdf", ".tga", ".pcx", ".mpo", ".psd", ".pgm", ".jp2"} <= set(MEDIA_TYPES)
