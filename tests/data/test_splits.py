"""Splits of local datasets, by the names of their folders and files."""

from pathlib import Path

import pytest

from colorizer.data import list_splits, load_photos
from colorizer.errors import DatasetError
from tests.data.conftest import color_photo


def test_folders_named_as_splits(folder: Path, cache: Path) -> None:
    (folder / "more").mkdir()
    for split in ("train", "val"):
        (folder / split).mkdir()
        (folder / "apples").rename(folder / split / "apples") if split == "train" else None
        (folder / "boats").rename(folder / split / "boats") if split == "val" else None
    assert list_splits(folder) == ["train", "validation"]
    assert len(load_photos(folder, resolution=32, cache_dir=cache)) == 6
    for split in ("val", "validation"):
        assert len(load_photos(folder, split=split, resolution=32, cache_dir=cache)) == 6
    with pytest.raises(DatasetError, match="no split 'test'; it has: train, validation"):
        load_photos(folder, split="test", resolution=32, cache_dir=cache)


def test_a_class_called_train_is_a_class(folder: Path, cache: Path) -> None:
    (folder / "boats").rename(folder / "train")
    assert load_photos(folder, resolution=32, cache_dir=cache).classes == ["apples", "train"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("training_set", "test_set"),
        ("trainA", "testA"),
        ("Train Images", "Test Images"),
        ("seg_train", "seg_test"),
        ("train2017", "test2017"),
    ],
)
def test_folders_named_nearly_as_splits(folder: Path, cache: Path, first: str, second: str) -> None:
    (folder / "apples").rename(folder / first)
    (folder / "boats").rename(folder / second)
    assert list_splits(folder) == ["test", "train"]
    photos = load_photos(folder, resolution=32, cache_dir=cache)
    assert len(photos) == 6
    assert photos.classes == []


def test_folders_of_splits_beside_others_are_refused(folder: Path, cache: Path) -> None:
    for name in ("train", "test"):
        (folder / name).mkdir()
        color_photo(0).save(folder / name / "a.png")
    with pytest.raises(DatasetError, match=r"in test and train, which are splits, and in 'apples', 'boats'"):
        load_photos(folder, resolution=32, cache_dir=cache)


@pytest.mark.parametrize("places", [("photos/train", "photos/test"), ("train_gray", "test_gray"), (".", "test")])
def test_photos_of_a_test_split_are_not_trained_on_without_a_word(
    folder: Path, cache: Path, tmp_path: Path, places: tuple[str, str]
) -> None:
    above = tmp_path / "above"
    for place in places:
        (above / place).mkdir(parents=True)
        color_photo(0).save(above / place / "a.png")
    (folder / "apples").rename(above / "apples")
    with pytest.raises(DatasetError, match=r"has photos in .*test.* split"):
        load_photos(above, resolution=32, cache_dir=cache)


def test_labels_that_begin_like_splits_are_labels(folder: Path, cache: Path) -> None:
    (folder / "apples").rename(folder / "train station")
    (folder / "boats").rename(folder / "valley")
    assert load_photos(folder, resolution=32, cache_dir=cache).classes == ["train station", "valley"]


def test_parquet_files_are_of_the_split_that_their_folder_is_named_after(tmp_path: Path) -> None:
    for name in ("default/train/0000", "default/partial-test/0000", "celeba_val"):
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert list_splits(tmp_path) == ["test", "train", "validation"]
