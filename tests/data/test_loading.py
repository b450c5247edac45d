import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was decoded, one entry a photo."""
    seen: list[object] = []

    def note(source: object, *args: object, **settings: object) -> object:
        seen.append(source)
        return decode(source, *args, **settings)

    monkeypatch.setattr("colorizer.data.decoding.decode", note)
    return seen


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
    with pytest.raises(DatasetError, match="neither photos nor parquet"):
        load_photos(tmp_path, resolution=16)


def test_a_single_photo_is_no_dataset(folder: Path) -> None:
    with pytest.raises(DatasetError, match="give its folder"):
        load_photos(folder / "apples" / "0.png", resolution=16)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_column": "picture"}, "no image column 'picture'; it has: image, label"),
        ({"label_column": "kind"}, "no label column 'kind'; it has: image, label"),
        ({"image_column": "label"}, "holds no images"),
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
    with pytest.raises(DatasetError, match="can't be counted while they stream"):
        load_photos(path, resolution=16, streaming=True, min_label_photos=2)


def test_labels_that_are_no_classes(write_parquet: Callable[..., Path], cache: Path) -> None:
    path = write_parquet("a.parquet", [encode(color_photo(0))], [0.5], label=datasets.Value("float32"))
    with pytest.raises(DatasetError, match="holds no class labels"):
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
    (tmp_path / name).write_text("{")
    with pytest.raises(DatasetError, match=r"can't read|damaged"):
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


def test_no_usable_photo(write_parquet: Callable[..., Path], cache: Path) -> None:
    path = write_parquet("a.parquet", [b"broken", None, encode(color_photo(0).convert("L"))])
    with pytest.raises(DatasetError, match=r"no usable photo in .*1 gray, 2 broken: 0\.png"):
        load_photos(path, resolution=16, cache_dir=cache)
    assert not list(cache.glob("*/"))


def test_at_most_so_many_photos(folder: Path, cache: Path, decodings: list) -> None:
    assert len(load_photos(folder, resolution=32, cache_dir=cache, max_photos=3, num_workers=1)) == 3
    assert len(decodings) <= 3 + 4
    assert len(load_photos(folder, resolution=32, cache_dir=cache, max_photos=100)) == 12


# Keeping decoded photos


@pytest.mark.parametrize("cache_in_memory", [False, True])
def test_photos_are_decoded_once(folder: Path, cache: Path, decodings: list, cache_in_memory: bool) -> None:
    first = load_photos(folder, resolution=32, cache_dir=cache)
    assert len(decodings) == 12
    again = load_photos(folder, resolution=32, cache_dir=cache, cache_in_memory=cache_in_memory)
    assert len(decodings) == 12
    assert (again.in_memory is not None) == cache_in_memory
    for name, tensor in first.batch(range(12)).items():
        assert torch.equal(again.batch(range(12))[name], tensor)


def test_a_changed_source_is_decoded_anew(folder: Path, cache: Path) -> None:
    before = load_photos(folder, resolution=32, cache_dir=cache)
    color_photo(77).save(folder / "apples" / "0.png")
    os.utime(folder / "apples" / "0.png", ns=(time.time_ns(), time.time_ns() + 10**9))
    after = load_photos(folder, resolution=32, cache_dir=cache)
    assert not torch.equal(before.batch([0])["rgb"], after.batch([0])["rgb"])
    assert torch.equal(before.batch([1])["rgb"], after.batch([1])["rgb"])
    assert load_photos(folder, resolution=24, cache_dir=cache).resolution == 24


@pytest.mark.parametrize("damage", ["truncated", "flipped", "index", "no index", "header"])
@pytest.mark.parametrize("cache_in_memory", [False, True])
def test_a_damaged_store_is_built_anew(
    folder: Path, cache: Path, decodings: list, damage: str, cache_in_memory: bool
) -> None:
    before = load_photos(folder, resolution=32, cache_dir=cache).batch(range(12))["rgb"]
    (store,) = cache.glob("*/")
    photos, index = store / "photos.npy", store / "index.json"
    content = bytearray(photos.read_bytes())
    if damage == "truncated":
        photos.write_bytes(content[:-1000])
    elif damage == "flipped":
        content[-2000] ^= 1
        photos.write_bytes(content)
    elif damage == "header":
        photos.write_bytes(b"\0" * 128 + content[128:])
    elif damage == "index":
        index.write_text(index.read_text()[:-30])
    else:
        index.unlink()
    after = load_photos(folder, resolution=32, cache_dir=cache, cache_in_memory=cache_in_memory)
    assert len(decodings) == 24
    assert torch.equal(after.batch(range(12))["rgb"], before)
    assert len(list(cache.glob("*/"))) == 1


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 8 kB: the kernel refuses as it does on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk(folder: Path, cache: Path) -> None:
    with pytest.raises(DatasetError, match="choose another cache_dir"):
        load_photos(folder, resolution=32, cache_dir=cache)
    assert not list(cache.glob("*/"))


def test_a_cache_folder_that_is_none(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="choose another cache_dir"):
        load_photos(folder, resolution=32, cache_dir=tmp_path / "file")


def test_what_a_killed_process_left_is_swept_away(folder: Path, cache: Path) -> None:
    photos = load_photos(folder, resolution=32, cache_dir=cache)
    (store,) = cache.glob("*/")
    store.rename(store.with_name(f"{store.name}.part"))
    again = load_photos(folder, resolution=32, cache_dir=cache)
    assert torch.equal(again.batch(range(12))["rgb"], photos.batch(range(12))["rgb"])
    assert [entry.name for entry in cache.glob("*/")] == [store.name]


def test_two_processes_build_one_store(folder: Path, cache: Path) -> None:
    program = (
        "import sys, colorizer.data.decoding as d\n"
        "from colorizer.data import load_photos\n"
        "decode, seen = d.decode, []\n"
        "d.decode = lambda *a, **k: (seen.append(1), decode(*a, **k))[1]\n"
        "photos = load_photos(sys.argv[1], resolution=32, cache_dir=sys.argv[2])\n"
        "print(len(photos), len(seen), int(photos.batch(range(12))['rgb'].sum()))\n"
    )
    command = [sys.executable, "-c", program, str(folder), str(cache)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = sorted(process.communicate(timeout=60)[0].split() for process in running)
    assert [answer[:2] for answer in answers] == [["12", "0"], ["12", "12"]]
    assert answers[0][2] == answers[1][2]


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
