"""A dataset's usable photos, decoded once and kept as uint8."""

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import datasets
import numpy as np
import torch
from PIL import __version__ as pillow_version
from torch import Tensor

from colorizer.data.decoding import DatasetReport, Rejected, decode
from colorizer.data.sources import Source, open_source, reading
from colorizer.data.store import Decoded, StoreWriter, locked, read_store, unwritable
from colorizer.errors import DatasetError

# Raised whenever decoding gives other pixels or keeps other photos, so that stores of before are not taken for new ones.
STORE_VERSION = 1


class PhotoDataset:
    """Usable photos as uint8 (N, 3, S, S), S = `resolution`, in memory or memory-mapped, with their labels.

    Attributes:
        in_memory: the photos as a tensor if they are kept in memory, else None.
        labels: int64 (N,), -1 where a photo has none.
        classes: the labels' names; empty where the dataset has no labels.
        report: how many photos were kept, and which were left out and why.
    """

    def __init__(self, decoded: Decoded, *, cache_in_memory: bool = False) -> None:
        self._pixels = decoded.pixels
        self.in_memory = torch.from_numpy(np.array(decoded.pixels)) if cache_in_memory else None
        self.labels = torch.from_numpy(decoded.labels)
        self.classes = list(decoded.classes)
        self.report = decoded.report
        self.resolution = decoded.pixels.shape[-1]

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: Tensor | Sequence[int]) -> dict[str, Tensor]:
        """{"rgb": uint8 (B, 3, S, S), "label": int64 (B,)} of the photos at `indices`."""
        indices = torch.as_tensor(indices, dtype=torch.int64)
        if self.in_memory is not None:
            rgb = self.in_memory[indices]
        else:
            rgb = torch.from_numpy(self._pixels[indices.numpy()])
        return {"rgb": rgb, "label": self.labels[indices]}


def load_photos(
    source: str | Path,
    *,
    split: str = "train",
    resolution: int,
    revision: str | None = None,
    cache_in_memory: bool = False,
    cache_dir: str | Path | None = None,
    max_photos: int | None = None,
    min_colorfulness: float = 0.0,
    labels: bool = True,
    image_column: str = "image",
    label_column: str = "label",
    num_workers: int = 0,
    token: str | bool | None = None,
) -> PhotoDataset:
    """Open a dataset of photos, decoding it unless an earlier run has.

    Args:
        source: a folder of photos (its subfolders' names are the labels where there are several), a parquet file or a folder
            of them, a folder written by `datasets`' save_to_disk, or a Hub dataset (user/name, or user/name:configuration).
        split: "val" and "validation" are one. Folders and parquet files have splits by name (train/…, val-0.parquet).
        resolution: side of the square kept of each photo.
        cache_in_memory: keep the photos in memory, on a GPU's if they fit; otherwise they are read by memory map.
        cache_dir: where decoded photos are kept between runs; HF_DATASETS_CACHE/colorizer unless given.
        max_photos: stop after this many usable photos.
        min_colorfulness: leave out photos below it (Hasler and Süsstrunk 2003; 15 is slightly colorful).
        num_workers: decoding threads, 0 for one a core.

    Raises:
        DatasetError: no such source, split or column, or no usable photo in it; the message says what there is.
        HubError: the Hub can't be reached.
    """
    if resolution < 8:
        raise DatasetError(f"photos need a resolution of at least 8, not {resolution}")
    if max_photos is not None and max_photos < 1:
        raise DatasetError(f"max_photos must be at least 1, not {max_photos}")
    opened = open_source(
        source,
        split=split,
        revision=revision,
        token=token,
        streaming=max_photos is not None,
        image_column=image_column,
        label_column=label_column if labels else None,
    )
    settings = [STORE_VERSION, pillow_version, opened.fingerprint, split, resolution, max_photos, min_colorfulness]
    key = hashlib.sha256(json.dumps([*settings, image_column, label_column, labels]).encode()).hexdigest()[:32]
    folder = Path(cache_dir or Path(datasets.config.HF_DATASETS_CACHE) / "colorizer").expanduser() / key
    with locked(folder):
        decoded = read_store(folder, check_all=cache_in_memory)
        if decoded is None:
            _build(opened, folder, resolution, max_photos, min_colorfulness, num_workers)
            decoded = read_store(folder)
    if decoded is None:
        raise DatasetError(
            f"decoded photos of {opened.name!r} can't be read back from {str(folder)!r}: is the disk sound?"
        )
    return PhotoDataset(decoded, cache_in_memory=cache_in_memory)


def num_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decoded_rows(
    source: Source, resolution: int, min_colorfulness: float, num_workers: int
) -> Iterator[tuple[str, np.ndarray | Rejected, int | str | None]]:
    """Name, pixels or rejection, and label of every row of `source` in order, decoded ahead in threads (Pillow releases the GIL)."""
    num_workers = num_workers or num_cores()

    def decode_row(row: dict) -> np.ndarray | Rejected:
        image = row["image"] or {}
        encoded = image.get("bytes") or image.get("path")
        if not encoded:
            return Rejected("broken", "empty")
        return decode(encoded, resolution, min_colorfulness=min_colorfulness)

    rows = iter(source.rows)
    with ThreadPoolExecutor(num_workers, thread_name_prefix="photo-decoding") as decoders:
        coming: deque = deque()
        try:
            number = 0
            while True:
                with reading(source.name):
                    for row in islice(rows, 4 * num_workers - len(coming)):
                        coming.append((row, decoders.submit(decode_row, row)))
                if not coming:
                    return
                row, pixels = coming.popleft()
                name = Path((row["image"] or {}).get("path") or f"row {number}").name
                yield name, pixels.result(), row.get("label")
                number += 1
        finally:
            decoders.shutdown(wait=True, cancel_futures=True)


def _build(
    source: Source, folder: Path, resolution: int, max_photos: int | None, min_colorfulness: float, num_workers: int
) -> None:
    report, labels = DatasetReport(), []
    try:
        writer = StoreWriter(folder, resolution)
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        for name, pixels, label in decoded_rows(source, resolution, min_colorfulness, num_workers):
            if isinstance(pixels, Rejected):
                report.reject(name, pixels)
                continue
            try:
                writer.add(pixels)
            except OSError as error:
                raise unwritable(folder, error) from error
            labels.append(label)
            report.kept += 1
            if report.kept == max_photos:
                break
        if not report.kept:
            raise DatasetError(
                f"no usable photo in {source.name!r}: {report}" if report.dropped else f"{source.name!r} is empty"
            )
        classes, numbers = number_labels(labels, source.classes)
        try:
            writer.finish(numbers, classes, report)
        except OSError as error:
            raise unwritable(folder, error) from error
    finally:
        writer.abandon()


def number_labels(labels: list[int | str | None], classes: tuple[str, ...] | None) -> tuple[tuple[str, ...], list[int]]:
    """The classes' names and each label's number, -1 for none. Labels without declared classes are numbered in sorted order."""
    if classes is not None:
        return classes, [-1 if label is None else int(label) for label in labels]
    found = sorted({label for label in labels if label is not None})
    numbers = {label: number for number, label in enumerate(found)}
    return tuple(map(str, found)), [-1 if label is None else numbers[label] for label in labels]
