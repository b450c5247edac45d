"""Netpbm's formats: depth, order of bytes and rows, white and alpha are as their headers say."""

import numpy as np
import pytest

from colorizer.errors import PhotoError
from colorizer.photos.files.formats import MEDIA_TYPES
from colorizer.photos.files.reading import read_photo


def test_graymaps_are_as_bright_as_their_header_says():
    dark = np.arange(200, dtype=">u2")
    sixteen = read_photo(b"P5 20 10 65535\n" + dark.tobytes())
    assert sixteen.pixels.max() == 1
    twelve = read_photo(b"P5 20 10 4095\n" + (dark * 20).astype(">u2").tobytes())
    assert np.abs(twelve.pixels[..., 0].ravel() - dark * 20 / 4095 * 255).max() <= 1


@pytest.mark.parametrize("white", [65535, 4095, 100])
@pytest.mark.parametrize("shape", [(300, 400), (300, 400, 3)])
def test_graymaps_and_pixmaps_of_any_white_keep_their_bits(white, shape):
    values = np.random.default_rng(0).integers(0, white + 1, shape)
    kind = b"P6" if len(shape) == 3 else b"P5"
    content = b"%s 400 300 %d\n" % (kind, white) + values.astype(">u2" if white > 255 else "u1").tobytes()
    photo = read_photo(content)
    largest = 65535 if white > 255 else 255
    seen = photo.samples if photo.samples.shape == shape else photo.samples[..., 0]
    assert np.abs(seen - values / white * largest).max() < 0.501
    assert (photo.deep is not None) == (white > 255)
    with pytest.raises(PhotoError, match="damaged"):
        read_photo(content[:-1])


def pam(values: np.ndarray, white: int, kind: str = "", *, comment: str = "") -> bytes:
    height, width, depth = values.shape
    lines = [f"WIDTH {width}", f"HEIGHT {height}", f"DEPTH {depth}", f"MAXVAL {white}"]
    lines += [f"TUPLTYPE {kind}"] if kind else []
    head = "\n".join(["P7", *([f"# {comment}"] if comment else []), *lines, "ENDHDR", ""])
    return head.encode() + values.astype(">u2" if white > 255 else "u1").tobytes()


@pytest.mark.parametrize("is_named", [False, True])
@pytest.mark.parametrize("white", [65535, 4095, 255, 100])
@pytest.mark.parametrize("kind", ["GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA"])
def test_pam(kind, white, is_named):
    has_alpha, num_colors = kind.endswith("ALPHA"), 3 if "RGB" in kind else 1
    values = np.random.default_rng(0).integers(0, white + 1, (5, 7, num_colors + has_alpha))
    content = pam(values, white, kind if is_named else "", comment="ENDHDR and more")
    photo = read_photo(content)
    colors = values[..., :num_colors] / white
    assert np.abs(photo.pixels - colors * 255).max() <= 0.501
    assert (photo.deep is not None) == (white > 255)
    if white > 255:
        assert np.abs(photo.deep.reshape(colors.shape) - colors * 65535).max() <= 0.501
    assert (photo.alpha is not None) == has_alpha
    if has_alpha:
        assert np.abs(photo.alpha - values[..., -1] / white * 255).max() <= 0.501
    with pytest.raises(PhotoError, match=r"damaged.*end is missing"):
        read_photo(content[:-1])


def test_a_pam_of_black_and_white_has_white_ones():
    values = np.arange(12).reshape(3, 4, 1) % 2
    np.testing.assert_array_equal(read_photo(pam(values, 1, "BLACKANDWHITE")).pixels[..., 0], values[..., 0] * 255)


def test_a_pam_that_is_no_photo_says_what_it_is():
    four = np.zeros((2, 2, 4))
    with pytest.raises(PhotoError, match=r"is a PAM of type .CMYK., 4 samples per pixel"):
        read_photo(pam(four, 255, "CMYK"))
    with pytest.raises(PhotoError, match=r"type .RGB., 4 samples"):
        read_photo(pam(four, 255, "RGB"))
    with pytest.raises(PhotoError, match="white at 0"):
        read_photo(pam(four, 0, "RGB_ALPHA"))
    with pytest.raises(PhotoError, match="more pixels"):
        read_photo(pam(four, 255), max_pixels=3)
    for broken in (b"P7\nWIDTH 2\n", b"P7\nWIDTH 2\nENDHDR\n", pam(four, 255).replace(b"WIDTH 2", b"WIDTH x")):
        with pytest.raises(PhotoError, match="damaged"):
            read_photo(broken)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("channels", [1, 3])
def test_pfm(order, channels):
    levels = np.random.default_rng(0).uniform(-0.004, 1.004, (5, 7, channels)).astype(f"{order}f4")
    head = b"P%s\n7 5\n%s\n" % (b"F" if channels == 3 else b"f", b"-1.0" if order == "<" else b"1")
    content = head + levels[::-1].tobytes()
    photo = read_photo(content)
    assert np.abs(photo.deep.reshape(levels.shape) - levels.clip(0, 1) * 65535).max() <= 0.501
    with pytest.raises(PhotoError, match="end is missing"):
        read_photo(content[:-1])
    with pytest.raises(PhotoError, match="scale 5"):
        read_photo(content.replace(b"1.0" if order == "<" else b"1\n", b"5.0" if order == "<" else b"5\n", 1))
    with pytest.raises(PhotoError, match="expected 0 to 1"):
        read_photo(head + (levels * 255).astype(levels.dtype).tobytes())
    with pytest.raises(PhotoError, match="not finite"):
        read_photo(head + (levels * np.nan).astype(levels.dtype).tobytes())


def test_their_files_are_offered():
    assert {".pbm", ".pgm", ".ppm", ".pnm", ".pam", ".pfm"} <= set(MEDIA_TYPES)
