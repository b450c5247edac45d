"""Photos from folders, parquet files and saved datasets, and the errors for bad sources and photos."""

import os
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from PIL import Image

from colorizer.data import list_splits, load_photos
from colorizer.data.decoding import decode
from colorizer.errors import DatasetError
from tests.data.conftest import color_photo, encode

# Sources


def test_a_folder_with_classes(folder: Path, cache: Path) -> None:
    photos = load_photos(folder, resolution=32, cache_dir=cache)
    assert len(photos) == 12
    assert photos.classes == ["apples", "boats"]
    assert photos.labels.tolist() == [0] * 6 + [1] * 6
    batch = photos.batch([8, 0])
    assert batch["label"].tolist() == [1, 0]
    for pixels, seed in zip(batch["rgb"], (12, 0), strict=True):
        assert np.array_equal(pixels, decode(encode(color_photo(seed)), 32))


def test_a_folder_of_loose_photos_has_no_labels(folder: Path, cache: Path) -> None:
    color_photo(99).save(folder / "test-1.PNG")
    (folder / "notes.txt").write_text("not a photo")
    (folder / ".hidden.png").write_text("not looked at")
    photos = load_photos(folder, resolution=32, cache_dir=cache)
    assert len(photos) == 13
    assert photos.classes == []
    assert set(photos.labels.tolist()) == {-1}
    assert load_photos(folder / "boats", resolution=32, cache_dir=cache).classes == []


def test_a_link_to_a_folder_above_brings_no_photo_twice(folder: Path, cache: Path) -> None:
    (folder / "boats" / "again").symlink_to(folder)
    (folder / "a link").symlink_to(folder / "apples")
    photos = load_photos(folder, resolution=32, cache_dir=cache)
    assert len(photos) == 12
    assert photos.classes == ["apples", "boats"]


def test_names_that_are_not_utf8(folder: Path, cache: Path) -> None:
    place = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9"))
    place.mkdir()
    for number in range(2):
        color_photo(number + 30).save(place / os.fsdecode(b"\xfcber %d.png" % number))
    (place / os.fsdecode(b"\xff.jpg")).write_bytes(b"nothing")
    photos = load_photos(folder, resolution=32, cache_dir=cache)
    assert photos.classes == ["apples", "boats", r"caf\xe9"]
    assert photos.labels.tolist() == [0] * 6 + [1] * 6 + [2] * 2
    assert photos.report.names == [r"\xff.jpg (not a photo)"]


def test_names_with_special_characters(folder: Path, cache: Path) -> None:
    special = folder.rename(folder.parent / "a [1] * ü?")
    assert len(load_photos(special, resolution=32, cache_dir=cache)) == 12


def test_parquet_files_by_split(write_parquet: Callable[..., Path], tmp_path: Path, cache: Path) -> None:
    photos = [encode(color_photo(number)) for number in range(9)]
    write_parquet("set [a]/data/train-00000-of-00002.parquet", photos[:3], ["cat", None, "dog"])
    write_parquet("set [a]/data/train-00001-of-00002.parquet", photos[3:5], ["ant", "dog"])
    val = write_parquet("set [a]/data/val.parquet", photos[5:9], ["dog", "cow", None, "dog"])
    folder = tmp_path / "set [a]"
    assert list_splits(folder) == ["train", "validation"]
    train = load_photos(folder, resolution=16, cache_dir=cache)
    assert train.classes == ["ant", "cat", "dog"]
    assert train.labels.tolist() == [1, -1, 2, 0, 2]
    validation = load_photos(folder, split="validation", resolution=16, cache_dir=cache, classes=train.classes)
    assert validation.classes == train.classes
    assert validation.labels.tolist() == [2, -1, -1, 2]
    alone = load_photos(val, resolution=16, cache_dir=cache)
    assert alone.classes == ["cow", "dog"]
    assert torch.equal(alone.batch(range(4))["rgb"], validation.batch(range(4))["rgb"])
    assert list_splits(val) == ["validation"]
    with pytest.raises(DatasetError, match="no split 'test'; it has: validation"):
        load_photos(val, split="test", resolution=16, cache_dir=cache)


@pytest.mark.parametrize(
    ("labels", "feature", "classes", "numbers"),
    [
        ([1, 0], datasets.ClassLabel(names=["cat", "dog"]), ["cat", "dog"], [1, 0]),
        ([7, 3], datasets.Value("int64"), ["3", "7"], [1, 0]),
        ([None, None], datasets.Value("string"), [], [-1, -1]),
    ],
)
def test_kinds_of_labels(
    write_parquet: Callable[..., Path], cache: Path, labels: list, feature: object, classes: list, numbers: list
) -> None:
    path = write_parquet("a.parquet", [encode(color_photo(0)), encode(color_photo(1))], labels, label=feature)
    photos = load_photos(path, resolution=16, cache_dir=cache)
    assert photos.classes == classes
    assert photos.labels.tolist() == numbers
    unlabeled = load_photos(path, resolution=16, cache_dir=cache, labels=False)
    assert unlabeled.classes == []
    assert unlabeled.labels.tolist() == [-1, -1]


def test_a_saved_dataset(write_parquet: Callable[..., Path], tmp_path: Path, cache: Path) -> None:
    photos = {"image": [color_photo(0), color_photo(1)], "label": ["b", "a"]}
    rows = datasets.Dataset.from_dict(
        photos, features=datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    )
    rows.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": rows, "val": rows.select([1])}).save_to_disk(tmp_path / "two")
    assert load_photos(tmp_path / "one", resolution=16, cache_dir=cache).labels.tolist() == [1, 0]
    assert list_splits(tmp_path / "two") == ["train", "validation"]
    assert load_photos(tmp_path / "two", split="validation", resolution=16, cache_dir=cache).classes == ["a"]
    assert load_photos(tmp_path / "two", resolution=16, streaming=True).resolution == 16


def test_other_columns(write_parquet: Callable[..., Path], cache: Path) -> None:
    path = write_parquet("a.parquet", [encode(color_photo(0))], ["x"])
    table = datasets.Dataset.from_parquet(str(path)).rename_columns({"image": "photo", "label": "kind"})
    table.to_parquet(path)
    photos = load_photos(path, resolution=16, cache_dir=cache, image_column="photo", label_column="kind")
    assert photos.classes == ["x"]
    assert load_photos(path, resolution=16, cache_dir=cache, image_column="photo").classes == []


# What is wrong with a source


@pytest.mark.parametrize(
    "source", ["./nowhere", "/nowhere/at/all", "a/b/c", "gone.parquet", Path("nowhere"), "what is this"]
)
def test_no_such_source(source: str | Path) -> None:
    with pytest.raises(DatasetError, match="no file or folder"):
        load_photos(source, resolution=16)


def test_a_folder_without_photos(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing here")
    with pytest.raises(DatasetError, match="photos nor parquet"):
        load_photos(tmp_path, resolution=16)


def test_a_single_photo_is_no_dataset(folder: Path) -> None:
    with pytest.raises(DatasetError, match=r"0\.png.* folder"):
        load_photos(folder / "apples" / "0.png", resolution=16)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_column": "picture"}, "no image column 'picture'; it has: image, label"),
        ({"label_column": "kind"}, "no label column 'kind'; it has: image, label"),
        ({"image_column": "label"}, "'label'.*not images"),
        ({"resolution": 4}, "at least 8"),
        ({"max_photos": 0}, "at least 1"),
    ],
)
def test_columns_and_settings_that_are_wrong(
    write_parquet: Callable[..., Path], cache: Path, settings: dict, message: str
) -> None:
    path = write_parquet("a.parquet", [encode(color_photo(0))], ["x"])
    with pytest.raises(DatasetError, match=message):
        load_photos(path, **{"resolution": 16, "cache_dir": cache, **settings})


def test_rare_labels_count_as_none(write_parquet: Callable[..., Path], cache: Path) -> None:
    photos = [encode(color_photo(number)) for number in range(5)]
    path = write_parquet("train.parquet", photos, ["cow", "dog", None, "dog", "cat"])
    train = load_photos(path, resolution=16, cache_dir=cache, min_label_photos=2)
    assert train.classes == ["dog"]
    assert train.labels.tolist() == [-1, 0, -1, 0, -1]
    assert load_photos(path, resolution=16, cache_dir=cache, min_label_photos=3).classes == []
    with pytest.raises(DatasetError, match="min_label_photos"):
        load_photos(path, resolution=16, streaming=True, min_label_photos=2)


def test_labels_that_are_no_classes(write_parquet: Callable[..., Path], cache: Path) -> None:
    path = write_parquet("a.parquet", [encode(color_photo(0))], [0.5], label=datasets.Value("float32"))
    with pytest.raises(DatasetError, match="not class labels"):
        load_photos(path, resolution=16, cache_dir=cache)
    assert len(load_photos(path, resolution=16, cache_dir=cache, labels=False)) == 1


def test_a_damaged_parquet_file(write_parquet: Callable[..., Path], cache: Path) -> None:
    path = write_parquet("a.parquet", [encode(color_photo(number)) for number in range(4)])
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"PAR1 and nothing more", b"", b"\xff" * 3000 + whole[3000:]):
        path.write_bytes(damaged)
        with pytest.raises(DatasetError, match=r"a\.parquet"):
            load_photos(path, resolution=16, cache_dir=cache)
    assert not [entry for entry in cache.glob("*") if entry.is_dir()]


def test_an_empty_dataset(write_parquet: Callable[..., Path], cache: Path) -> None:
    with pytest.raises(DatasetError, match="is empty"):
        load_photos(write_parquet("a.parquet", []), resolution=16, cache_dir=cache)


@pytest.mark.parametrize("name", ["dataset_dict.json", "state.json"])
def test_a_damaged_saved_dataset(tmp_path: Path, cache: Path, name: str) -> None:
    for content in ("{", "{}", "[]", '{"splits": 5}', '{"_data_files": [{}]}'):
        (tmp_path / name).write_text(content)
        with pytest.raises(DatasetError, match=r"can't read|damaged|no split"):
            load_photos(tmp_path, resolution=16, cache_dir=cache)


# What is wrong with photos


def test_unusable_photos_are_left_out_and_named(folder: Path, cache: Path) -> None:
    color_photo(0).convert("L").save(folder / "apples" / "a-gray.png")
    (folder / "apples" / "a-broken.jpg").write_bytes(b"nothing")
    color_photo(0, (3, 200)).save(folder / "boats" / "a-tiny.png")
    photo = color_photo(0)
    Image.blend(photo, photo.convert("L").convert("RGB"), 0.8).save(folder / "boats" / "dull.png")
    photos = load_photos(folder, resolution=32, cache_dir=cache)
    report = photos.report
    assert (report.kept, report.gray, report.broken, report.tiny, report.dull) == (13, 1, 1, 1, 0)
    assert report.names == ["a-broken.jpg (not a photo)", "a-gray.png (gray)", "a-tiny.png (3×200)"]
    assert photos.labels.tolist() == [0] * 6 + [1] * 7
    assert load_photos(folder, resolution=32, cache_dir=cache).report == report
    picky = load_photos(folder, resolution=32, cache_dir=cache, min_colorfulness=40)
    assert picky.report.dull == 1
    assert len(picky) == 12


def test_what_is_no_file_is_left_out_and_named(folder: Path, cache: Path) -> None:
    os.mkfifo(folder / "apples" / "a-pipe.jpg")
    (folder / "apples" / "b-gone.jpg").symlink_to("nowhere")
    report = load_photos(folder, resolution=32, cache_dir=cache).report
    assert report.names == ["a-pipe.jpg (not a file)", "b-gone.jpg (No such file or directory)"]


def test_a_pipe_among_parquet_files_is_not_waited_for(tmp_path: Path, cache: Path) -> None:
    os.mkfifo(tmp_path / "train.parquet")
    with pytest.raises(DatasetError, match=r"train\.parquet' is not a file"):
        load_photos(tmp_path, resolution=16, cache_dir=cache)


def test_no_usable_photo(write_parquet: Callable[..., Path], cache: Path) -> None:
    path = write_parquet("a.parquet", [b"broken", None, encode(color_photo(0).convert("L"))])
    with pytest.raises(DatasetError, match=r"no usable photo in .*1 gray, 2 broken: 0\.png"):
        load_photos(path, resolution=16, cache_dir=cache)
    assert not list(cache.glob("*/"))
