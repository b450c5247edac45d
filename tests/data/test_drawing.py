"""Some photos of a dataset: drawn at random, and held out for validation."""

from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
import torch

from colorizer.data import load_photos
from colorizer.errors import DatasetError
from tests.data.conftest import color_photo


def test_at_most_so_many_photos(folder: Path, cache: Path, decodings: list) -> None:
    assert len(load_photos(folder, resolution=32, cache_dir=cache, max_photos=3, num_workers=1)) == 3
    assert len(decodings) == 3
    assert len(load_photos(folder, resolution=32, cache_dir=cache, max_photos=100)) == 12


def in_folders(folder: Path, write_parquet: Callable[..., Path]) -> Path:
    return folder


def in_parquet(folder: Path, write_parquet: Callable[..., Path]) -> Path:
    files = sorted(folder.rglob("*.png"))
    return write_parquet("photos.parquet", [file.read_bytes() for file in files], [file.parent.name for file in files])


def in_a_saved_dataset(folder: Path, write_parquet: Callable[..., Path]) -> Path:
    saved = folder.parent / "saved"
    datasets.Dataset.from_parquet(str(in_parquet(folder, write_parquet))).save_to_disk(saved)
    return saved


@pytest.mark.parametrize("source", [in_folders, in_parquet, in_a_saved_dataset])
def test_photos_are_drawn_at_random_in_turn_from_each_label(
    folder: Path, cache: Path, write_parquet: Callable[..., Path], source: Callable[..., Path]
) -> None:
    for number in range(6, 60):
        color_photo(number + 100).save(folder / "boats" / f"{number}.png")
    path = source(folder, write_parquet)

    def draw(seed: int) -> list[list[int]]:
        photos = load_photos(path, resolution=8, cache_dir=cache, max_photos=8, seed=seed)
        assert photos.labels.tolist() == [0] * 4 + [1] * 4
        return photos.batch(range(8))["rgb"].flatten(1).tolist()

    drawn = draw(1)
    assert drawn == draw(1) != draw(2)
    first = load_photos(path, resolution=8, cache_dir=cache).batch(range(8))["rgb"].flatten(1).tolist()
    assert drawn != first


def test_others_are_drawn_in_place_of_unusable_photos(folder: Path, cache: Path) -> None:
    for number in range(10):
        color_photo(0).convert("L").save(folder / "boats" / f"gray-{number}.png")
    photos = load_photos(folder, resolution=8, cache_dir=cache, max_photos=11)
    assert len(photos) == 11
    assert photos.report.gray > 0


# Splitting off photos to validate on


@pytest.mark.parametrize("cache_in_memory", [False, True])
def test_some_photos_are_held_out(folder: Path, cache: Path, cache_in_memory: bool) -> None:
    photos = load_photos(folder, resolution=32, cache_dir=cache, cache_in_memory=cache_in_memory)
    rest, held_out = photos.split_off(4, seed=5)
    assert (len(rest), len(held_out)) == (8, 4)
    assert rest.report.kept == 8
    assert rest.classes == held_out.classes == photos.classes
    both = torch.cat([rest.batch(range(8))["rgb"], held_out.batch(range(4))["rgb"]])
    assert len(both.unique(dim=0)) == 12
    assert torch.equal(photos.split_off(4, seed=5)[1].batch([0])["rgb"], held_out.batch([0])["rgb"])
    assert sorted(rest.labels.tolist() + held_out.labels.tolist()) == [0] * 6 + [1] * 6
    for count in (0, 12):
        with pytest.raises(DatasetError, match="hold out"):
            photos.split_off(count)
