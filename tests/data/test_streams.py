from collections.abc import Callable
from itertools import islice
from pathlib import Path

import datasets
import pytest
import torch

from colorizer.data import PhotoBatches, PhotoStream, load_photos
from colorizer.errors import DatasetError
from tests.data.conftest import color_photo, encode


@pytest.fixture
def stream(write_parquet: Callable[..., Path], tmp_path: Path) -> PhotoStream:
    """Forty photos in four files, one gray and one broken among them."""
    for file in range(4):
        images = [encode(color_photo(10 * file + number)) for number in range(10)]
        images[file] = {1: encode(color_photo(0).convert("L")), 2: b"broken"}.get(file, images[file])
        write_parquet(f"parquet/train-{file}.parquet", images)
    return load_photos(tmp_path / "parquet", resolution=16, streaming=True)


def test_a_pass_without_shuffling(stream: PhotoStream) -> None:
    batches = PhotoBatches(stream, 8, shuffle=False, drop_last=False)
    assert not batches.is_endless
    rgb = torch.cat([batch["rgb"] for batch in batches])
    assert len(rgb) == 38
    assert len(rgb.unique(dim=0)) == 38
    assert str(stream.report).startswith("38 photos; left out: 1 gray, 1 broken: 1.png")


def test_shuffled_batches_never_end(stream: PhotoStream) -> None:
    batches = PhotoBatches(stream, 8, seed=1)
    assert batches.is_endless
    read = list(islice(batches.iterate(), 12))
    assert torch.equal(torch.cat([batch["index"] for batch in read]), torch.arange(96))
    rgb = torch.cat([batch["rgb"] for batch in read])
    first, second = rgb[:38], rgb[38:76]
    assert len(first.unique(dim=0)) == len(second.unique(dim=0)) == 38
    assert not torch.equal(first, second)
    with pytest.raises(DatasetError, match="max_train_steps"):
        len(batches)


def test_the_same_batches_again_and_from_any_step(stream: PhotoStream) -> None:
    batches = PhotoBatches(stream, 4, seed=1)
    whole = list(islice(batches.iterate(), 12))
    for start in (0, 3, 11):
        again = next(batches.iterate(start))
        assert torch.equal(again["rgb"], whole[start]["rgb"])
        assert torch.equal(again["index"], whole[start]["index"])
    other = next(PhotoBatches(stream, 4, seed=2).iterate())
    assert not torch.equal(other["rgb"], whole[0]["rgb"])


@pytest.mark.parametrize("num_processes", [2, 3])
def test_processes_share_the_photos(stream: PhotoStream, num_processes: int) -> None:
    shares = []
    for rank in range(num_processes):
        batches = PhotoBatches(
            stream, 3, process_index=rank, num_processes=num_processes, shuffle=False, drop_last=False
        )
        shares.append(list(batches.iterate()))
    rgb = torch.cat([batch["rgb"] for share in shares for batch in share])
    index = torch.cat([batch["index"] for share in shares for batch in share])
    assert len(rgb) == len(rgb.unique(dim=0)) == 38
    assert len(index.unique()) == 38


def test_declared_labels_are_streamed(write_parquet: Callable[..., Path]) -> None:
    images = [encode(color_photo(number)) for number in range(4)]
    path = write_parquet("a.parquet", images, [1, 0, -1, 1], label=datasets.ClassLabel(names=["cat", "dog"]))
    stream = load_photos(path, resolution=16, streaming=True)
    assert stream.classes == ["cat", "dog"]
    assert next(iter(PhotoBatches(stream, 4, shuffle=False)))["label"].tolist() == [1, 0, -1, 1]
    renumbered = load_photos(path, resolution=16, streaming=True, classes=["dog", "cow"])
    assert next(iter(PhotoBatches(renumbered, 4, shuffle=False)))["label"].tolist() == [0, -1, -1, 0]


def test_undeclared_labels_are_left_out_and_said_so(write_parquet: Callable[..., Path]) -> None:
    path = write_parquet("a.parquet", [encode(color_photo(0)), encode(color_photo(1))], ["cat", "dog"])
    stream = load_photos(path, resolution=16, streaming=True)
    assert next(iter(PhotoBatches(stream, 2, shuffle=False)))["label"].tolist() == [-1, -1]
    assert "labels not used" in str(stream.report)
    named = load_photos(path, resolution=16, streaming=True, classes=["dog", "cat"])
    assert next(iter(PhotoBatches(named, 2, shuffle=False)))["label"].tolist() == [1, 0]


def test_at_most_so_many_photos(stream: PhotoStream, tmp_path: Path) -> None:
    few = load_photos(tmp_path / "parquet", resolution=16, streaming=True, max_photos=7)
    assert [len(batch["rgb"]) for batch in PhotoBatches(few, 4, shuffle=False, drop_last=False)] == [4, 3]


def test_a_stream_without_a_usable_photo_ends_with_an_error(write_parquet: Callable[..., Path]) -> None:
    path = write_parquet("a.parquet", [b"broken", encode(color_photo(0).convert("L"))])
    stream = load_photos(path, resolution=16, streaming=True)
    with pytest.raises(DatasetError, match=r"no usable photo in .*1 gray, 1 broken"):
        next(PhotoBatches(stream, 1).iterate())


def test_a_folder_is_streamed_too(folder: Path) -> None:
    stream = load_photos(folder, resolution=16, streaming=True)
    assert stream.classes == ["apples", "boats"]
    labels = torch.cat([batch["label"] for batch in islice(PhotoBatches(stream, 6, seed=3).iterate(), 2)])
    assert sorted(labels.tolist()) == [0] * 6 + [1] * 6
