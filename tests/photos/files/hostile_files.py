"""Files of many small parts, which keep a parser busy. As a program: reads them all with little memory, and reports on each."""

import io
import json
import resource
import struct
import time
import zlib

import numpy as np
from PIL import Image

from colorizer.errors import PhotoError
from colorizer.photos.files.reading import read_photo

SECONDS = 10
MEMORY = 1_000_000_000  # bytes besides what the imports take
MANY = 400_000


def encode(image: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def insert(content: bytes, part: bytes, before: bytes) -> bytes:
    """`content` with `part` before the last place where `before` stands."""
    place = content.rindex(before)
    return content[:place] + part + content[place:]


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def tags(*entries: tuple[int, int, int, int]) -> bytes:
    """A directory of TIFF tags: (tag, type, count, value or offset), without the offset of the next one."""
    return struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)


def overlapping_exif(count: int, size: int) -> bytes:
    """EXIF tags that each are almost the whole block."""
    return b"II*\0" + struct.pack("<I", 8) + tags(*((40000 + k, 7, size, 8) for k in range(count))) + bytes(4)


ONE_PIXEL = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
ONE_PIXEL += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, 1, 1)]
TIFF_HEADER = b"II*\0" + struct.pack("<I", 24) + bytes(16)


def tiff_of_pages(count: int) -> bytes:
    content, page = bytearray(TIFF_HEADER), tags(*ONE_PIXEL)
    for number in range(count):
        end = len(content) + len(page) + 4
        content += page + struct.pack("<I", end if number < count - 1 else 0)
    return bytes(content)


def repeated_scan(count: int, size: tuple[int, int]) -> bytes:
    photo = encode(Image.new("RGB", size, (90, 120, 50)), "JPEG", progressive=True)
    return photo[:-2] + photo[photo.rindex(b"\xff\xda") : -2] * count + photo[-2:]


def tiff_of_strips(count: int) -> bytes:
    """Float gray, one pixel wide, each row a strip."""
    entries = [(256, 3, 1, 1), (257, 4, 1, count), (258, 3, 1, 32), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, count, 8), (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, count, 8 + 4 * count), (339, 3, 1, 3)]
    arrays = struct.pack("<I", 8) * count + struct.pack("<I", 4) * count
    return b"II*\0" + struct.pack("<I", 8 + len(arrays)) + arrays + tags(*entries) + bytes(4)


def pdf(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1, of which the first is the catalog."""
    content = b"%PDF-1.7\n"
    for number, body in enumerate(objects, 1):
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    return content + b"trailer << /Root 1 0 R /Size %d >>\n%%%%EOF\n" % (len(objects) + 1)


def pdf_of_forms(depth: int, breadth: int) -> bytes:
    """A page whose form draws a form several times, which draws a form several times, and so on."""
    forms = []
    for number in range(5, 5 + depth):
        draw = b"/F Do " * breadth if number < 4 + depth else b"0 0 9 9 re f "
        resources = b"<< /XObject << /F %d 0 R >> >>" % (number + 1) if number < 4 + depth else b"<< >>"
        head = b"/Type /XObject /Subtype /Form /BBox [0 0 99 99] /Resources %s /Length %d" % (resources, len(draw))
        forms.append(b"<< %s >>\nstream\n%s\nendstream" % (head, draw))
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R /Resources << /XObject << /F 5 0 R >> >> >>"
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return pdf(b"<< /Type /Catalog /Pages 2 0 R >>", pages, page, b"<< /Length 5 >>\nstream\n/F Do\nendstream", *forms)


def pdf_of_drawings(side: int, count: int) -> bytes:
    """A page of `side` points that is painted over and over with a transparent color."""
    drawing = zlib.compress(b"/G gs 0.1 0.5 0.7 rg\n" + b"0 0 %d %d re f\n" % (side, side) * count)
    state = b"<< /ExtGState << /G << /ca 0.5 /BM /Luminosity >> >> >>"
    return pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R /Resources %s >>" % (side, side, state),
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(drawing), drawing),
    )


def pdf_of_an_image(side: int) -> bytes:
    """A page of an image that unpacks to far more than its file has."""
    data = zlib.compress(bytes(1_000_000))
    head = b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8" % (
        side,
        side,
    )
    image = b"<< %s /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (head, len(data), data)
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R /Resources << /XObject << /F 5 0 R >> >> >>"
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    draw = b"99 0 0 99 0 0 cm /F Do"
    content = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(draw), draw)
    return pdf(b"<< /Type /Catalog /Pages 2 0 R >>", pages, page, content, image)


def hostile_files() -> dict[str, bytes]:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    jpeg, png = encode(noise, "JPEG"), encode(noise, "PNG")
    gif = encode(Image.new("P", (8, 8)), "GIF")
    frame = gif[gif.index(b"\x2c") : -1]
    return {
        "jpeg-scans": repeated_scan(2000, (2000, 1500)),
        "jpeg-exif-segments": insert(jpeg, segment(0xE1, b"Exif\0\0" + bytes(65000)) * 400, b"\xff\xdb"),
        "jpeg-overlapping-exif": insert(jpeg, segment(0xE1, b"Exif\0\0" + overlapping_exif(5000, 60000)), b"\xff\xdb"),
        "jpeg-padding": insert(jpeg, b"\xff" * 16 * MANY, b"\xff\xda"),
        "jpeg-junk": insert(jpeg, bytes(16 * MANY), b"\xff\xda"),
        "jpeg-markers": insert(jpeg, b"\xff\xd8" * MANY, b"\xff\xda"),
        "jpeg-comments": insert(jpeg, segment(0xFE, b"") * MANY, b"\xff\xda"),
        "png-text": insert(png, chunk(b"tEXt", b"a\0b") * MANY, png[33:41]),
        "png-private": insert(png, chunk(b"abCd", b"") * MANY, png[33:41]),
        "png-empty-data": insert(png, chunk(b"IDAT", b"") * MANY, png[33:41]),
        "png-after-data": insert(png, chunk(b"abCd", b"") * MANY, chunk(b"IEND", b"")),
        "png-overlapping-exif": insert(png, chunk(b"eXIf", overlapping_exif(20000, 240000)), png[33:41]),
        "gif-comment": insert(gif, b"\x21\xfe" + (b"\xff" + b"a" * 255) * MANY + b"\0", frame),
        "gif-comments": insert(gif, b"\x21\xfe\x01a\0" * MANY, frame),
        "gif-frames": insert(gif, frame * MANY, frame),
        "tiff-pages": tiff_of_pages(20_000),
        "tiff-overlapping-tags": TIFF_HEADER
        + tags(*ONE_PIXEL, *((40000 + k, 7, 5_000_000, 8) for k in range(20_000)))
        + bytes(5_000_000),
        "tiff-strips": tiff_of_strips(MANY),
        "pdf-forms": pdf_of_forms(10, 30),
        "pdf-image": pdf_of_an_image(50_000),
        "pdf-pages": pdf(
            b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 999999999 >>"
        ),
        "ppm-spaces": b"P6\n" + b" " * 16 * MANY + b"2 2 255\n" + bytes(12),
        "ppm-comment": b"P6\n#" + b"a" * 16 * MANY + b"\n2 2 255\n" + bytes(12),
        "ppm-text": b"P3\n2000 2000\n255\n" + b"1 " * 12_000_000,
        "ppm-text-comments": b"P3\n2 2\n255\n" + b"#\n" * MANY + b"1 " * 12,
    }


def main() -> None:
    """Print {name: [seconds, error or notes]} as JSON. A read that takes too much memory ends the program."""
    files = hostile_files()
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    report = {}
    for name, content in files.items():
        start = time.monotonic()
        try:
            text = f"{read_photo(content).notes}"
        except PhotoError as error:
            text = str(error)
        report[name] = [time.monotonic() - start, text]
    print(json.dumps(report))


if __name__ == "__main__":
    main()
