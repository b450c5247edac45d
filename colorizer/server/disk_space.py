"""Space on the disk for what visitors send and get: all their files are bounded, and the oldest go first. No Gradio here."""

import os
import re
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from colorizer.errors import ColorizerError

MAX_BYTES = 16 * 2**30
"""Bytes of all files of visitors together."""
MIN_FREE = 2**30
"""Bytes of the disk that are left for everything else."""
MIN_AGE = 900
"""Seconds for which a file is taken to be in use since it was written or read."""
MAX_SHARE = MAX_BYTES // 4
"""Bytes that one caller sends within `MIN_AGE`, such as a class behind one address."""
_PAUSE = 5.0  # seconds between two looks at all files
# Bytes that a file counts as at least, so that the files of all visitors are so few that a look at them is quick.
_MIN_SIZE = 2**16
# Gradio's folders are called by the files' SHA-256, its unfinished uploads tmp…; other files may be anyone's.
RESULTS = "visitors"
"""Name of the folder of all results."""
_OF_VISITORS = re.compile(rf"[0-9a-f]{{64}}|{RESULTS}|deep_links|tmp[a-z0-9_]{{8}}")
_FULL = "There is no space left for files on this server: try again later."


class DiskSpace:
    """Space in a folder with files of visitors. Any number of threads may ask for it."""

    def __init__(self, *, max_bytes: int = MAX_BYTES, min_free: int = MIN_FREE, min_age: float = MIN_AGE) -> None:
        self._max_bytes, self._min_free, self._min_age = max_bytes, min_free, min_age
        self._lock = Lock()
        self._found, self._time = 0, float("-inf")

    def check(self, folder: Path, num_bytes: int = 0) -> None:
        """Delete the oldest files in `folder` until there is space for `num_bytes` more.

        Raises:
            ColorizerError: there is not enough, since the files are in use or the disk is full.
        """
        with self._lock:
            if not folder.is_dir():
                return
            is_known = time.monotonic() < self._time + _PAUSE
            if not is_known or self._is_full(folder, num_bytes):
                self._delete_oldest(folder, num_bytes)
            if self._is_full(folder, num_bytes):
                raise ColorizerError(_FULL)

    def _is_full(self, folder: Path, num_bytes: int) -> bool:
        free = shutil.disk_usage(folder).free
        return self._found + num_bytes > self._max_bytes or free < self._min_free + num_bytes

    def _delete_oldest(self, folder: Path, num_bytes: int) -> None:
        files = sorted(_files(folder))
        self._found, self._time = sum(size for _, size, _ in files), time.monotonic()
        for last_use, size, path in files:
            if last_use > time.time() - self._min_age or not self._is_full(folder, num_bytes):
                return
            with suppress(OSError):
                os.unlink(path)
                self._found -= size


@dataclass
class Share:
    """Bytes and files of an upload that have come so far."""

    num_bytes: int = 0
    num_files: int = 0


class Shares:
    """Bytes that each caller sends, as announced until they have come, and has sent of late. For one thread."""

    def __init__(self, max_bytes: int = MAX_SHARE, seconds: float = MIN_AGE) -> None:
        self._max_bytes, self._seconds = max_bytes, seconds
        self._coming: Counter[str] = Counter()
        self._sent: deque[tuple[float, str, int]] = deque()
        self._num_sent: Counter[str] = Counter()

    @contextmanager
    def take(self, caller: str, num_bytes: int) -> Iterator[Share]:
        """Hold a share of `num_bytes` for the block, and then of what it has noted as come.

        Raises:
            ColorizerError: the caller has too many.
        """
        self._forget_old()
        if num_bytes + self._coming[caller] + self._num_sent[caller] > self._max_bytes:
            raise ColorizerError("You have sent a lot of files: wait some minutes, then send more.")
        self._coming[caller] += num_bytes
        share = Share()
        try:
            yield share
        finally:
            self._coming -= Counter({caller: num_bytes})
            num_sent = max(share.num_bytes, share.num_files * _MIN_SIZE)
            self._sent.append((time.monotonic(), caller, num_sent))
            self._num_sent[caller] += num_sent

    @property
    def num_coming(self) -> int:
        """Bytes that are announced, of all callers."""
        return self._coming.total()

    def _forget_old(self) -> None:
        deadline = time.monotonic() - self._seconds
        while self._sent and self._sent[0][0] <= deadline:
            _, caller, num_bytes = self._sent.popleft()
            self._num_sent -= Counter({caller: num_bytes})


SPACE = DiskSpace()
"""Space for the files of all visitors of this process."""


def _files(folder: Path) -> Iterator[tuple[float, int, str]]:
    """Yield the time of last use, the size and the path of each file of visitors."""
    waiting = _of_visitors(folder)
    while waiting:
        entry = waiting.pop()
        # Others delete files at the same time.
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                waiting.extend(os.scandir(entry))
            else:
                status = entry.stat(follow_symlinks=False)
                yield max(status.st_ctime, status.st_atime), max(status.st_size, _MIN_SIZE), entry.path


def _of_visitors(folder: Path) -> list[os.DirEntry]:
    """Return the files and folders of visitors that lie directly in `folder`."""
    return [entry for entry in os.scandir(folder) if _OF_VISITORS.fullmatch(entry.name)]


def is_of_visitors(folder: Path, path: str | Path) -> bool:
    """Return whether `path` is among what visitors sent or got, rather than the app's own files in `folder`."""
    path = Path(os.path.normpath(path))
    return folder in path.parents and _OF_VISITORS.fullmatch(path.relative_to(folder).parts[0]) is not None


def delete_old(folder: Path, age: float) -> None:
    """Delete what visitors sent more than `age` seconds ago, results that are twice as old, and folders left empty."""
    deadline = time.time() - age
    delete_old_folders(folder / RESULTS, deadline - age)
    for entry in _of_visitors(folder) if folder.is_dir() else ():
        if entry.name == RESULTS:
            continue
        is_folder = entry.is_dir(follow_symlinks=False)
        for parent, names, files in os.walk(entry.path, topdown=False) if is_folder else ():
            _delete_if_old([os.path.join(parent, name) for name in files], os.unlink, deadline)
            _delete_if_old([os.path.join(parent, name) for name in names], os.rmdir, deadline)
        _delete_if_old([entry.path], os.rmdir if is_folder else os.unlink, deadline)


def _delete_if_old(paths: list[str], delete: Callable[[str], None], deadline: float) -> None:
    for path in paths:
        # Others delete files at the same time, and a folder that isn't empty stays.
        with suppress(OSError):
            if os.lstat(path).st_ctime < deadline:
                delete(path)


def delete_old_folders(parent: Path, deadline: float) -> None:
    """Delete the folders in `parent` that were last written to before `deadline` (seconds, as in `time.time`)."""
    for folder in parent.iterdir() if parent.is_dir() else ():
        # Another visitor's request may delete it at the same time.
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < deadline:
                shutil.rmtree(folder, ignore_errors=True)
