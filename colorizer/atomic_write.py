"""Write files and folders so that they appear under their names complete or not at all.

New content goes into a hidden file or folder next to its target, `.NAME.TOKEN.part`, is flushed to disk and then renamed. Until
then the target stays as it was, and after a failure the hidden file is removed. A writer holds a lock on what it writes, which
the system releases when the process dies: the first write into a folder removes what killed processes have left there.
"""

import errno
import io
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from colorizer.errors import ColorizerError, quote

try:
    import fcntl
except ImportError:  # Windows: no lock between two writers
    fcntl = None

# File systems allow names of 255 bytes, and a character can take four.
_MAX_CHARACTERS, _MAX_BYTES = 100, 200
_PART = re.compile(r"\..+\.[0-9a-f]{16}\.part")
_MAX_TRIES = 100  # of replacing a folder that others replace at the same time


def make_folder(path: str | os.PathLike) -> Path:
    """Create a folder and its parents.

    Raises:
        ColorizerError: it can't be created.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        raise ColorizerError(f"The folder {quote(str(folder))} can't be made: {reason}. Choose another.") from error
    return folder


def is_taken(path: str | os.PathLike) -> bool:
    """Return whether there is anything under a name.

    Raises:
        ColorizerError: no file can have this name, such as one that is too long.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ColorizerError(f"{quote(os.fspath(path))} can't be written: {reason}. Choose another name.") from error
    return True


@contextmanager
def write_file(
    path: str | os.PathLike, *, flush: bool = True, check: Callable[[], None] | None = None
) -> Iterator[BinaryIO]:
    """Open a binary stream whose content replaces the file `path` at the end of the block, unless the block raises.

    `flush=False` does not wait for the disk, for files that need not survive a power failure. `check` raises if what is there
    by then must stay. No other writer with a check replaces it in the meantime.

    Raises:
        OSError: the file can't be written.
    """
    with temporary(path) as part:
        with _Stream(io.FileIO(part, "w")) as stream:
            yield stream
        put_in_place(part, path, flush=flush, check=check)


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
    """Create a hidden file or folder next to `path`, for `put_in_place`; what the block leaves there is removed.

    Of several writers of one target each has its own, and the last one to finish wins.

    Raises:
        OSError: it can't be created.
    """
    _sweep(Path(path).absolute().parent)
    part, descriptor = _create_locked(path, is_folder)
    try:
        yield part
    finally:
        _remove(part)
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def lock_folder(folder: str | os.PathLike, *, wait: bool = True, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a folder, which the system releases when the process dies; `shared` locks allow one another.

    Nothing is locked on Windows, and on file systems without locks.

    Raises:
        BlockingIOError: another has locked it, and `wait` is False.
        OSError: the folder can't be opened.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not _lock(descriptor, wait=wait, shared=shared):
            raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK), os.fspath(folder))
        yield
    finally:
        os.close(descriptor)


def put_in_place(
    part: Path, path: str | os.PathLike, *, flush: bool = True, check: Callable[[], None] | None = None
) -> None:
    """Rename a finished file or folder to `path`, once all of it is on disk; it replaces what is there, as `write_file` does.

    Raises:
        OSError: it can't be flushed or renamed.
    """
    if flush:
        for file in part.rglob("*") if part.is_dir() else [part]:
            if file.is_file():
                with file.open("r+b") as stream:
                    os.fsync(stream.fileno())
    with lock_folder(Path(path).absolute().parent) if check else nullcontext():
        if check:
            check()
        _rename(part, path)


def _rename(part: Path, path: str | os.PathLike) -> None:
    for _ in range(_MAX_TRIES):
        try:
            os.replace(part, path)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        # No folder can be renamed to one with content. Moved away first, that never stands there half deleted.
        with temporary(f"{os.fspath(path)}.old", is_folder=True) as old, suppress(OSError):
            os.replace(path, old / "moved")
    raise FileExistsError(errno.EEXIST, "others replace it all the time", os.fspath(path))


def hidden_path(path: str | os.PathLike, ending: str) -> Path:
    """Return the path of a hidden file or folder that belongs to `path`, in the same parent folder.

    Raises:
        OSError: `path` is a folder without a name, such as "." or "/".
    """
    path = Path(path)
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    name = os.fsencode(path.name[-_MAX_CHARACTERS:])[-_MAX_BYTES:].decode(errors="ignore")
    return path.with_name(f".{name}{ending}")


class _Stream(io.BufferedWriter):
    """File without a descriptor, so that Pillow writes through it.

    Given a descriptor, Pillow's encoders would write to it directly and ignore short writes on a full disk.
    """

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


def _create_locked(path: str | os.PathLike, is_folder: bool) -> tuple[Path, int | None]:
    """Create a hidden file or folder that nobody else has, and return it with a descriptor that locks it."""
    while True:
        part = hidden_path(path, f".{secrets.token_hex(8)}.part")
        if is_folder:
            part.mkdir()
        else:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        if fcntl is None:
            return part, None
        with suppress(FileNotFoundError):
            descriptor = os.open(part, os.O_RDONLY)
            if _lock(descriptor) and part.exists():
                return part, descriptor
            os.close(descriptor)
        # Another process takes it for a leftover, before it is locked.


def _lock(descriptor: int, *, wait: bool = False, shared: bool = False) -> bool:
    """Lock a file or folder, unless another has locked it; True also where the file system has no locks."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


@lru_cache(maxsize=1024)  # the app makes a folder per visitor
def _sweep(folder: Path) -> None:
    """Remove what killed processes have left in a folder, once per process. Links are not followed."""
    if fcntl is None:
        return
    with suppress(OSError):
        for path in [Path(entry.path) for entry in os.scandir(folder) if _PART.fullmatch(entry.name)]:
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its writer lives
                    _remove(path)
                finally:
                    os.close(descriptor)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
