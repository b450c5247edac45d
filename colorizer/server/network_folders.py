"""Folders for networks of the Hub that visitors name: bounded, and the least recently used goes first. No Gradio here."""

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from huggingface_hub import constants

from colorizer.atomic_write import lock_folder, make_folder
from colorizer.errors import ColorizerError
from colorizer.hub.download import MAX_BYTES as MAX_CHECKPOINT_BYTES
from colorizer.server.disk_space import MIN_FREE

MAX_BYTES = 24 * 2**30
"""Bytes of all networks that visitors have named, together."""
MAX_NETWORKS = 100
COMING = 2 * MAX_CHECKPOINT_BYTES
"""Bytes that a network may take while it is loaded: its own, and those of published weights that it leaves to the Hub."""


class NetworkFolders:
    """Folder with a folder per network, each a cache of the Hub's client. Threads and processes may share it."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(constants.HF_HOME) / "colorizer" / "visitors"
        self._in_use: Counter[Path] = Counter()
        self._lock = Lock()

    @contextmanager
    def use(self, name: str) -> Iterator[Path]:
        """Yield the folder of a network, to load it from. It isn't removed within the block, and is if the block raises.

        Raises:
            ColorizerError: there is no space for it beside others that are being loaded.
        """
        folder = self.folder / hashlib.sha256(name.encode()).hexdigest()
        with self._lock:
            self._make_room(folder)
            make_folder(folder)
            self._in_use[folder] += 1
        try:
            with lock_folder(folder, shared=True):
                os.utime(folder)
                yield folder
        except BaseException:
            with self._lock:
                if self._in_use[folder] == 1:
                    _remove(folder)
            raise
        finally:
            with self._lock:
                self._in_use -= Counter([folder])

    def _make_room(self, wanted: Path) -> None:
        make_folder(self.folder)
        in_use = {*self._in_use, wanted}
        idle = sorted((_last_use(path), path) for path in self.folder.iterdir() if path not in in_use)
        sizes = {path: _num_bytes(path) for _, path in idle}
        num_bytes = len(in_use) * COMING + sum(sizes.values())
        while num_bytes > MAX_BYTES or len(in_use) + len(idle) > MAX_NETWORKS or self._has_full_disk():
            if not idle:
                raise ColorizerError("There is no space left for networks on this server: try again later.")
            _, oldest = idle.pop(0)
            if _remove(oldest):
                num_bytes -= sizes[oldest]

    def _has_full_disk(self) -> bool:
        return shutil.disk_usage(self.folder).free < MIN_FREE


def _remove(folder: Path) -> bool:
    """Remove a folder unless another process uses it; return whether it is gone."""
    with suppress(OSError), lock_folder(folder, wait=False):
        shutil.rmtree(folder)
    return not folder.exists()


def _last_use(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:  # another process has removed it
        return 0.0


def _num_bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
