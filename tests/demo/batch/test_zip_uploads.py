import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from colorizer.demo.batch import zip_uploads as uploads_module
from colorizer.demo.batch.zip_uploads import Upload, find_uploads, read_upload
from colorizer.errors import ColorizerError, PhotoError

LIMIT = 10_000


def photo_bytes(width: int = 8, file_format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, 6), (90, 120, 60)).save(stream, file_format)
    return stream.getvalue()


def make_zip(path: Path, entries: dict[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def only(path: Path) -> Upload:
    (upload,) = find_uploads([path])
    return upload


def test_files_and_zips_are_taken_together_with_their_subfolders(tmp_path: Path):
    (tmp_path / "one.png").write_bytes(photo_bytes(8))
    album = make_zip(
        tmp_path / "album.zip",
        {
            "a.png": photo_bytes(9),
            "below/": b"",
            "below/b.jpg": photo_bytes(10, "JPEG"),
            "__MACOSX/._a.png": b"noise",
            ".DS_Store": b"noise",
            "below/Thumbs.db": b"noise",
        },
    )
    found = find_uploads([tmp_path / "one.png", album])
    assert [str(upload.name) for upload in found] == ["one.png", "a.png", "below/b.jpg"]
    assert [read_upload(upload, LIMIT).size[0] for upload in found] == [8, 9, 10]


@pytest.mark.parametrize(
    "name", ["../up.png", "a/../../up.png", "/etc/up.png", "..\\up.png", "C:\\up.png", "c:up.png", "..", "a/.."]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str):
    upload = only(make_zip(tmp_path / "album.zip", {name: photo_bytes()}))
    with pytest.raises(PhotoError, match="leads outside the ZIP"):
        read_upload(upload, LIMIT)
    assert not upload.name.is_absolute()
    assert ".." not in upload.name.parts


def test_links_and_other_kinds_of_files_are_refused(tmp_path: Path):
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK):
        entry = zipfile.ZipInfo("link.png")
        entry.external_attr = (kind | 0o777) << 16
        with pytest.raises(PhotoError, match="a link"):
            read_upload(only(make_zip(tmp_path / "album.zip", {entry: b"/etc/passwd"})), LIMIT)
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    assert read_upload(only(make_zip(tmp_path / "album.zip", {entry: photo_bytes()})), LIMIT).size == (8, 6)


def test_names_are_made_such_as_any_system_takes(tmp_path: Path):
    name = 'a:b/"x"<y>|?*`.png'
    upload = only(make_zip(tmp_path / "album.zip", {name: photo_bytes()}))
    assert str(upload.name) == "a-b/-x--y----`.png"
    assert upload.label == name.replace("`", "-")
    upload = only(make_zip(tmp_path / "album.zip", {f"{'long' * 100}.png": photo_bytes()}))
    assert len(upload.name.name) == 124
    assert len(upload.label) == 201
    with pytest.raises(PhotoError, match="too long"):
        read_upload(only(make_zip(tmp_path / "album.zip", {"long/" * 200 + "a.png": photo_bytes()})), LIMIT)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads_module, "MAX_BYTES", 3 * 1024**2)
    monkeypatch.setattr(uploads_module, "MAX_PHOTO_BYTES", 1024**2)
    bomb = make_zip(tmp_path / "bomb.zip", {f"{number}.png": bytes(2**20) for number in range(4)})
    assert bomb.stat().st_size < 10_000
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *arguments: pytest.fail("it was unpacked"))
    with pytest.raises(ColorizerError, match="4 MiB of photos; the limit is 3 MiB"):
        find_uploads([bomb])


def test_one_large_file_of_a_zip_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads_module, "MAX_PHOTO_BYTES", 2**20)
    with pytest.raises(PhotoError, match="more than the 1 MiB allowed"):
        read_upload(only(make_zip(tmp_path / "large.zip", {"a.png": bytes(2**20 + 1)})), LIMIT)
    (tmp_path / "a.png").write_bytes(photo_bytes() + bytes(2**20))
    with pytest.raises(PhotoError, match="more than the 1 MiB allowed"):
        read_upload(only(tmp_path / "a.png"), LIMIT)


def test_a_file_larger_than_the_zip_says_is_not_unpacked_further(tmp_path: Path):
    path = make_zip(tmp_path / "liar.zip", {"a.png": bytes(2**20)})
    content = path.read_bytes()
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = content.index(signature) + place
        content = content[:start] + struct.pack("<I", 10) + content[start + 4 :]
    path.write_bytes(content)
    upload = only(path)
    with pytest.raises(PhotoError, match="can't be unpacked"):
        read_upload(upload, LIMIT)


def test_counts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads_module, "MAX_PHOTOS", 3)
    with pytest.raises(ColorizerError, match="These are 4 photos; the limit is 3"):
        find_uploads([make_zip(tmp_path / "album.zip", {f"{number}.png": b"" for number in range(4)})])
    monkeypatch.setattr(uploads_module, "_MAX_ENTRIES", 5)
    with pytest.raises(ColorizerError, match=r"many\.zip has more than 5"):
        find_uploads([make_zip(tmp_path / "many.zip", {f"{number}/": b"" for number in range(6)})])


def test_files_are_counted_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    album, read = make_zip(tmp_path / "a.zip", {"a.png": photo_bytes()}), []
    monkeypatch.setattr(uploads_module, "_unpack", lambda file: read.append(file) or ([], 0))
    with pytest.raises(ColorizerError, match="These are 2500 photos; the limit is 200"):
        find_uploads([album] * 2500)
    assert not read


def test_long_names_and_notes_take_no_time(tmp_path: Path):
    for kind in ("name", "extra", "comment"):
        entries = [zipfile.ZipInfo(f"{number}.jpg") for number in range(100)]
        for entry in entries:
            if kind == "name":
                entry.filename += "\u0436" * 30_000
            else:
                setattr(entry, kind, struct.pack("<HH", 0x9999, 0) * 16_000)
        file = make_zip(tmp_path / f"{kind}.zip", dict.fromkeys(entries, b""))
        with pytest.raises(ColorizerError, match=rf"{kind}\.zip has too long names or notes"):
            find_uploads([file])


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_the_usual_compression_is_unpacked(tmp_path: Path, compression: int):
    upload = only(make_zip(tmp_path / "album.zip", {"a.png": photo_bytes()}, compression))
    with pytest.raises(PhotoError, match="Deflate"):
        read_upload(upload, LIMIT)


def test_what_is_broken_is_said(tmp_path: Path):
    whole = make_zip(tmp_path / "whole.zip", {"a.png": photo_bytes(), "b.png": photo_bytes()}, zipfile.ZIP_STORED)
    content = whole.read_bytes()
    (tmp_path / "cut.zip").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.zip").write_bytes(b"hello")
    for name in ("cut.zip", "text.zip"):
        with pytest.raises(ColorizerError, match=f"{name} is damaged"):
            find_uploads([tmp_path / name])
    place = content.index(b"IDAT") + 6
    (tmp_path / "flipped.zip").write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
    first, second = find_uploads([tmp_path / "flipped.zip"])
    with pytest.raises(PhotoError, match="can't be unpacked"):
        read_upload(first, LIMIT)
    assert read_upload(second, LIMIT).size == (8, 6)
    encrypted = bytearray(content)
    encrypted[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "encrypted.zip").write_bytes(encrypted)
    with pytest.raises(PhotoError, match="encrypted"):
        read_upload(find_uploads([tmp_path / "encrypted.zip"])[0], LIMIT)
    for nothing in ([], [make_zip(tmp_path / "empty.zip", {})]):
        with pytest.raises(ColorizerError, match="Choose photos first"):
            find_uploads(nothing)
    (tmp_path / "gone.png").write_bytes(photo_bytes())
    gone = only(tmp_path / "gone.png")
    (tmp_path / "gone.png").unlink()
    with pytest.raises(PhotoError, match="can't be opened"):
        read_upload(gone, LIMIT)
    with pytest.raises(ColorizerError, match=r"^gone\.png has expired"):
        find_uploads([tmp_path / "gone.png"])
    with pytest.raises(PhotoError, match="pixels"):
        read_upload(second, 10)
