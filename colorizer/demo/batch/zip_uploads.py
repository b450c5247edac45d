"""Read photos from uploaded files and ZIPs, within limits. Nothing is unpacked to disk.

ZIPs are not trusted: paths that lead outside are rejected, and sizes are checked.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from colorizer.demo.batch.zip_names import MAX_NAME, readable_names
from colorizer.errors import ColorizerError, PhotoError, quote
from colorizer.photos.files.reading import read_photo
from colorizer.photos.photo import Photo

# Limits per visitor, since many share the machine.
MAX_PHOTOS = 200
MAX_BYTES = 400 * 1024**2
MAX_PHOTO_BYTES = 64 * 1024**2

# Maximum number of entries, and bytes of their directory, which is read as a whole: 40 MB hold nearly a million entries.
_MAX_ENTRIES = 5000
_MAX_DIRECTORY = 4 * 2**20
_ENTRY_SIGNATURE = b"PK\x01\x02"
_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
# Python unpacks other methods without a size limit.
_COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_IS_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Upload:
    """Uploaded photo.

    label: original name, with the folders in its ZIP. For display only: it may be unsafe as a path.
    name: relative path that is safe on any system.
    read: returns the file's bytes; None if the photo is rejected because of `problem`.
    """

    label: str
    name: PurePosixPath
    read: Callable[[], bytes] | None
    problem: str | None = None


def find_uploads(files: Sequence[Path]) -> list[Upload]:
    """Return the photos among the files and in the ZIPs. A rejected entry of a ZIP has a `problem`.

    Raises:
        ColorizerError: there are no photos, more than `MAX_PHOTOS`, more than `MAX_BYTES`, or a ZIP is damaged.
    """
    uploads: list[Upload] = []
    num_bytes = 0
    _check_count(len(files))  # before any is read: a call may name the same ZIP thousands of times
    for file in files:
        try:
            found, size = _unpack(file) if _is_zip(file) else ([_plain(file)], file.stat().st_size)
        except OSError as error:
            raise ColorizerError(f"{file.name} has expired: choose it again.") from error
        uploads += found
        num_bytes += size
        _check_count(len(uploads))
    if not uploads:
        raise ColorizerError("Choose photos first, or a ZIP of photos.")
    if num_bytes > MAX_BYTES:
        raise ColorizerError(
            f"These are {num_bytes / 1024**2:.0f} MiB of photos; the limit is {MAX_BYTES // 1024**2} MiB at a time."
        )
    return uploads


def _check_count(count: int) -> None:
    if count > MAX_PHOTOS:
        raise ColorizerError(f"These are {count} photos; the limit is {MAX_PHOTOS} at a time.")


def read_upload(upload: Upload, max_pixels: int) -> Photo:
    """Read a photo. Raises PhotoError if it is rejected, can't be read, or has more than `max_pixels` pixels."""
    if upload.read is None:
        raise PhotoError(upload.problem)
    return read_photo(upload.read(), max_pixels=max_pixels, max_bytes=MAX_PHOTO_BYTES)


def _is_zip(file: Path) -> bool:
    """Return True for a ZIP by content or by name."""
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
    """Return the photos of a ZIP, and their total size in bytes as the ZIP states it."""
    content = file.read_bytes()
    if content.count(_ENTRY_SIGNATURE) > _MAX_ENTRIES:
        raise ColorizerError(f"{file.name} has more than {_MAX_ENTRIES} files.")
    if _directory_size(content) > _MAX_DIRECTORY:
        raise ColorizerError(f"{file.name} has too long names or notes of its files: make the ZIP again without them.")
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ColorizerError(f"{file.name} is damaged: {quote(error)}.") from error
    named = [
        (entry, name) for entry, name in zip(entries, readable_names(entries), strict=True) if not _is_hidden(name)
    ]
    return [_entry_upload(file, entry, name) for entry, name in named], sum(entry.file_size for entry, _ in named)


def _directory_size(content: bytes) -> int:
    """Return the size in bytes that a ZIP states of its directory, 0 if it has none; Python reads no more."""
    end = content.rfind(b"PK\x05\x06")
    if end < 0 or len(content) < end + 16:
        return 0
    (size,) = struct.unpack_from("<I", content, end + 12)
    large = content.rfind(b"PK\x06\x06", 0, end)  # of ZIP64
    if size == 0xFFFFFFFF and large >= 0 and len(content) >= large + 48:
        (size,) = struct.unpack_from("<Q", content, large + 40)
    return size


def _entry_upload(file: Path, entry: zipfile.ZipInfo, name: str) -> Upload:
    parts = re.split(r"[/\\]", name)
    problem = _why_refused(entry, name, parts)
    read = partial(_read_entry, file, entry) if problem is None else None
    return Upload(_printable(name), PurePosixPath(*(_clean(part) for part in parts[-10:])), read, problem)


def _why_refused(entry: zipfile.ZipInfo, name: str, parts: list[str]) -> str | None:
    is_absolute = parts[0] == "" or re.match(r"[A-Za-z]:", parts[0]) is not None
    if is_absolute or ".." in parts:
        return "Its path leads outside the ZIP."
    if len(name) > MAX_NAME:
        return "Its name is too long."
    # 0 if the ZIP was made on a system without file types.
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        return "It is not a regular file, but a link or similar."
    if entry.flag_bits & _IS_ENCRYPTED:
        return "It is encrypted."
    if entry.compress_type not in _COMPRESSIONS:
        return "Its compression method is not supported: make the ZIP again with Deflate, the usual method."
    if entry.file_size > MAX_PHOTO_BYTES:
        return f"It has more than the {MAX_PHOTO_BYTES // 1024**2} MiB allowed."
    return None


def _read_entry(file: Path, entry: zipfile.ZipInfo) -> bytes:
    try:
        with zipfile.ZipFile(file) as archive, archive.open(entry) as stream:
            # Python reads no more than the stated size, and then checks the checksum.
            return stream.read(MAX_PHOTO_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise PhotoError("It can't be unpacked: the ZIP is damaged.") from error


def _is_hidden(name: str) -> bool:
    """Return True for files that the operating system added, such as __MACOSX/._photo.jpg."""
    parts = re.split(r"[/\\]", name)
    return parts[0] == "__MACOSX" or (parts[-1].startswith(".") and parts[-1] != "..") or parts[-1] == "Thumbs.db"


def _printable(name: str) -> str:
    """Return a name on one line, without backticks, which would end code in Markdown."""
    name = re.sub(r"[`\x00-\x1f\x7f]", "-", name)
    return name if len(name) <= 200 else f"{name[:200]}…"


def _clean(part: str) -> str:
    """Return a file or folder name that is valid on any system."""
    path = PurePosixPath(re.sub(r'[<>:"|?*/\\\x00-\x1f\x7f]', "-", part))
    return f"{path.stem[:120]}{path.suffix[:20]}".strip(" .") or "unnamed"
