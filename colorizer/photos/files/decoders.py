"""Decoders of formats that Pillow doesn't read itself, for a process of its own: `python -m colorizer.photos.files.decoders`.

The libraries are large parsers in C. A process bounds their memory and time, and a crash ends only that process.
It imports neither torch nor the rest of the package.

Input: the file as standard input, and as arguments the format, the page (from 1; the directory's offset in a TIFF; 0 to count
a PDF's pages) and the limit on pixels. Output: a line of JSON, and the pixels, ICC profile, EXIF block, XMP packet, gray or RGB
in 16 bits, and the alpha of a mode without one. The line holds the `mode`, `size`, `num_pages`, the `dpi` of a PDF's page, and
lengths of the parts; or `error`, empty for damage; or `missing`, for another library.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from PIL import Image

from colorizer.photos.depth import eight_bits, in_full_range
from colorizer.photos.files.decoder_bounds import Bounds, Refused

MAX_PAGES = 1000  # of a PDF
_DPI = 300  # of a PDF page without a scan
_POINT = 1 / 72  # inch
_SPARE = 2e-5  # since sizes are rounded up, and a page of 160.001 pixels would blur a scan of 160
# Scans are decoded quickly; only drawings, which any few bytes repeat as often as they like, take long.
_PDF_SECONDS_PER_MEGAPIXEL = 0.2
_LARGEST_SLICE = 2**24  # bytes that libde265 takes at once: cameras write tiles, but other programs may write one
_HEIF_HEADER = 2**16


def read_heif(file: IO[bytes], page: int, bounds: Bounds) -> Image.Image:
    """Decode the primary image of a HEIC file; `info` has more than 8 bits as "wide", and how many pictures the file has."""
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, decode_threads=1)
    image = Image.open(file, formats=("HEIF",))
    bounds.check(*image.size)
    image.info["num_pictures"] = image.n_frames  # without thumbnails and depth
    try:
        if image.info["bit_depth"] > 8:
            return _read_wide_heif(file, image)
        image.load()
    except ValueError:
        if bounds.file_bytes <= _LARGEST_SLICE:
            raise
        image = _read_large_slice(file, image)
    return image


def _read_wide_heif(file: IO[bytes], opened: Image.Image) -> Image.Image:
    """Decode a HEIC file of 10 or 12 bits, whose header pillow-heif has read."""
    import pillow_heif

    heif = pillow_heif.open_heif(file, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    samples = in_full_range(np.asarray(heif), 2 ** heif.info["bit_depth"] - 1, np.uint16)
    image = Image.fromarray(eight_bits(samples), "L" if samples.ndim == 2 else opened.mode)
    image.info = opened.info
    if image.mode != "RGBa":  # colors that are premultiplied by alpha are divided in 8 bits
        image.info["wide"] = samples if samples.ndim == 2 else np.ascontiguousarray(samples[..., :3])
    return image


def _read_large_slice(file: IO[bytes], opened: Image.Image) -> Image.Image:
    """Decode a HEIC file of one slice larger than libde265 takes, whose header pillow-heif has read, by FFmpeg."""
    import av

    file.seek(0)
    if opened.mode != "RGB" or b"imir" in file.read(_HEIF_HEADER):
        raise Refused("has a transparent or mirrored picture that is too large in one piece: save it as PNG first")
    file.seek(0)
    with av.open(file, format="mov") as container:
        container.streams.video[0].codec_context.options = {"err_detect": "explode"}
        frame = next(container.decode(container.streams.video[0]))
    image = Image.fromarray(np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90))
    if image.size != opened.size:
        raise Refused("has a cropped picture that is too large in one piece: save it as PNG first")
    image.info = opened.info
    return image


def read_jxl(file: IO[bytes], page: int, bounds: Bounds) -> Image.Image:
    """Decode a JPEG XL file."""
    from colorizer.photos.files import jxl

    return jxl.read_jxl(file, page, bounds)


def read_raw(file: IO[bytes], page: int, bounds: Bounds) -> Image.Image:
    """Develop a RAW photo with its own white balance, turned upright."""
    import rawpy

    try:
        with rawpy.imread(file) as raw:
            bounds.check(raw.sizes.raw_width, raw.sizes.raw_height)
            return Image.fromarray(raw.postprocess(use_camera_wb=True))
    except rawpy.LibRawFileUnsupportedError as error:
        raise Refused("is a RAW photo of a kind that LibRaw doesn't know: convert it first") from error


def read_pdf(file: IO[bytes], page: int, bounds: Bounds) -> Image.Image:
    """Render a page at the resolution of its finest scan, or at 300 dpi."""
    from pypdfium2 import PdfiumError
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    bounds.seconds_per_megapixel = _PDF_SECONDS_PER_MEGAPIXEL
    document = _open_pdf(file)
    if page > len(document):
        raise Refused(f"has no page {page}")
    sheet, scales = document[page - 1], []
    for scan in sheet.get_objects(filter=(FPDF_PAGEOBJ_IMAGE,)):
        (width, height), (left, bottom, right, top) = scan.get_px_size(), scan.get_bounds()
        bounds.check(width, height)
        try:
            scan.get_bitmap()
        except PdfiumError as error:  # rendered, it would be missing
            raise Refused(f"has a scan on page {page} that can't be decoded") from error
        scales.append((width * height / max((right - left) * (top - bottom), 1)) ** 0.5)
    scale = max(scales, default=_DPI * _POINT)
    width, height = sheet.get_size()
    # A small logo may be finer than any scan of a page.
    scale = min(scale, (bounds.max_pixels / max(width * height, 1)) ** 0.5 * 0.999, 1200 * _POINT)
    bounds.check(round(width * scale), round(height * scale))
    image = sheet.render(scale=scale * (1 - _SPARE), may_draw_forms=False).to_pil()
    image.info["dpi"] = (round(scale / _POINT, 2),) * 2
    return image


def _open_pdf(file: IO[bytes]) -> Any:
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        return PdfDocument(file)
    except PdfiumError as error:
        if "password" in str(error):
            raise Refused("is a PDF with a password: save it without one first") from error
        raise


def count_pdf_pages(file: IO[bytes]) -> int:
    """Return the number of pages of a PDF."""
    if (count := len(_open_pdf(file))) > MAX_PAGES:
        raise Refused(f"has {count} pages, more than the {MAX_PAGES} allowed: split it")
    return count


def read_tiff(file: IO[bytes], page: int, bounds: Bounds) -> Image.Image:
    """Decode the TIFF directory at the offset `page`."""
    from colorizer.photos.files.tiff_pixels import read_directory

    return read_directory(file, page, bounds)


def read_deep(file: IO[bytes], page: int, bounds: Bounds) -> Image.Image:
    """Decode an AVIF or JPEG 2000 file of more than 8 bits."""
    from colorizer.photos.files import deep_codecs

    return deep_codecs.read_deep(file, page, bounds)


_READERS: dict[str, Callable[[IO[bytes], int, Bounds], Image.Image]] = {
    "HEIF": read_heif,
    "JXL": read_jxl,
    "RAW": read_raw,
    "PDF": read_pdf,
    "TIFF": read_tiff,
    "AVIF": read_deep,
    "JPEG2000": read_deep,
}


def decode(kind: str, page: int, bounds: Bounds, file: IO[bytes]) -> tuple[dict, list[bytes]]:
    """Return the answer to a request, and its parts."""
    if page == 0:
        return {"num_pages": count_pdf_pages(file)}, []
    image = _READERS[kind](file, page, bounds)
    num_pages = count_pdf_pages(file) if kind == "PDF" else image.info.get("num_pictures", 1)
    parts = [image.tobytes(), *(image.info.get(name) or b"" for name in ("icc_profile", "exif", "xmp"))]
    parts += [image.info[name].tobytes() if name in image.info else b"" for name in ("wide", "alpha")]
    return {
        "mode": image.mode,
        "size": image.size,
        "lengths": [len(part) for part in parts],
        "num_pages": num_pages,
        "dpi": image.info["dpi"] if kind == "PDF" else None,
    }, parts


def main() -> None:
    """Decode standard input; see the module."""
    kind, page, max_pixels = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    file, parts = sys.stdin.buffer, []
    # A library may print.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    # Our own limit applies.
    Image.MAX_IMAGE_PIXELS = None
    try:
        answer, parts = decode(kind, page, Bounds(file, max_pixels), file)
    except Refused as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "needs too much memory to be decoded safely"}
    except Exception as error:  # every library has its own kinds of errors
        # tifffile's words for a compression that it doesn't know by itself.
        is_missing = isinstance(error, ImportError) or "imagecodecs" in str(error)
        answer = {"missing": True} if is_missing else {"error": ""}
    with output:
        output.write(json.dumps(answer).encode() + b"\n")
        for part in parts:
            output.write(part)


if __name__ == "__main__":
    main()
