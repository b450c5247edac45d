"""Write files and folders atomically: each appears under its name complete or not at all.

New content goes into a hidden file or folder next to its target, `.NAME.part`, is flushed to disk and then renamed. Until
then the target is unchanged, and after a failure the hidden file is removed. A killed process leaves its hidden file behind;
the next write of the same target uses the same hidden name and removes it. A lock keeps two writers of one target apart;
the system releases it when a process dies.
"""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from colorizer.errors import ColorizerError

try:
    import fcntl
except ImportError:  # Windows: no lock between two writers
    fcntl = None

# File systems allow names of 255 bytes, and a character can take four.
_MAX_CHARACTERS, _MAX_BYTES = 100, 200


def make_folder(path: str | os.PathLike) -> Path:
    """Create a folder and its parents.

    Raises:
        ColorizerError: it can't be created.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ColorizerError(f"The folder {folder} can't be made: {error}. Choose another.") from error
    return folder


@contextmanager
def write_file(path: str | os.PathLike, *, flush: bool = True) -> Iterator[BinaryIO]:
    """Open a binary stream whose content replaces the file `path` at the end of the block, unless the block raises.

    `flush=False` does not wait for the disk, for files that need not survive a power failure.

    Raises:
        OSError: the file can't be written.
    """
    with temporary(path) as part:
        with _Stream(io.FileIO(part, "w")) as stream:
            yield stream
        put_in_place(part, path, flush=flush)


@contextmanager
def write_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Create an empty folder that replaces the folder `path` at the end of the block, unless the block raises.

    Raises:
        OSError: the folder can't be written.
    """
    with temporary(path, is_folder=True) as part:
        yield part
        put_in_place(part, path)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file in UTF-8; raises OSError as `write_file` does."""
    with write_file(path) as stream:
        stream.write(text.encode())


def copy_file(source: str | os.PathLike, path: str | os.PathLike) -> None:
    """Copy a file's content; raises OSError as `write_file` does."""
    with open(source, "rb") as original, write_file(path) as copy:
        shutil.copyfileobj(original, copy)


@contextmanager
def temporary(path: str | os.PathLike, *, is_folder: bool = False) -> Iterator[Path]:
    """Create a hidden file or folder next to `path`, for `put_in_place`; if still there after the block, it is removed.

    Waits while another process or thread writes the same target.

    Raises:
        OSError: it can't be created.
    """
    part = hidden_path(path)
    descriptor = _create_locked(part, is_folder)
    try:
        for entry in part.iterdir() if is_folder else ():
            _remove(entry)
        yield part
    finally:
        if _is_open_as(descriptor, part):
            _remove(part)
        if descriptor is not None:
            os.close(descriptor)


def put_in_place(part: Path, path: str | os.PathLike, *, flush: bool = True) -> None:
    """Flush a finished file or folder to disk, then rename it to `path`, replacing an existing one.

    Raises:
        OSError: it can't be flushed or renamed.
    """
    if flush:
        for file in part.rglob("*") if part.is_dir() else [part]:
            if file.is_file():
                with file.open("r+b") as stream:
                    os.fsync(stream.fileno())
    if part.is_dir() and os.path.isdir(path):
        # A folder can't replace a non-empty one. Moving the old one away first means that it is never visible half deleted.
        with temporary(f"{os.fspath(path)}.old", is_folder=True) as old:
            os.replace(path, old / "moved")
            os.replace(part, path)
    else:
        os.replace(part, path)


def hidden_path(path: str | os.PathLike, ending: str = ".part") -> Path:
    """Return the path of the hidden file or folder in which `path` is prepared, in the same parent folder."""
    path = Path(path)
    name = os.fsencode(path.name[-_MAX_CHARACTERS:])[-_MAX_BYTES:].decode(errors="ignore")
    return path.with_name(f".{name}{ending}")


class _Stream(io.BufferedWriter):
    """File without a descriptor, so that Pillow writes through it.

    Given a descriptor, Pillow's encoders would write to it directly and ignore short writes on a full disk.
    """

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


def _create_locked(part: Path, is_folder: bool) -> int | None:
    """Create a file or folder, or take over an existing one, and return a descriptor that locks it."""
    while True:
        try:
            if is_folder:
                with suppress(FileExistsError):
                    part.mkdir()
            if fcntl is None:
                return None
            descriptor = os.open(part, os.O_RDONLY if is_folder else os.O_WRONLY | os.O_CREAT, 0o666)
        except FileNotFoundError:
            if is_folder and part.parent.is_dir():
                continue  # another writer has just renamed it
            raise
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_open_as(descriptor, part):
            return descriptor
        os.close(descriptor)  # the writer that held the lock has renamed or removed it


def _is_open_as(descriptor: int | None, part: Path) -> bool:
    try:
        return descriptor is None or os.path.samestat(os.fstat(descriptor), os.stat(part))
    except OSError:
        return False


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
