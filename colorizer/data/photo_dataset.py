"""Usable photos of a dataset: decoded once and stored as uint8, or decoded on the fly."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from datasets import IterableDataset
from datasets.distributed import split_dataset_by_node
from torch import Tensor

from colorizer.data.decoded_store import Decoded
from colorizer.data.decoding import DatasetReport, Rejected, decode_rows
from colorizer.data.sources import Source
from colorizer.errors import DatasetError

SHUFFLE_BUFFER = 1000  # rows


class PhotoDataset:
    """Usable photos as uint8 (N, 3, S, S), S = `resolution`, in memory or memory-mapped, with their labels.

    Attributes:
        in_memory: the photos as a tensor if they are cached in memory, else None.
        labels: int64 (N,), -1 where a photo has none.
        classes: names of the labels; empty if the dataset has no labels.
        report: number of photos kept, and which were left out and why.
    """

    def __init__(self, decoded: Decoded, *, cache_in_memory: bool = False, members: Tensor | None = None) -> None:
        self._decoded = decoded
        self._members = torch.arange(len(decoded.labels)) if members is None else members
        self.in_memory = torch.from_numpy(decoded.pixels[self._members.numpy()]) if cache_in_memory else None
        self.labels = torch.from_numpy(decoded.labels)[self._members]
        self.classes = list(decoded.classes)
        self.report = replace(decoded.report, kept=len(self._members))
        self.resolution = decoded.pixels.shape[-1]

    def __len__(self) -> int:
        return len(self._members)

    def batch(self, indices: Tensor | Sequence[int]) -> dict[str, Tensor]:
        """Return {"rgb": uint8 (B, 3, S, S), "label": int64 (B,)} of the photos at `indices`."""
        indices = torch.as_tensor(indices, dtype=torch.int64)
        if self.in_memory is None:
            rgb = torch.from_numpy(self._decoded.pixels[self._members[indices].numpy()])
        else:
            rgb = self.in_memory.index_select(0, indices)
        return {"rgb": rgb, "label": self.labels[indices]}

    def split_off(self, num_photos: int, *, seed: int = 0) -> tuple["PhotoDataset", "PhotoDataset"]:
        """Split into two datasets: all but `num_photos` of the photos, and these, chosen at random by the seed.

        Raises:
            DatasetError: the dataset does not have more than `num_photos` photos.
        """
        if not 0 < num_photos < len(self):
            raise DatasetError(f"can't hold out {num_photos} of {len(self)} photos: give more photos or hold out fewer")
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        rest, held_out = (self._members[part.sort().values] for part in (order[num_photos:], order[:num_photos]))
        is_cached = self.in_memory is not None
        return (
            PhotoDataset(self._decoded, cache_in_memory=is_cached, members=rest),
            PhotoDataset(self._decoded, cache_in_memory=is_cached, members=held_out),
        )


class PhotoStream:
    """Usable photos of a source that is too large to store, decoded on the fly; it has no length.

    Attributes:
        classes: names of the labels if the dataset declares them or the caller gave them, else empty.
        report: photos kept and left out so far, in this process.
    """

    def __init__(
        self,
        source: Source,
        *,
        resolution: int,
        classes: Sequence[str] | None = None,
        min_colorfulness: float = 0.0,
        shuffle_buffer: int = SHUFFLE_BUFFER,
        num_workers: int = 0,
    ) -> None:
        if not isinstance(source.rows, IterableDataset):
            raise DatasetError(f"{source.name!r} was not opened as a stream")
        self.resolution = resolution
        self.classes = list(classes or source.classes or ())
        self.report = DatasetReport()
        if source.label_column and not self.classes:
            self.report.notes.append("labels not used: a streamed dataset must declare their names (ClassLabel)")
        self._source = source
        self._decoding = {"min_colorfulness": min_colorfulness, "num_workers": num_workers}
        self._shuffle_buffer = shuffle_buffer

    def iterate(
        self, *, seed: int, epoch: int, shuffle: bool, process_index: int = 0, num_processes: int = 1
    ) -> Iterator[tuple[np.ndarray, int]]:
        """Yield one process's photos, uint8 (3, S, S), with their label numbers, once through the source.

        Files are distributed over the processes if their number divides evenly; else every process reads all and keeps its
        share. `shuffle` mixes the files and a buffer of rows in an order set by the seed and epoch.
        """
        rows = self._source.rows
        if shuffle:
            rows = rows.shuffle(seed=seed, buffer_size=self._shuffle_buffer)
            rows.set_epoch(epoch)
        if num_processes > 1:
            rows = split_dataset_by_node(rows, process_index, num_processes)
        kept = self.report.kept
        for name, pixels, label in decode_rows(replace(self._source, rows=rows), self.resolution, **self._decoding):
            if isinstance(pixels, Rejected):
                self.report.reject(name, pixels)
                continue
            self.report.kept += 1
            yield pixels, self._label_number(label)
        if self.report.kept == kept:
            raise DatasetError(f"no usable photo in {self._source.name!r} for process {process_index}: {self.report}")

    def _label_number(self, label: int | str | None) -> int:
        if label is None or not self.classes:
            return -1
        declared = self._source.classes
        name = declared[label] if declared and isinstance(label, int) and label >= 0 else str(label)
        return self.classes.index(name) if name in self.classes else -1


def spread(count: int, num_photos: int) -> list[int]:
    """Return `count` indices spread evenly over a dataset, all if it has no more: the same for every model and run.

    They represent the dataset where measuring all photos would take too long.
    """
    count = min(count, num_photos)
    return [place * num_photos // count for place in range(count)]
