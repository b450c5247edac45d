"""Decoded photos on disk: a folder with photos.npy (uint8, N × 3 × S × S, read by memory map) and index.json.

It is renamed to its place when complete, so that a folder of the right name is a whole one; several
processes that want the same one take turns at a lock, and all but the first find it there.
"""

import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from colorizer.atomic_write import put_in_place, temporary
from colorizer.data.decoding import DatasetReport
from colorizer.errors import DatasetError

# Checked whenever a store is opened; reading all of a large one would take as long as an epoch.
NUM_CHECKED = 64


@dataclass(frozen=True)
class Decoded:
    """All usable photos of a source: uint8 (N, 3, S, S), int64 labels (N,) with -1 for none, and what was left out."""

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    report: DatasetReport


class StoreWriter:
    """Takes photos one by one; `finish` makes the store of them, `close` drops what was not finished.

    The caller holds the lock of `folder`. Every method raises DatasetError where the disk does not take the photos.
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
        # Closing writes what is buffered, and fails once more where the disk was full.
        with suppress(OSError):
            self.file.close()
        self.resources.close()

    def _write_header(self) -> None:
        # NumPy pads headers so that the first axis may grow without moving the data.
        shape = (len(self.checksums), *self.shape)
        np.lib.format.write_array_header_1_0(self.file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def read_store(folder: Path, *, check_all: bool = False) -> Decoded | None:
    """The store in `folder`, or None if there is none or it is damaged."""
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        pixels = np.load(folder / "photos.npy", mmap_mode="r")
        labels, checksums = np.asarray(index["labels"], dtype=np.int64), index["checksums"]
        is_whole = len(pixels) == len(labels) == len(checksums) and pixels.dtype == np.uint8
        checked = range(len(pixels)) if check_all else _spread(len(pixels))
        if not is_whole or any(zlib.crc32(pixels[i]) != checksums[i] for i in checked):
            return None
        return Decoded(pixels, labels, tuple(index["classes"]), DatasetReport(**index["report"]))
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def _spread(count: int) -> Iterator[int]:
    return iter(sorted({round(i) for i in np.linspace(0, count - 1, min(count, NUM_CHECKED))}))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock for building `folder`, which one process at a time can.

    Raises:
        DatasetError: nothing can be written where the folder should stand.
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
            f"can't keep decoded photos in {str(folder.parent)!r} ({error.strerror or error}): "
            "choose another cache_dir, a lower resolution or fewer photos, or stream the dataset"
        ) from error
