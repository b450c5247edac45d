"""Batches in an order set by the seed and the epoch, independent of the number of processes and of interruptions."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice

import numpy as np
import torch
from torch import Tensor

from colorizer.data.augmentation import photo_seeds
from colorizer.data.photo_dataset import PhotoDataset, PhotoStream
from colorizer.errors import DatasetError

# A dataset in memory moves to the GPU if it takes at most this share of the GPU's free memory; the rest is for the network.
MAX_GPU_SHARE = 0.5


class PhotoBatches:
    """One process's share of every batch of `dataset`, `batch_size` photos at a time.

    The batch of step k over all P processes is photos k·B·P … (k+1)·B·P of the epoch's order; process r takes the r-th
    part. So the same global batch size gives the same photos for any number of processes, and `iterate(start=k)`
    resumes exactly where a run was interrupted.

    A PhotoStream has no such order. Shuffled, its batches never end: epochs follow each other (`is_endless`), so that no
    process waits for another that has run out. Unshuffled, they go through the stream once. They are the same for the
    same seed and number of processes, and `iterate(start=k)` rereads the photos before step k.

    Args:
        batch_size: photos per step and process.
        drop_last: drop photos that don't fill a batch over all processes. Otherwise the last batch is shorter and split as
            evenly as possible; with fewer photos than processes some get one batch less than `len` returns.
        device: device for the batches. A dataset in memory moves to the GPU whole if half the GPU's free memory is enough.

    Raises:
        DatasetError: fewer photos than one batch over all processes, unless drop_last is off.
    """

    def __init__(
        self,
        dataset: PhotoDataset | PhotoStream,
        batch_size: int,
        *,
        seed: int = 0,
        process_index: int = 0,
        num_processes: int = 1,
        shuffle: bool = True,
        drop_last: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        if batch_size < 1:
            raise DatasetError(f"the batch size must be at least 1, not {batch_size}")
        if not 0 <= process_index < num_processes:
            raise DatasetError(f"process {process_index} of {num_processes} does not exist")
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        self.process_index = process_index
        self.num_processes = num_processes
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.device = torch.device(device)
        if drop_last and not isinstance(dataset, PhotoStream) and len(dataset) < self.global_batch_size:
            raise DatasetError(
                f"{len(dataset)} usable photos don't fill one batch of {self.global_batch_size} "
                f"({batch_size} × {num_processes} processes): lower the batch size or give more photos"
            )
        self._on_device = self._move_to_device()

    @property
    def global_batch_size(self) -> int:
        """Photos per step over all processes."""
        return self.batch_size * self.num_processes

    @property
    def is_endless(self) -> bool:
        """True if `iterate` never ends, as over a shuffled stream."""
        return isinstance(self.dataset, PhotoStream) and self.shuffle

    def __len__(self) -> int:
        """Return the steps per epoch; raise DatasetError for a stream."""
        if isinstance(self.dataset, PhotoStream):
            raise DatasetError("a streamed dataset has no known number of photos: set max_train_steps")
        steps = len(self.dataset) / self.global_batch_size
        return math.floor(steps) if self.drop_last else math.ceil(steps)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, and with it the order, of the next `iterate`."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        return self.iterate()

    def iterate(self, start: int = 0) -> Iterator[dict[str, Tensor]]:
        """Yield the epoch's batches from step `start`: {"rgb": uint8 (B, 3, S, S), "label": int64 (B,), "index": int64 (B,)}.

        `rgb` and `label`, -1 where a photo has none, are on `device`. `index`, the photo's index in the dataset or a unique
        number in a stream, is on the CPU, where `photo_seeds` needs it: copying it from a GPU would wait for the previous
        step. A thread reads the next batch while this one is used.
        """
        batches = self._stream(start) if isinstance(self.dataset, PhotoStream) else map(self._read, self._shares(start))
        with ThreadPoolExecutor(1, thread_name_prefix="photo-batches") as reader:
            coming = reader.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = reader.submit(next, batches, None)
                # From pinned memory the copy runs while the GPU still computes the previous step.
                on_device = {name: batch[name].to(self.device, non_blocking=True) for name in ("rgb", "label")}
                yield {**on_device, "index": batch["index"]}

    def _order(self) -> Tensor:
        if not self.shuffle:
            return torch.arange(len(self.dataset))
        (seed,) = photo_seeds(self.seed, self.epoch, [-1])
        return torch.randperm(len(self.dataset), generator=torch.Generator().manual_seed(seed))

    def _shares(self, start: int) -> Iterator[Tensor]:
        order = self._order()
        for step in range(start, len(self)):
            whole = order[step * self.global_batch_size : (step + 1) * self.global_batch_size]
            first, end = (len(whole) * (self.process_index + i) // self.num_processes for i in (0, 1))
            if end > first:
                yield whole[first:end]

    def _read(self, indices: Tensor) -> dict[str, Tensor]:
        if self._on_device is not None:
            places = indices.to(self.device)
            return {**{name: tensor[places] for name, tensor in self._on_device.items()}, "index": indices}
        return {**self._pinned(self.dataset.batch(indices)), "index": indices}

    def _stream(self, start: int) -> Iterator[dict[str, Tensor]]:
        photos = self._stream_photos()
        # The photos before `start` are read and decoded again: only decoding shows which of them are usable.
        for _ in islice(photos, start * self.batch_size):
            pass
        first = start * self.batch_size
        while members := list(islice(photos, self.batch_size)):
            if len(members) < self.batch_size and self.drop_last:
                return
            pixels, labels = zip(*members, strict=True)
            indices = torch.arange(first, first + len(members)) * self.num_processes + self.process_index
            first += len(members)
            batch = self._pinned({"rgb": torch.from_numpy(np.stack(pixels)), "label": torch.tensor(labels)})
            yield {**batch, "index": indices}

    def _stream_photos(self) -> Iterator[tuple[np.ndarray, int]]:
        for epoch in count(self.epoch):
            yield from self.dataset.iterate(
                seed=self.seed,
                epoch=epoch,
                shuffle=self.shuffle,
                process_index=self.process_index,
                num_processes=self.num_processes,
            )
            if not self.shuffle:
                return

    def _pinned(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: tensor.pin_memory() for name, tensor in batch.items()} if self.device.type == "cuda" else batch

    def _move_to_device(self) -> dict[str, Tensor] | None:
        if isinstance(self.dataset, PhotoStream) or self.dataset.in_memory is None or self.device.type != "cuda":
            return None
        pixels = self.dataset.in_memory
        free, _ = torch.cuda.mem_get_info(self.device)
        if pixels.nbytes > MAX_GPU_SHARE * free:
            return None
        return {"rgb": pixels.to(self.device), "label": self.dataset.labels.to(self.device)}
