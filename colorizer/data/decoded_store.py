"""Decoded photos on disk: a folder with photos.npy (uint8, N × 3 × S × S, memory-mapped) and index.json.

The folder is renamed to its final name when complete, so a folder with that name is complete. Processes that need the same
folder take turns at a lock, and all but the first find it there.
"""

import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from colorizer.approaches.base.checkpoint_files import read_json
from colorizer.atomic_write import put_in_place, temporary
from colorizer.data.decoding import DatasetReport
from colorizer.errors import DatasetError

# Photos checked whenever a store is opened; reading all of a large one would take as long as an epoch.
NUM_CHECKED = 64
MAX_INDEX_BYTES = 2**30


@dataclass(frozen=True)
class Decoded:
    """All usable photos of a source: uint8 (N, 3, S, S), int64 labels (N,) with -1 for none, and a report of the others."""

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    report: DatasetReport


class StoreWriter:
    """Writer of a store, photo by photo; `finish` completes it, `close` drops an unfinished one.

    The caller holds the lock of `folder`. Every method raises DatasetError if the disk can't take the photos.
    """

    def __init__(self, folder: Path, resolution: int) -> None:
        self.folder = folder
        self.shape = (3, resolution, resolution)
        self.checksums: list[int] = []
        self.resources = ExitStack()
        with _writing(folder):
            self.part = self.resources.enter_context(temporary(folder, is_folder=True))
            self.file = (self.part / "photos.npy").open("wb")
            self._write_header()

    def add(self, pixels: np.ndarray) -> None:
        with _writing(self.folder):
            self.file.write(pixels.data)
        self.checksums.append(zlib.crc32(pixels))

    def finish(self, labels: list[int], classes: tuple[str, ...], report: DatasetReport) -> None:
        index = {"labels": labels, "classes": classes, "report": asdict(report), "checksums": self.checksums}
        with _writing(self.folder):
            self.file.seek(0)
            self._write_header()
            self.file.close()
            (self.part / "index.json").write_text(json.dumps(index), encoding="utf-8")
            put_in_place(self.part, self.folder)

    def close(self) -> None:
        # Closing flushes the buffer, and fails again if the disk was full.
        with suppress(OSError):
            self.file.close()
        self.resources.close()

    def _write_header(self) -> None:
        # NumPy pads headers so that the first axis may grow without moving the data.
        shape = (len(self.checksums), *self.shape)
        np.lib.format.write_array_header_1_0(self.file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def read_store(folder: Path, *, check_all: bool = False) -> Decoded | None:
    """Read the store in `folder`; return None if it is missing or damaged."""
    try:
        index = read_json(folder / "index.json", max_bytes=MAX_INDEX_BYTES)
        pixels = np.load(folder / "photos.npy", mmap_mode="r")
        labels, checksums = np.asarray(index["labels"], dtype=np.int64), index["checksums"]
        is_whole = len(pixels) == len(labels) == len(checksums) and pixels.dtype == np.uint8
        checked = range(len(pixels)) if check_all else _spread(len(pixels))
        if not is_whole or any(zlib.crc32(pixels[i]) != checksums[i] for i in checked):
            return None
        return Decoded(pixels, labels, tuple(index["classes"]), DatasetReport(**index["report"]))
    except (OSError, ValueError, LookupError, TypeError, EOFError, OverflowError):
        return None


def _spread(count: int) -> Iterator[int]:
    return iter(sorted({round(i) for i in np.linspace(0, count - 1, min(count, NUM_CHECKED))}))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock for building `folder`, one process at a time.

    Raises:
        DatasetError: the parent folder can't be written.
    """
    lock = FileLock(f"{folder}.lock")
    with _writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatasetError(
            f"can't cache decoded photos in {str(folder.parent)!r} ({error.strerror or error}): "
            "choose another cache_dir, a lower resolution or fewer photos, or stream the dataset"
        ) from error
