import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from colorizer.demo.batch.zip_names import readable_names
from colorizer.demo.batch.zip_uploads import find_uploads

NAMES = {
    "utf-8": ["写真.jpg", "Fête à Noël.jpg", "Фото 1911.jpg", "旅行/東京タワー.jpg", "한국.jpg"],
    "cp932": ["写真.jpg", "旅行/東京タワー.jpg", "表紙.tif", "ソニー.jpg", "ﾃｽﾄ.jpg", "京都・清水寺.jpg"],
    "cp866": [
        "Фото 1911.jpg",
        "бабушка.jpg",
        "Москва/Кремль.png",
        "ДЕД.jpg",
        "Дача №3.jpg",
        "ёлка.jpg",
        "мама и папа.jpg",
    ],
    "cp1252": [
        "Fête à Noël.jpg",
        "Straße.png",
        "Málaga.jpg",
        "Größe – alt.jpg",
        "Ærø.jpg",
        "São Paulo.jpg",
        "ÅNGSTRÖM.jpg",
    ],
    "cp850": ["São Paulo.jpg", "Mädchen.jpg", "Århus.jpg", "sjø.jpg"],
    "cp437": ["Köln.jpg", "été.jpg", "Größe.jpg", "garçon.jpg", "señora.jpg"],
}


def names_in(path: Path) -> list[str]:
    return [upload.label for upload in find_uploads([path])]


def write(path: Path, raw_names: list[bytes], extra: bytes = b"") -> Path:
    """A ZIP whose entries have these bytes as names, without the flag of UTF-8."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(raw_names):
            entry = zipfile.ZipInfo(f"{number:03}".rjust(len(name), "x"))
            entry.extra = extra
            archive.writestr(entry, b"")
    content = path.read_bytes()
    for number, name in enumerate(raw_names):
        content = content.replace(f"{number:03}".rjust(len(name), "x").encode(), name)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("encoding", "name"), [(encoding, name) for encoding in NAMES for name in NAMES[encoding]])
def test_one_name_tells_its_encoding(tmp_path: Path, encoding: str, name: str):
    assert names_in(write(tmp_path / "album.zip", [name.encode(encoding)])) == [name]


@pytest.mark.parametrize("encoding", NAMES)
def test_all_names_are_read_alike(tmp_path: Path, encoding: str):
    names = [*NAMES[encoding], {"cp932": "母.jpg", "cp866": "я.jpg"}.get(encoding, "a.jpg")]
    assert names_in(write(tmp_path / "album.zip", [name.encode(encoding) for name in names])) == names


def test_a_stated_name_counts(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "flag.zip", "w") as archive:
        archive.writestr("Žižkov 写真.jpg", b"")
    assert names_in(tmp_path / "flag.zip") == ["Žižkov 写真.jpg"]
    raw, stated = b"Zizkov.jpg", "Žižkov.jpg".encode()
    for checked, expected in ((raw, "Žižkov.jpg"), (b"renamed", "Zizkov.jpg")):
        field = b"\x01" + struct.pack("<I", zlib.crc32(checked)) + stated
        extra = struct.pack("<HH", 0x7075, len(field)) + field
        assert names_in(write(tmp_path / "field.zip", [raw], extra)) == [expected]


def test_what_is_outside_or_hidden_is_told_by_the_readable_name(tmp_path: Path):
    path = write(tmp_path / "album.zip", ["../写真.jpg".encode(), "__MACOSX/._写真.jpg".encode()])
    (upload,) = find_uploads([path])
    assert upload.problem == "Its path leads outside the ZIP."


def test_a_long_name_tells_nothing_of_the_encoding(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "colorizer.demo.batch.zip_names._oddity", lambda text: pytest.fail(f"{len(text)} are looked at")
    )
    entry = zipfile.ZipInfo()
    entry.orig_filename = bytes(range(0x80, 0x100)).decode("cp437") * 500
    assert len(readable_names([entry])[0]) == 64_000
