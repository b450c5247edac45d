"""Space on the disk for what visitors send and get: all their files are bounded, and the oldest go first. No Gradio here."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

from colorizer.errors import ColorizerError

MAX_BYTES = 16 * 2**30
"""Bytes of all files of visitors together."""
MIN_FREE = 2**30
"""Bytes of the disk that are left for everything else."""
MIN_AGE = 900
"""Seconds for which a file is taken to be in use since it was written or read."""
_PAUSE = 5.0  # seconds between two looks at all files
# Gradio's folders are called by the files' SHA-256, its unfinished uploads tmp…; other files may be anyone's.
_OF_VISITORS = re.compile(r"[0-9a-f]{64}|visitors|deep_links|tmp[a-z0-9_]{8}")
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


SPACE = DiskSpace()
"""Space for the files of all visitors of this process."""


def _files(folder: Path) -> Iterator[tuple[float, int, str]]:
    """Yield the time of last use, the size and the path of each file of visitors."""
    waiting = [entry for entry in os.scandir(folder) if _OF_VISITORS.fullmatch(entry.name)]
    while waiting:
        entry = waiting.pop()
        # Others delete files at the same time.
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                waiting.extend(os.scandir(entry))
            else:
                status = entry.stat(follow_symlinks=False)
                yield max(status.st_ctime, status.st_atime), status.st_size, entry.path
