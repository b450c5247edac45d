from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import torch

from colorizer.data import PhotoBatches, PhotoDataset, load_photos
from colorizer.errors import DatasetError


@pytest.fixture
def photos(folder: Path, tmp_path: Path) -> PhotoDataset:
    return load_photos(folder, resolution=16, cache_dir=tmp_path / "cache")


def indices(batches: Iterator[dict[str, torch.Tensor]]) -> list[list[int]]:
    return [batch["index"].tolist() for batch in batches]


def test_batches_hold_the_photos_of_their_indices(photos: PhotoDataset) -> None:
    for batch in PhotoBatches(photos, 4, seed=1):
        expected = photos.batch(batch["index"])
        assert batch["rgb"].dtype == torch.uint8
        assert batch["rgb"].shape == (4, 3, 16, 16)
        assert torch.equal(batch["rgb"], expected["rgb"])
        assert torch.equal(batch["label"], expected["label"])
        assert batch["label"].dtype == batch["index"].dtype == torch.int64


def test_an_epoch_shows_each_photo_once_in_an_order_of_its_own(photos: PhotoDataset) -> None:
    batches = PhotoBatches(photos, 4, seed=1)
    first = indices(batches)
    assert sorted(chain.from_iterable(first)) == list(range(12))
    assert indices(batches) == first
    batches.set_epoch(1)
    assert indices(batches) != first
    assert indices(PhotoBatches(photos, 4, seed=2)) != first


@pytest.mark.parametrize("num_processes", [2, 3, 6])
def test_the_same_photos_whatever_the_number_of_processes(photos: PhotoDataset, num_processes: int) -> None:
    alone = indices(PhotoBatches(photos, 6, seed=1))
    shares = [
        indices(PhotoBatches(photos, 6 // num_processes, seed=1, process_index=rank, num_processes=num_processes))
        for rank in range(num_processes)
    ]
    assert [[*chain.from_iterable(parts)] for parts in zip(*shares, strict=True)] == alone


def test_goes_on_where_it_was_interrupted(photos: PhotoDataset) -> None:
    batches = PhotoBatches(photos, 2, seed=1)
    whole = indices(batches)
    for start in range(len(batches) + 1):
        assert indices(batches.iterate(start)) == whole[start:]


def test_an_iteration_left_early_ends_its_thread(photos: PhotoDataset) -> None:
    batches = PhotoBatches(photos, 2, seed=1).iterate()
    next(batches)
    batches.close()
    assert list(batches) == []


def test_the_last_short_batch(photos: PhotoDataset) -> None:
    assert len(PhotoBatches(photos, 5, seed=1)) == 2
    whole = PhotoBatches(photos, 5, seed=1, shuffle=False, drop_last=False)
    assert len(whole) == 3
    assert indices(whole) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]
    shares = [
        indices(PhotoBatches(photos, 5, process_index=rank, num_processes=2, shuffle=False, drop_last=False))
        for rank in range(2)
    ]
    assert shares == [[[0, 1, 2, 3, 4], [10]], [[5, 6, 7, 8, 9], [11]]]


def test_too_few_photos_for_one_batch(photos: PhotoDataset) -> None:
    with pytest.raises(DatasetError, match=r"12 usable photos don't fill one batch of 14 \(7 × 2 processes\)"):
        PhotoBatches(photos, 7, num_processes=2)
    assert indices(PhotoBatches(photos, 20, shuffle=False, drop_last=False)) == [list(range(12))]


@pytest.mark.parametrize(
    ("settings", "message"), [({"batch_size": 0}, "at least 1"), ({"process_index": 2}, "process 2")]
)
def test_senseless_settings(photos: PhotoDataset, settings: dict, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        PhotoBatches(photos, **{"batch_size": 2, "num_processes": 2, **settings})


def test_an_error_while_reading_reaches_the_caller(photos: PhotoDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(indices: torch.Tensor) -> None:
        raise OSError("disk gone")

    monkeypatch.setattr(photos, "batch", fail)
    with pytest.raises(OSError, match="disk gone"):
        list(PhotoBatches(photos, 2))
