"""All texts of a PNG come through, and what programs have stored as text."""

import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin
from PIL.PngImagePlugin import iTXt

from colorizer.photos.files.reading import read_photo
from colorizer.photos.files.saving import save_photo, to_pil
from colorizer.photos.metadata.exif import read_block
from tests.photos.conftest import encode
from tests.photos.files.hostile_files import chunk, insert
from tests.photos.metadata.test_embedded import ARTIST, NAMES, RECORD, RESOURCES, UPRIGHT_XMP, XMP, exif, saved

TEXTS = [("Comment", "first"), ("Author", "Müller"), ("Comment", "second"), ("Comment", "second"), ("Title", "日本")]


def with_chunks(pixels, chunks: bytes) -> bytes:
    content = encode(pixels)
    return insert(content, chunks, content[33:41])


def raw(name: str, body: bytes, kind: bytes = b"tEXt") -> bytes:
    text = f"\n{name}\n{len(body):8}\n{body.hex()}\n".encode()
    packed = text if kind == b"tEXt" else b"\0" + zlib.compress(text)
    return chunk(kind, f"Raw profile type {name}\0".encode() + packed)


def text_chunk(name: str, text: str) -> bytes:
    try:
        return chunk(b"tEXt", f"{name}\0{text}".encode("latin-1"))
    except UnicodeEncodeError:
        return chunk(b"iTXt", name.encode() + b"\0\1\0ja\0Titel\0" + zlib.compress(text.encode()))


def test_texts_of_one_name_all_come_through(pixels, tmp_path):
    content = with_chunks(pixels, b"".join(text_chunk(*pair) for pair in TEXTS))
    photo = read_photo(content)
    assert list(photo.metadata.texts) == TEXTS
    again = read_photo(saved(photo, tmp_path / "a.png"))
    assert [pair for pair in again.metadata.texts if pair[0] not in ("Description", "Software")] == TEXTS
    title = dict(again.metadata.texts)["Title"]
    assert isinstance(title, iTXt)
    assert (title.lang, title.tkey) == ("ja", "Titel")
    comments = read_photo(saved(photo, tmp_path / "a.jpg")).metadata.comments
    assert comments == (b"first", "Author: Müller".encode(), b"second", b"second", "Title: 日本".encode())


def test_one_description_is_completed_and_no_more_are_added(pixels, tmp_path):
    content = with_chunks(pixels, text_chunk("Description", "A street.") + text_chunk("Description", "In 1946"))
    for _ in range(2):
        content = saved(read_photo(content), tmp_path / "a.png").read_bytes()
        texts = [text for name, text in read_photo(content).metadata.texts if name == "Description"]
        assert texts == ["A street. Colors are a guess by dense (colorizer)", "In 1946"]


def test_texts_after_the_pixels_are_read(pixels):
    content = encode(pixels)
    assert read_photo(insert(content, text_chunk("Author", "Müller"), content[-12:])).metadata.texts == (TEXTS[1],)


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt"])
def test_segments_of_a_jpeg_in_a_png_are_understood(pixels, tmp_path, kind):
    chunks = raw("APP1", exif(orientation=6), kind) + raw("APP1", b"http://ns.adobe.com/xap/1.0/\0" + XMP, kind)
    photo = read_photo(with_chunks(pixels, chunks + raw("iptc", RECORD, kind) + raw("8bim", RESOURCES, kind)))
    assert not photo.notes
    assert photo.size == (40, 60)
    assert photo.metadata.xmp == UPRIGHT_XMP
    assert photo.metadata.iptc == RECORD
    assert photo.metadata.photoshop.count(RECORD) == 1
    assert read_block(photo.exif)[ARTIST].content == NAMES[0] + b"\0"
    assert not photo.metadata.texts
    with Image.open(saved(photo, tmp_path / "a.jpg")) as image:
        assert image.getexif()[274] == 1
        assert image.info["xmp"] == UPRIGHT_XMP


def test_long_texts_are_no_reason_to_refuse_a_photo(pixels):
    packet = XMP.replace(b"Gro", b"Gro" * 800_000)
    assert read_photo(with_chunks(pixels, raw("xmp", packet, b"zTXt"))).metadata.xmp is not None
    photo = read_photo(with_chunks(pixels, chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**21)))))
    assert photo.notes == ("its text is damaged or too large and was ignored",)


def test_a_damaged_text_leaves_the_others(pixels):
    broken = [
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"text")[:-6]),
        chunk(b"iTXt", b"Comment\0\0\0de\0Kommentar\0\xff\xfe"),
    ]
    for part in broken:
        photo = read_photo(with_chunks(pixels, part + text_chunk("Author", "Müller")))
        assert photo.metadata.texts == (TEXTS[1],)
        assert photo.notes == ("a part of its text is damaged or too large and was ignored",)


def test_an_image_given_has_its_texts(pixels, tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Müller")
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path, pnginfo=info)
    with Image.open(path) as image:
        assert read_photo(image).metadata.texts == (TEXTS[1],)


def psd(pixels, *resources: tuple[int, bytes]) -> bytes:
    """A PSD of one layer, as it is flattened."""
    parts = b"".join(
        b"8BIM" + struct.pack(">HHI", number, 0, len(body)) + body + bytes(len(body) % 2) for number, body in resources
    )
    height, width = pixels.shape[:2]
    head = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, height, width, 8, 3) + bytes(4)
    planes = pixels.transpose(2, 0, 1).tobytes()
    return head + struct.pack(">I", len(parts)) + parts + bytes(4) + bytes(2) + planes


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_what_a_psd_has_about_its_photo_comes_through(pixels, tmp_path, ending):
    resolution = struct.pack(">IHHIHH", 300 << 16, 1, 2, 200 << 16, 1, 2)
    layers = b"of the layers"
    content = psd(pixels, (0x03ED, resolution), (0x0404, RECORD), (0x0422, exif()[6:]), (0x0424, XMP), (0x0400, layers))
    photo = read_photo(content)
    assert not photo.notes
    assert photo.metadata.density.dpi == (300, 200)
    path = save_photo(to_pil(photo, photo.pixels), tmp_path / f"a.{ending}", model="dense")
    again = read_photo(path)
    assert again.metadata.iptc == RECORD
    assert again.metadata.xmp == UPRIGHT_XMP
    assert [round(number) for number in again.metadata.density.dpi] == [300, 200]
    assert read_block(again.exif)[ARTIST].content == NAMES[0] + b"\0"
    assert layers not in path.read_bytes()
