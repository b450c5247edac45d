"""TIFFs of every kind: right within one level of 255, or refused with a sentence that says what the file is."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from colorizer.errors import PhotoError
from colorizer.photos.files import decoders, separate_decoding
from colorizer.photos.files.reading import read_photo
from tests.photos.conftest import encode
from tests.photos.files.tiff_kinds import HEIGHT, WIDTH, Kind, kinds, packed, quantize, ramps, white, write

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


class NoBounds:
    """The bounds of the process that decodes, without limits on this one."""

    def __init__(self, max_pixels: int) -> None:
        self.max_pixels = max_pixels

    def check(self, width: int, height: int) -> None:
        assert width * height <= self.max_pixels

    def allow(self, pixels: int, spare: int = 0) -> None:
        pass


@pytest.fixture(autouse=True)
def decode_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode in this process, since hundreds of others would take minutes."""

    def run(file, kind, label, max_pixels, page):
        file.seek(0)
        try:
            return decoders.decode(kind, page, NoBounds(max_pixels), file)
        except Exception as error:
            raise PhotoError(f"{label} {error}.") from error

    monkeypatch.setattr(separate_decoding, "_run", run)


def check(kind: Kind) -> None:
    photo = read_photo(kind.content)
    assert np.abs(photo.pixels - kind.levels).max() <= 1, kind.name
    if photo.deep is not None:
        deep = photo.deep.reshape(*photo.deep.shape[:2], -1)
        assert np.abs(deep / 257 - kind.levels).max() <= 0.25, kind.name
    assert (photo.alpha is None) == (kind.alpha is None), kind.name
    if kind.alpha is not None:
        assert np.abs(photo.alpha - kind.alpha).max() <= 2, kind.name


def test_every_layout_is_right_or_named() -> None:
    refused = {}
    for kind in kinds():
        try:
            check(kind)
        except PhotoError as error:
            refused[kind.name] = str(error)
    # Whether the inverse or its complement is multiplied is open.
    assert all("miniswhite" in name and name.endswith(" assocalpha") for name in refused)
    assert all("is a TIFF of" in text for text in refused.values())
    assert len(refused) == 36


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 10, 12, 14])
@pytest.mark.parametrize("photometric", [0, 1])
def test_packed_gray(bits: int, photometric: int) -> None:
    check(packed(bits, kind=photometric))


@pytest.mark.parametrize("compression", ["lzw", "zlib", "lzma", "zstd", "packbits", None])
@pytest.mark.parametrize("options", [{}, {"predictor": True}, {"tile": (16, 16)}, {"rowsperstrip": 4}], ids=str)
def test_compressed_planes(compression: str | None, options: dict) -> None:
    if compression in (None, "packbits") and "predictor" in options:
        options = {}
    samples = quantize(ramps(3), "u2")
    content = write(samples, True, photometric="rgb", compression=compression, **options)
    check(Kind("", content, samples / 257))
    np.testing.assert_array_equal(read_photo(content).deep, samples)


@pytest.mark.parametrize(
    "options", [{"byteorder": "<"}, {"byteorder": ">"}, {"byteorder": "<", "bigtiff": True}], ids=str
)
def test_metadata_come_along_and_the_photo_is_upright(options: dict) -> None:
    samples = quantize(ramps(3), "f4")
    tags = [(271, 2, 0, "Camera", True), (274, 3, 1, 6, True)]
    photo = read_photo(write(samples, photometric="rgb", extratags=tags, iccprofile=PROFILE, **options))
    assert np.abs(photo.pixels - np.rot90(samples * 255, -1)).max() <= 1
    assert photo.icc_profile == PROFILE
    kept = Image.Exif()
    kept.load(photo.exif)
    assert kept[271] == "Camera"
    assert kept.get(274, 1) == 1
    assert not {258, 262, 339} & set(kept)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_big_files(order: str, dtype: str) -> None:
    samples = quantize(ramps(3), dtype)
    content = write(samples, photometric="rgb", bigtiff=True, byteorder=order)
    check(Kind("", content, samples / white(dtype) * 255))


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_palettes(dtype: str) -> None:
    indices = np.arange(HEIGHT * WIDTH, dtype=dtype).reshape(HEIGHT, WIDTH)
    colors = np.random.default_rng(0).integers(0, 65536, (3, 2 ** (8 * indices.itemsize)), np.uint16)
    content = write(indices[..., None], photometric="palette", colormap=colors)
    check(Kind("", content, (colors.T / 257)[indices]))


def test_a_palette_of_eight_bits_is_not_black() -> None:
    indices = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
    colors = np.random.default_rng(0).integers(0, 256, (3, 256), np.uint16)
    check(Kind("", write(indices[..., None], photometric="palette", colormap=colors), colors.T[indices]))


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_inks(dtype: str, planar: bool) -> None:
    samples = quantize(ramps(4), dtype)
    expected = Image.frombytes(
        "CMYK", (WIDTH, HEIGHT), np.rint(samples / white(dtype) * 255).astype(np.uint8).tobytes()
    )
    photo = read_photo(write(samples, planar, photometric="separated"))
    assert np.abs(photo.pixels.astype(int) - np.asarray(expected.convert("RGB"))).max() <= 2


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize(("photometric", "dtype"), [("separated", "u1"), ("separated", "u2"), ("ycbcr", "u1")])
def test_alpha_that_no_mode_has_a_channel_for(photometric: str, dtype: str, planar: bool) -> None:
    channels = 4 if photometric == "separated" else 3
    opacity = np.linspace(0, 1, WIDTH)[None].repeat(HEIGHT, 0)
    samples = quantize(np.dstack([ramps(channels), opacity]), dtype)
    photo = read_photo(write(samples, planar, photometric=photometric, extrasamples=["unassalpha"]))
    assert np.abs(photo.alpha - opacity * 255).max() <= 1
    opaque = read_photo(write(samples[..., :channels], planar, photometric=photometric))
    assert np.abs(photo.pixels.astype(int) - opaque.pixels).max() <= 2
    assert read_photo(write(samples, planar, photometric=photometric, extrasamples=["unspecified"])).alpha is None


def test_alpha_of_a_palette() -> None:
    samples = np.arange(2 * HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH, 2)
    colors = np.random.default_rng(0).integers(0, 65536, (3, 256), np.uint16)
    palette = [(320, 3, 768, colors.ravel().tolist(), True)]
    file = io.BytesIO(write(samples, photometric="minisblack", extrasamples=["unassalpha"], extratags=palette))
    with tifffile.TiffFile(file, mode="r+") as tiff:
        tiff.pages[0].tags[262].overwrite(3)
    check(Kind("", file.getvalue(), (colors.T / 257)[samples[..., 0]], samples[..., 1]))


def test_luma_and_chroma(pixels: np.ndarray) -> None:
    encoded = np.asarray(Image.fromarray(pixels).convert("YCbCr"))
    plain = read_photo(write(encoded, photometric="ycbcr"))
    assert np.abs(plain.pixels.astype(int) - pixels).max() <= 3
    jpeg = encode(pixels, "TIFF", compression="jpeg", quality=95)
    assert np.abs(read_photo(jpeg).pixels.astype(int) - pixels).mean() < 4
    subsampled = bytearray(write(encoded, photometric="ycbcr", byteorder="<"))
    place = subsampled.index(struct.pack("<HHI2H", 530, 3, 2, 1, 1))
    subsampled[place : place + 12] = struct.pack("<HHI2H", 530, 3, 2, 2, 2)
    with pytest.raises(PhotoError, match="YCBCR"):
        read_photo(bytes(subsampled))


def test_the_tags_say_what_black_and_white_are() -> None:
    levels = ramps(1)
    for dtype, black, full in (("u2", 0, 4095), ("i2", -100, 900), ("i2", -32768, 32767), ("f4", 0.0, 255.0)):
        samples = (black + levels * (full - black)).astype(dtype)
        code = {"u": 3, "i": 8, "f": 11}[dtype[0]]
        tags = [(340, code, 1, black, True), (341, code, 1, full, True)]
        check(Kind(f"{dtype} {full}", write(samples, photometric="minisblack", extratags=tags), levels * 255))


def test_samples_that_take_gigabytes_are_refused() -> None:
    content = write(
        np.zeros((HEIGHT, WIDTH, 11)), photometric="rgb", extrasamples=["unspecified"] * 8, compression="zlib"
    )
    with pytest.raises(PhotoError, match="MiB, too much"):
        read_photo(content, max_pixels=HEIGHT * WIDTH)


def test_floats_beyond_white_are_cut_and_others_refused() -> None:
    check(Kind("", write(np.float32(ramps(1) * 1.004)), np.clip(ramps(1) * 1.004, 0, 1) * 255))
    for scale in (255.0, 2.0, -1.0, np.nan):
        with pytest.raises(PhotoError, match="32-bit float"):
            read_photo(write(np.float32(ramps(1) * scale)))


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4"])
def test_negative_values_without_a_black_are_refused(dtype: str) -> None:
    with pytest.raises(PhotoError, match="-bit signed samples"):
        read_photo(write(-quantize(ramps(1), dtype), photometric="minisblack"))


def test_what_is_no_photo_is_named() -> None:
    for content, message in (
        (write(np.zeros((HEIGHT, WIDTH, 1), np.complex64)), "complex"),
        (write(quantize(ramps(3), "u2"), photometric="cielab"), "CIELAB"),
    ):
        with pytest.raises(PhotoError, match=f"is a TIFF of.*{message}"):
            read_photo(content)


def test_an_image_that_pillow_misread_is_refused() -> None:
    levels = ramps(3)
    for content in (
        write(quantize(levels, "u2"), True, photometric="rgb"),
        write(quantize(levels[..., :1], "u2"), photometric="miniswhite"),
        packed(12).content,
    ):
        with pytest.raises(PhotoError, match="pass its path"):
            read_photo(Image.open(io.BytesIO(content)))
    for content in (write(quantize(levels, "u2"), photometric="rgb"), write(np.float32(levels[..., :1]))):
        photo = read_photo(Image.open(io.BytesIO(content)))
        assert np.abs(photo.pixels[..., 0] - levels[..., 0] * 255).max() <= 1


def test_missing_strips_are_no_black() -> None:
    file = io.BytesIO(write(quantize(ramps(3), "u2"), True, photometric="rgb", compression="zlib", rowsperstrip=2))
    with tifffile.TiffFile(file) as tiff:
        counts, offsets = tiff.pages[0].tags[279], tiff.pages[0].tags[273]
        places = [(tag.valueoffset, tag.dtype) for tag in (counts, offsets)]
    for place, kind in places:
        size = {3: 2, 4: 4}[int(kind)]
        for value in (0, 2 ** (8 * size) - 1):
            content = bytearray(file.getvalue())
            content[place + 2 * size : place + 3 * size] = value.to_bytes(size, "little")
            with pytest.raises(PhotoError, match="1 of its 9 strips or tiles are missing"):
                read_photo(bytes(content))


def test_cut_and_scrambled_files_are_refused_or_right() -> None:
    samples = quantize(ramps(3), "u2")
    generator = np.random.default_rng(0)
    for compression in (None, "zlib", "lzw"):
        whole = write(samples, True, photometric="rgb", compression=compression, rowsperstrip=2, metadata=None)
        for length in range(len(whole) // 10, len(whole), len(whole) // 10):
            with pytest.raises(PhotoError):
                read_photo(whole[:length])
        for _ in range(60):
            content = np.frombuffer(whole, np.uint8).copy()
            content[generator.integers(0, 300, 4)] = generator.integers(0, 256, 4)
            try:
                photo = read_photo(content.tobytes(), max_pixels=10**6)
            except PhotoError:
                continue
            assert photo.pixels.dtype == np.uint8


def test_a_compression_that_nobody_knows_is_named() -> None:
    file = io.BytesIO(write(quantize(ramps(3), "u2"), photometric="rgb"))
    with tifffile.TiffFile(file, mode="r+") as tiff:
        tiff.pages[0].tags[259].overwrite(34718)
    with pytest.raises(PhotoError, match=r"16-bit unsigned samples, photometric RGB, compression .* can't be decoded"):
        read_photo(file.getvalue())


@pytest.mark.parametrize("tag", [258, 259, 262])
def test_a_tag_of_thousands_of_values_is_quoted_by_its_first(tag: int) -> None:
    file = io.BytesIO(write(quantize(ramps(3), "u2"), photometric="rgb"))
    with tifffile.TiffFile(file, mode="r+") as tiff:
        tiff.pages[0].tags[tag].overwrite(range(3000), dtype="H")
    with pytest.raises(PhotoError) as caught:
        read_photo(file.getvalue())
    assert len(str(caught.value)) < 500
