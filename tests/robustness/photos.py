"""Fuzzer of photos: PNG, JPEG, TIFF, WebP, GIF and others of many kinds, changed in their chunks, segments and directories."""

import io
from dataclasses import dataclass
from pathlib import Path
from random import Random

import av
import numpy as np
import tifffile
from PIL import Image, ImageCms
from skimage import data

from colorizer.errors import ColorizerError
from colorizer.photos.files.reading import MAX_PIXELS, read_photo
from colorizer.photos.files.saving import save_photo, to_pil
from colorizer.photos.photo import Photo
from tests.robustness.parts import FREE, MAX_BYTES, cut, flip, mutate
from tests.robustness.photo_formats import PHOTO_FORMATS
from tests.robustness.tiff import mutate_tiff
from tests.robustness.verdicts import Fault

SIZE = (41, 30)
OFTEN = (*("png", "jpeg", "tiff", "webp", "gif") * 2, "bmp", "ppm", "jpeg2000", "avif")
MAX_DIFFERENCE = 4.0  # levels for most pixels: where data is damaged, each goes on in its own way
SAVED_PIXELS = 300_000  # encoding a large photo takes long, whoever made it


@dataclass(frozen=True)
class Good:
    """A good file, with the photo that is in it."""

    file_format: str
    content: bytes
    photo: Photo


@dataclass(frozen=True)
class Prepared:
    """All good files, and a folder for results."""

    files: tuple[Good, ...]
    folder: Path


def _encode(image: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def _tiff(pixels: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def _files() -> list[tuple[str, bytes]]:
    photo = Image.fromarray(data.coffee()[100:330, 100:400]).resize(SIZE)
    pixels = np.asarray(photo)
    gray, palette = photo.convert("L"), photo.quantize(50)
    with_alpha = photo.copy()
    with_alpha.putalpha(gray)
    wide = np.asarray(gray).astype(np.uint16) * 257
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "a cup", 6
    exif.get_ifd(0x8769)[0x9003] = "2001:02:03 04:05:06"
    extras = {"exif": exif.tobytes(), "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}
    turned = [photo.rotate(angle) for angle in (0, 90, 180)]
    animated = {"save_all": True, "append_images": turned, "duration": 100}
    png = {
        "PNG": (photo, with_alpha, gray, palette, photo.convert("1"), gray.convert("LA"), Image.fromarray(wide)),
        "GIF": (palette, gray),
        "BMP": (photo, palette, gray, photo.convert("1"), with_alpha),
    }
    files = [(name, _encode(image, name)) for name, images in png.items() for image in images]
    files += [("PNG", _encode(palette, "PNG", transparency=3)), ("PNG", _encode(photo, "PNG", **extras))]
    files += [("PNG", _encode(gray, "PNG", transparency=100)), ("PNG", _encode(photo, "PNG", **animated))]
    files += [
        ("GIF", _encode(palette, "GIF", **animated)),
        ("GIF", _encode(palette, "GIF", transparency=3, interlace=0)),
    ]
    files += [("JPEG", _encode(photo, "JPEG", **options)) for options in (
        {}, {"progressive": True}, extras, {"restart_marker_blocks": 2}, {"subsampling": 0, "comment": b"a cup"},
    )]  # fmt: skip
    files += [("JPEG", _encode(gray, "JPEG")), ("JPEG", _encode(photo.convert("CMYK"), "JPEG"))]
    files += [("WEBP", _encode(photo, "WEBP", **options)) for options in ({}, {"lossless": True}, extras, animated)]
    files += [("PPM", _encode(image, "PPM")) for image in (photo, gray, Image.fromarray(wide), photo.convert("1"))]
    files += [(name, _encode(image, name)) for name in ("JPEG2000", "AVIF") for image in (photo, with_alpha)]
    files += [("WEBP", _encode(with_alpha, "WEBP"))]
    files += [("TIFF", _encode(photo, "TIFF", compression=name)) for name in (
        "raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits",
    )]  # fmt: skip
    files += [("TIFF", _encode(photo.convert("1"), "TIFF", compression=name)) for name in ("group3", "group4")]
    files += [
        ("TIFF", _encode(image, "TIFF")) for image in (palette, with_alpha, photo.convert("CMYK"), photo.convert("LAB"))
    ]
    files += [
        ("TIFF", _encode(photo, "TIFF", **extras)),
        ("TIFF", _encode(photo, "TIFF", save_all=True, append_images=turned)),
    ]
    files += [
        ("TIFF", _tiff(wide)),
        ("TIFF", _tiff(wide, byteorder=">")),
        ("TIFF", _tiff(pixels, bigtiff=True)),
        ("TIFF", _tiff(pixels, tile=(16, 16))),
        ("TIFF", _tiff(np.moveaxis(pixels, -1, 0), planarconfig="separate", photometric="rgb")),
        ("TIFF", _tiff(wide.astype(np.float32) / 65535)),
        ("TIFF", _tiff(pixels.astype(np.uint16) * 257, photometric="rgb")),
    ]
    return files


def prepare(folder: Path) -> Prepared:
    """Make the good files, and decode each."""
    goods = []
    for name, content in _files():
        try:
            goods.append(Good(name.lower(), content, read_photo(content)))
        except ColorizerError:
            continue  # a kind that is not supported
    prepared = Prepared(tuple(goods), folder)
    for seed in range(10):  # what is imported now is not measured later
        _use(goods[0].photo, prepared, Random(seed))
    return prepared


def make(prepared: Prepared, random: Random) -> tuple[Good, bytes, int]:
    """Return a good file, a bad one made of it, and the effect of the changes."""
    file_format = random.choice(OFTEN)
    good = random.choice([good for good in prepared.files if good.file_format == file_format])
    if random.random() < 0.05:
        return good, random.choice((cut, flip))(random, good.content), FREE
    if file_format == "tiff":
        content, effect = mutate_tiff(random, good.content)
        return good, content[: 2 * MAX_BYTES], effect
    donors = [other.content for other in prepared.files if other.file_format == file_format]
    return good, *mutate(random, PHOTO_FORMATS[file_format], good.content, donors)


def attempt(prepared: Prepared, random: Random) -> None:
    """Read a bad file. Whatever photo comes out is looked at and saved."""
    good, content, effect = make(prepared, random)
    photo = read_photo(content)
    height, width = photo.pixels.shape[:2]
    if (
        photo.pixels.dtype != np.uint8
        or photo.pixels.shape != (height, width, 3)
        or not 0 < width * height <= MAX_PIXELS
    ):
        raise Fault(f"the pixels are {photo.pixels.dtype} {photo.pixels.shape}")
    if photo.alpha is not None and (photo.alpha.dtype != np.uint8 or photo.alpha.shape != (height, width)):
        raise Fault(f"alpha is {photo.alpha.dtype} {photo.alpha.shape}")
    is_told = any("missing" in note for note in photo.notes)  # of a JPEG, a little of the end may be
    if effect != FREE and not (_is_close(photo, good.photo) if is_told else _is_same(photo, good.photo)):
        raise Fault(f"a wrong picture of {width}×{height} from a {good.file_format} that lost nothing or its end")
    # Of an animation whose first picture is not part of it, FFmpeg reads the second.
    is_checked = good.file_format == "png" and width * height <= SAVED_PIXELS and not _is_same(photo, good.photo)
    if is_checked and not _is_confirmed(photo, content):
        raise Fault(f"a wrong picture of {width}×{height} from a {good.file_format}, says another decoder")
    if width * height <= SAVED_PIXELS:
        _use(photo, prepared, random)


def _is_confirmed(photo: Photo, content: bytes) -> bool:
    """Return False if another decoder finds another picture in a file, however it is turned."""
    try:
        with av.open(io.BytesIO(content), options={"err_detect": "crccheck+bitstream+buffer+explode"}) as container:
            other = next(container.decode(video=0)).to_ndarray(format="rgba")
    except (av.FFmpegError, StopIteration, ValueError, IndexError):
        return True  # it reads less than Pillow does
    turned = [np.rot90(side, turns) for side in (other, other[::-1]) for turns in range(4)]
    turned = [picture for picture in turned if picture.shape[:2] == photo.pixels.shape[:2]]
    differences = [np.abs(picture[..., :3].astype(int) - photo.pixels)[picture[..., 3] == 255] for picture in turned]
    return any(difference.size == 0 or np.median(difference) < MAX_DIFFERENCE for difference in differences)


def _is_same(photo: Photo, other: Photo) -> bool:
    alphas = [item.alpha if item.alpha is not None else np.full(item.pixels.shape[:2], 255) for item in (photo, other)]
    return np.array_equal(photo.pixels, other.pixels) and np.array_equal(*alphas)


def _is_close(photo: Photo, other: Photo) -> bool:
    if photo.size != other.size:
        return False
    return np.median(np.abs(photo.pixels.astype(int) - other.pixels)) < MAX_DIFFERENCE


def _use(photo: Photo, prepared: Prepared, random: Random) -> None:
    """Save a photo with its metadata, and read it again."""
    _ = photo.is_gray
    suffix = random.choice((".png", ".jpg", ".webp", ".tif"))
    path = save_photo(to_pil(photo, photo.pixels, model="a network"), prepared.folder / f"saved{suffix}")
    saved = read_photo(path)
    if saved.size != photo.size or (suffix in (".png", ".tif") and not _is_same(saved, photo)):
        raise Fault(f"another picture in {path.name}")
