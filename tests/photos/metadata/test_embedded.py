"""All that a photo's file holds besides its pixels comes through, in every format."""

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, IptcImagePlugin
from PIL.PngImagePlugin import PngInfo

from colorizer.photos.files.reading import read_photo
from colorizer.photos.files.saving import save_photo, to_pil
from colorizer.photos.metadata import exif as exif_blocks
from colorizer.photos.metadata.exif import Value, read_block, text, write_block
from colorizer.photos.photo import Photo
from tests.photos.conftest import encode
from tests.photos.files.hostile_files import chunk, insert, segment

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tif"}
ARTIST, CAMERA, EXIF, GPS, EXPOSED, MAKER, PREVIEW, PREVIEW_SIZE = 315, 271, 34665, 34853, 36867, 37500, 513, 514
# Names in UTF-8 and in Latin-1, which the standard forbids and cameras and scanners write.
NAMES = ("Ingeborg Müller".encode(), "Ingeborg Müller".encode("latin-1"))
XMP = (
    '<?xpacket begin="\ufeff"?><x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/">'
    '<rdf:Description tiff:Orientation="6">Großmutter</rdf:Description></x:xmpmeta><?xpacket end="w"?>'
).encode()
UPRIGHT_XMP = XMP.replace(b'"6"', b'"1"')
RECORD = b"\x1c\x01\x5a\x00\x03\x1b%G" + b"\x1c\x02\x50\x00\x07M\xc3\xbcller"  # IPTC: by-line, in UTF-8
RESOURCES = (
    b"8BIM\x04\x04\0\0" + struct.pack(">I", len(RECORD)) + RECORD + b"8BIM\x04\x0c\0\0" + struct.pack(">I", 4) + b"gray"
)


def exif(order: str = "<", artist: bytes = NAMES[0], orientation: int = 1) -> bytes:
    """An EXIF block with a note of the maker that refers to a place in the block."""
    tags = {
        CAMERA: text(b"Camera"),
        274: Value(3, 1, struct.pack(f"{order}H", orientation)),
        ARTIST: text(artist),
        EXIF: {EXPOSED: text(b"1946:05:01 12:00:00"), MAKER: Value(7, 40, b"maker's note ".ljust(40, b"\xa5"))},
        GPS: {1: text(b"N"), 2: Value(5, 3, struct.pack(f"{order}6I", 52, 1, 31, 1, 7, 1))},
    }
    return write_block(tags, order)


def content(file_format: str, pixels: np.ndarray) -> bytes:
    """A file of this format with everything that it can hold."""
    image, options = Image.fromarray(pixels), {"exif": exif()}
    if file_format == "JPEG":
        parts = [(0xED, b"Photoshop 3.0\0" + RESOURCES), (0xFE, "Zürich, 1946".encode())]
        extra = b"".join(segment(*part) for part in parts)
        return encode(image, "JPEG", quality=95, dpi=(240, 240), xmp=XMP, extra=extra, **options)
    if file_format == "PNG":
        info = PngInfo()
        info.add_text("Author", "Müller")
        info.add_itxt("Title", "Großmutter, 日本", "de", "Titel")
        info.add(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP)
        return encode(image, "PNG", pnginfo=info, dpi=(240, 240), **options)
    if file_format == "WEBP":
        return encode(image, "WEBP", quality=95, xmp=XMP, **options)
    tags = Image.Exif()
    tags[700], tags[33723], tags[CAMERA] = XMP, RECORD, "Camera"
    return encode(image, "TIFF", exif=tags, dpi=(240, 240))


def saved(photo: Photo, path: Path) -> Path:
    return save_photo(to_pil(photo, photo.pixels), path, model="dense")


def xmp_of(image: Image.Image) -> bytes | None:
    packet = image.info.get("xmp") or getattr(image, "tag_v2", {}).get(700)
    return packet.encode() if isinstance(packet, str) else packet


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_every_format_passes_on_what_any_other_holds(pixels, tmp_path, source, target):
    photo = read_photo(content(source, pixels))
    assert not photo.notes
    path = saved(photo, tmp_path / f"colored.{FORMATS[target]}")
    with Image.open(path) as image:
        assert xmp_of(image) == UPRIGHT_XMP
        if source != "WEBP":
            assert tuple(
                round(float(number)) for number in image.info.get("dpi") or (image.getexif()[282], image.getexif()[283])
            ) == (240, 240)
        tags = image.getexif()
        assert tags[CAMERA] == "Camera"
        if source != "TIFF":
            assert tags.get_ifd(EXIF)[EXPOSED] == "1946:05:01 12:00:00"
            assert tags.get_ifd(GPS)[2] == (52, 31, 7)
        assert "by dense (colorizer)" in tags[270]
    whole = path.read_bytes()
    again = read_photo(path)
    assert not again.notes
    if source in ("JPEG", "TIFF"):
        assert again.metadata.iptc == RECORD
        assert RECORD in whole
        assert b"gray" not in whole  # the preview among the resources
    if source == "JPEG":
        assert any("Zürich, 1946".encode(encoding) in whole for encoding in ("utf-8", "latin-1"))
    if source == "PNG":
        for word in ("Müller", "Großmutter, 日本"):
            assert word.encode() in whole or word.encode("latin-1", "ignore") in whole
    # Coloring the result again adds nothing.
    third = saved(again, tmp_path / f"again.{FORMATS[target]}").read_bytes()
    assert third.count(b"by dense (colorizer)") == whole.count(b"by dense (colorizer)")
    assert third.count(RECORD) == whole.count(RECORD)
    assert third.count("Zürich".encode()) == whole.count("Zürich".encode())


def test_a_tiff_in_pixels_per_centimeter_has_a_resolution(pixels):
    tags = {282: 100, 283: 100, 296: 3}
    assert read_photo(encode(pixels, "TIFF", tiffinfo=tags)).metadata.density.dpi == (254, 254)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", NAMES)
def test_text_in_any_encoding_stays_as_it_is(pixels, tmp_path, target, order, name):
    photo = read_photo(encode(pixels, "JPEG", exif=exif(order, name)))
    path = saved(photo, tmp_path / f"a.{FORMATS[target]}")
    assert name + b"\0" in path.read_bytes()
    assert name + b"\0" in saved(read_photo(path), tmp_path / "b.tif").read_bytes()


@pytest.mark.parametrize("target", ["JPEG", "PNG", "WEBP"])
def test_all_else_in_an_exif_block_keeps_its_place(pixels, tmp_path, target):
    block = exif(orientation=6)
    path = saved(read_photo(encode(pixels, "JPEG", exif=block)), tmp_path / f"a.{FORMATS[target]}")
    with Image.open(path) as image:
        kept = image.info["exif"].removeprefix(b"Exif\0\0")
        assert image.getexif()[274] == 1
    block = block.removeprefix(b"Exif\0\0")
    changed = [place for place in range(len(block)) if kept[place] != block[place]]
    # The place of the first directory, and the orientation.
    assert set(changed) <= {4, 5, 6, 7, changed[-1]}
    assert b"maker's note" in kept
    assert kept.index(b"maker's note") == block.index(b"maker's note")


def test_a_preview_of_the_gray_photo_is_left_out(pixels, tmp_path):
    preview = encode(pixels, "JPEG")
    block = bytearray(exif().removeprefix(b"Exif\0\0"))
    number = struct.unpack_from("<H", block, 8)[0]
    directory = exif_blocks.write_directory(
        {PREVIEW: Value(4, 1, bytes(4)), PREVIEW_SIZE: Value(4, 1, bytes(4))}, "<", 0
    )
    struct.pack_into("<I", block, 10 + 12 * number, len(block))
    start = len(block) + len(directory)
    block += directory + preview
    struct.pack_into("<I", block, start - len(directory) + 10, start)
    struct.pack_into("<I", block, start - len(directory) + 22, len(preview))
    source = encode(pixels, "JPEG", exif=b"Exif\0\0" + bytes(block))
    with Image.open(io.BytesIO(source)) as image:
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1)[PREVIEW_SIZE] == len(preview)
    path = saved(read_photo(source), tmp_path / "a.jpg")
    with Image.open(path) as image:
        assert not image.getexif().get_ifd(ExifTags.IFD.IFD1)
        assert preview not in image.info["exif"]
        assert image.getexif()[CAMERA] == "Camera"


@pytest.mark.parametrize("file_format", ["BMP", "JPEG", "PNG", "TIFF"])
def test_the_resolution_of_a_scan_is_kept(pixels, tmp_path, file_format):
    photo = read_photo(encode(pixels, file_format, dpi=(600, 300)))
    for ending in ("jpg", "png", "tif", "webp"):
        with Image.open(saved(photo, tmp_path / f"a.{ending}")) as image:
            found = image.info["dpi"] if ending != "webp" else (image.getexif()[282], image.getexif()[283])
            assert np.allclose([float(number) for number in found], (600, 300), atol=0.1)


def test_a_big_tiff_passes_on_its_tags(pixels, tmp_path):
    photo = read_photo(encode(pixels, "TIFF", exif=exif(), big_tiff=True))
    assert not photo.notes
    for ending in FORMATS.values():
        with Image.open(saved(photo, tmp_path / f"a.{ending}")) as image:
            assert image.getexif().get_ifd(EXIF)[EXPOSED] == "1946:05:01 12:00:00"
            assert image.size == (60, 40)


def test_the_file_keeps_its_date(pixels, tmp_path):
    source = tmp_path / "old.png"
    source.write_bytes(encode(pixels))
    os.utime(source, (1e9, 1e9))
    assert saved(read_photo(source), tmp_path / "new.png").stat().st_mtime == 1e9


def test_what_imagemagick_writes_into_a_png_is_understood(pixels, tmp_path):
    def raw(name: str, body: bytes) -> bytes:
        return chunk(b"tEXt", f"Raw profile type {name}\0\n{name}\n{len(body):8}\n{body.hex()}\n".encode())

    chunks = raw("iptc", RESOURCES) + raw("exif", exif()) + raw("xmp", XMP)
    photo = read_photo(insert(encode(pixels), chunks, encode(pixels)[33:41]))
    assert photo.metadata.xmp == UPRIGHT_XMP
    assert photo.metadata.iptc == RECORD
    assert read_block(photo.exif)[ARTIST].content == NAMES[0] + b"\0"
    assert not photo.metadata.texts
    with Image.open(saved(photo, tmp_path / "a.jpg")) as image:
        assert IptcImagePlugin.getiptcinfo(image)[2, 80] == "Müller".encode()


def test_a_jpeg_takes_long_metadata_in_parts(pixels, tmp_path):
    extension = b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000)
    resources = RESOURCES + b"8BIM\x04\x25\0\0" + struct.pack(">I", 150_000) + bytes(150_000)
    parts = [(0xE1, extension), (0xE1, extension)]
    parts += [(0xED, b"Photoshop 3.0\0" + resources[k : k + 60_000]) for k in range(0, len(resources), 60_000)]
    extra = b"".join(segment(*part) for part in parts)
    photo = read_photo(encode(pixels, "JPEG", xmp=XMP, extra=extra))
    assert not photo.notes
    again = read_photo(saved(photo, tmp_path / "a.jpg"))
    assert again.metadata.photoshop == photo.metadata.photoshop
    assert again.metadata.extended_xmp == (extension, extension)
    assert len(again.metadata.photoshop) > 150_000


def damaged_exif() -> dict[str, bytes]:
    whole = exif()
    loop = bytearray(whole)
    place = loop.index(struct.pack("<HHI", EXIF, 4, 1)) + 8
    loop[place : place + 4] = struct.pack("<I", 8)
    return {
        "none": b"Exif\0\0",
        "text": b"Exif\0\0not a block at all",
        "header": whole[:12],
        "cut directory": whole[:40],
        "no directory": whole[:10] + b"\xff" * 4,
        "too many tags": whole[:14] + b"\x88\x13" + bytes(60_000),
        "loop": bytes(loop),
        "half": whole[: len(whole) // 2],
    }


@pytest.mark.parametrize("name", damaged_exif())
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_is_left_out_and_said(pixels, tmp_path, name, file_format):
    block = damaged_exif()[name]
    photo = read_photo(encode(pixels, file_format, exif=block))
    assert any("EXIF" in note for note in photo.notes) or name in ("none", "loop")
    for ending in FORMATS.values():
        with Image.open(saved(photo, tmp_path / f"a.{ending}")) as saved_image:
            assert "by dense" in saved_image.getexif()[270]
    saved(Photo(pixels, exif=damaged_exif()[name]), tmp_path / "b.jpg")


def test_other_metadata_that_is_damaged_or_too_large_is_left_out_and_said(pixels, tmp_path):
    cut = b"8BIM\x04\x04\0\0" + struct.pack(">I", 1000) + b"short"
    extra = segment(0xED, b"Photoshop 3.0\0" + cut) + segment(0xFE, bytes(60_000)) * 20
    photo = read_photo(encode(pixels, "JPEG", extra=extra, xmp=b"no packet"))
    assert {note.split()[1] for note in photo.notes} == {"IPTC", "XMP", "comment"}
    assert (photo.metadata.photoshop, photo.metadata.xmp, photo.metadata.comments) == (None, None, ())
    raw = chunk(b"tEXt", b"Raw profile type iptc\0\niptc\n 5\nzz\n")
    assert "IPTC" in read_photo(insert(encode(pixels), raw, encode(pixels)[33:41])).notes[0]
    far = insert(encode(pixels), chunk(b"pHYs", b"\xff" * 8 + b"\1"), encode(pixels)[33:41])
    photo = read_photo(far)
    assert photo.metadata.density is None
    saved(photo, tmp_path / "a.jpg")
