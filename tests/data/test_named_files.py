"""Datasets whose own files name photos, or parts, of other folders."""

import json
from pathlib import Path

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from colorizer.data import load_photos
from colorizer.data.named_files import check_hub_files, hub_roots
from colorizer.errors import DatasetError
from tests.data.conftest import color_photo


@pytest.fixture
def private(tmp_path: Path) -> Path:
    path = tmp_path / "private.png"
    color_photo(0).save(path)
    return path


def write_paths(file: Path, paths: list[str]) -> Path:
    """Write a parquet file of photos that are named, and not in it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    kind = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
    images = pyarrow.array([{"bytes": None, "path": path} for path in paths], kind)
    pyarrow.parquet.write_table(pyarrow.table({"image": images}), file)
    return file


@pytest.mark.parametrize("streaming", [False, True])
def test_a_parquet_file_names_photos_of_its_own_folder_alone(tmp_path: Path, private: Path, streaming: bool) -> None:
    folder = tmp_path / "set"
    (folder / "photos").mkdir(parents=True)
    color_photo(1).save(folder / "photos" / "own.png")
    (folder / "link.png").symlink_to(private)
    own = [str(folder / "photos" / "own.png"), "photos/own.png"]
    others = [
        str(private),
        "../private.png",
        f"{folder}/../private.png",
        private.as_uri(),
        "link.png",
        "/dev/zero",
        "\0",
    ]
    write_paths(folder / "train.parquet", [*own, *others])
    photos = load_photos(folder, resolution=16, cache_dir=tmp_path / "cache", streaming=streaming)
    if streaming:
        assert sum(1 for _ in photos.iterate(seed=0, epoch=0, shuffle=False)) == len(own)
    assert (photos.report.kept, photos.report.broken) == (len(own), len(others))
    assert "not in the dataset's folder" in str(photos.report)


def test_a_file_of_its_own_has_the_folder_it_is_in(tmp_path: Path, private: Path) -> None:
    color_photo(1).save(tmp_path / "own.png")
    file = write_paths(tmp_path / "sets" / "train.parquet", ["../own.png"])
    with pytest.raises(DatasetError, match="not in the dataset's folder"):
        load_photos(file, resolution=16, cache_dir=tmp_path / "cache")
    file = write_paths(tmp_path / "all.parquet", ["own.png"])
    assert len(load_photos(file, resolution=16, cache_dir=tmp_path / "cache")) == 1


def test_photos_that_the_user_linked_to_are_read(tmp_path: Path, private: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").symlink_to(private)
    assert len(load_photos(tmp_path / "photos", resolution=16, cache_dir=tmp_path / "cache")) == 1


@pytest.mark.parametrize("kind", ["file", "split"])
def test_a_saved_dataset_has_its_parts_in_its_folder(tmp_path: Path, private: Path, kind: str) -> None:
    rows = datasets.Dataset.from_dict({"image": [str(private)]}, datasets.Features({"image": datasets.Image()}))
    rows.save_to_disk(tmp_path / "others")
    datasets.DatasetDict({"train": rows}).save_to_disk(tmp_path / "saved")
    assert len(load_photos(tmp_path / "saved", resolution=16, cache_dir=tmp_path / "cache")) == 1
    if kind == "split":
        (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["../others"]}')
    else:
        state = json.loads((tmp_path / "saved" / "train" / "state.json").read_text())
        state["_data_files"] = [{"filename": str(next((tmp_path / "others").glob("*.arrow")))}]
        (tmp_path / "saved" / "train" / "state.json").write_text(json.dumps(state))
    with pytest.raises(DatasetError, match="which is not in its folder"):
        load_photos(tmp_path / "saved", resolution=16, cache_dir=tmp_path / "cache")


def test_a_hub_dataset_consists_of_files_of_the_hub() -> None:
    own = ["hf://datasets/ada/set@0/a.parquet", "zip://a.png::hf://datasets/ada/set@0/a.zip"]
    check_hub_files("ada/set", {"train": own, "test": ["https://example.org/a.parquet"]})
    for name in ("/home/ada/a.parquet", "file:///a.parquet", "zip://a.png::/home/ada/a.zip", "../a.parquet"):
        with pytest.raises(DatasetError, match="not a file of its own"):
            check_hub_files("ada/set", {"train": own, "test": [name]})
    assert all("ada" in str(root) or root.name == "downloads" for root in hub_roots("ada/set:large"))
