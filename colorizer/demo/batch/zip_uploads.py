"""Photos out of several uploaded files and ZIPs, within bounds; nothing is unpacked to disk.

What a ZIP says of itself is not trusted: names that lead elsewhere are refused, sizes are counted.
"""

import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from colorizer.errors import ColorizerError, PhotoError
from colorizer.photos.photo import Photo
from colorizer.photos.reading import read_photo

# What one visitor may ask of a machine that many share.
MAX_PHOTOS = 200
MAX_BYTES = 400 * 1024**2
MAX_PHOTO_BYTES = 64 * 1024**2

_MAX_NAME = 500
# Names in a ZIP's directory. It is read as a whole, and 40 MB hold nearly a million of them.
_MAX_ENTRIES = 5000
_ENTRY_SIGNATURE = b"PK\x01\x02"
_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
# Python unpacks the others without a bound on what comes out.
_COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_IS_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Upload:
    """A photo that was uploaded.

    label: what it was called, with the folders of its ZIP, to be shown and never to be opened.
    name: the same as any system takes it, inside a folder of ours.
    read: gives its bytes; None where it is refused because of the `problem`.
    """

    label: str
    name: PurePosixPath
    read: Callable[[], bytes] | None
    problem: str | None = None


def find_uploads(files: Sequence[Path]) -> list[Upload]:
    """The photos that the files are or, if they are ZIPs, hold; what no photo can be because of its name has a `problem`.

    Raises:
        ColorizerError: there are none, more than `MAX_PHOTOS`, more than `MAX_BYTES` of them, or a ZIP is damaged.
    """
    uploads: list[Upload] = []
    num_bytes = 0
    for file in files:
        try:
            found, size = _unpack(file) if _is_zip(file) else ([_plain(file)], file.stat().st_size)
        except OSError as error:
            raise ColorizerError(f"{file.name} is here no longer: choose it again.") from error
        uploads += found
        num_bytes += size
    if not uploads:
        raise ColorizerError("Choose photos first, or a ZIP with photos in it.")
    if len(uploads) > MAX_PHOTOS:
        raise ColorizerError(f"These are {len(uploads)} photos; {MAX_PHOTOS} at a time are allowed here.")
    if num_bytes > MAX_BYTES:
        raise ColorizerError(
            f"These are {num_bytes / 1024**2:.0f} MiB of photos; {MAX_BYTES // 1024**2} MiB at a time are allowed here."
        )
    return uploads


def read_upload(upload: Upload, max_pixels: int) -> Photo:
    """The photo; PhotoError if it is refused, can't be read, or has more pixels than `max_pixels`."""
    if upload.read is None:
        raise PhotoError(upload.problem)
    return read_photo(upload.read(), max_pixels=max_pixels, max_bytes=MAX_PHOTO_BYTES)


def _is_zip(file: Path) -> bool:
    """Whether it is one, or is called so."""
    with file.open("rb") as stream:
        return stream.read(4) in _ZIP_SIGNATURES or file.suffix.lower() == ".zip"


def _plain(file: Path) -> Upload:
    return Upload(_printable(file.name), PurePosixPath(_clean(file.name)), partial(_read_file, file))


def _read_file(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_PHOTO_BYTES + 1)
    except OSError as error:
        raise PhotoError(f"It can't be opened: {error.strerror}.") from error


def _unpack(file: Path) -> tuple[list[Upload], int]:
    """The photos of a ZIP, and how many bytes they say that they have."""
    if file.read_bytes().count(_ENTRY_SIGNATURE) > _MAX_ENTRIES:
        raise ColorizerError(f"{file.name} has more files in it than {_MAX_ENTRIES}.")
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_hidden(entry.filename)]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ColorizerError(f"{file.name} is damaged: {error}.") from error
    uploads = [_entry_upload(file, entry) for entry in entries]
    return uploads, sum(entry.file_size for entry in entries)


def _entry_upload(file: Path, entry: zipfile.ZipInfo) -> Upload:
    parts = re.split(r"[/\\]", entry.filename)
    name = PurePosixPath(*(_clean(part) for part in parts[-10:]))
    problem = _why_refused(entry, parts)
    read = partial(_read_entry, file, entry) if problem is None else None
    return Upload(_printable(entry.filename), name, read, problem)


def _why_refused(entry: zipfile.ZipInfo, parts: list[str]) -> str | None:
    is_absolute = parts[0] == "" or re.match(r"[A-Za-z]:", parts[0]) is not None
    if is_absolute or ".." in parts:
        return "Its name leads out of the ZIP."
    if len(entry.filename) > _MAX_NAME:
        return "Its name is too long."
    # 0 where the ZIP was made on a system without such kinds.
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        return "It is a link or the like, and no file."
    if entry.flag_bits & _IS_ENCRYPTED:
        return "It is encrypted."
    if entry.compress_type not in _COMPRESSIONS:
        return "It is packed in a way that is not read here: pack it again by the usual one, Deflate."
    if entry.file_size > MAX_PHOTO_BYTES:
        return f"It has more than the {MAX_PHOTO_BYTES // 1024**2} MiB allowed."
    return None


def _read_entry(file: Path, entry: zipfile.ZipInfo) -> bytes:
    try:
        with zipfile.ZipFile(file) as archive, archive.open(entry) as stream:
            # No more than it says that it has, and a checksum after that.
            return stream.read(MAX_PHOTO_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise PhotoError("It can't be unpacked: the ZIP is damaged.") from error


def _is_hidden(name: str) -> bool:
    """What a system adds that no one meant to send, such as __MACOSX/._photo.jpg."""
    parts = re.split(r"[/\\]", name)
    return parts[0] == "__MACOSX" or (parts[-1].startswith(".") and parts[-1] != "..") or parts[-1] == "Thumbs.db"


def _printable(name: str) -> str:
    """A name on one line, without the signs that would end a quotation in Markdown."""
    name = re.sub(r"[`\x00-\x1f\x7f]", "-", name)
    return name if len(name) <= 200 else f"{name[:200]}…"


def _clean(part: str) -> str:
    """A name, of a file or folder, that any system takes."""
    path = PurePosixPath(re.sub(r'[<>:"|?*/\\\x00-\x1f\x7f]', "-", part))
    return f"{path.stem[:120]}{path.suffix[:20]}".strip(" .") or "unnamed"
