"""Datasets on the Hub: the real `datasets` and `huggingface_hub` against the small Hub on the loopback interface."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import datasets
import huggingface_hub
import numpy as np
import pytest
import torch

from colorizer.data import PhotoBatches, PhotoDataset, list_splits, load_photos, sources
from colorizer.data.decoding import decode
from colorizer.errors import DatasetError, HubError
from tests.data.conftest import color_photo, encode
from tests.hub_server import HubServer

REPO_ID = "tester/photos"
REPOSITORY = f"datasets/{REPO_ID}"  # as the small Hub names it


@pytest.fixture
def dataset_hub(hub: HubServer, write_parquet: Callable[..., Path]) -> HubServer:
    """The Hub with a dataset of two splits."""
    photos = [encode(color_photo(number)) for number in range(6)]
    train = write_parquet("hub/train.parquet", photos[:4], ["cat", "dog", "cat", "ant"])
    validation = write_parquet("hub/validation.parquet", photos[4:], ["dog", "cat"])
    hub.add(REPOSITORY, {"train.parquet": train.read_bytes(), "validation.parquet": validation.read_bytes()})
    return hub


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., PhotoDataset]:
    """Load at a small size, with the test's own cache."""
    return lambda source=REPO_ID, **settings: load_photos(
        source, **{"resolution": 16, "cache_dir": tmp_path / "cache", **settings}
    )


@pytest.fixture(autouse=True)
def has_cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide everything that an earlier test downloaded or found out."""
    sources._reach_hub.cache_clear()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.usefixtures("dataset_hub")
def test_a_dataset_is_downloaded_and_decoded(load: Callable[..., PhotoDataset]) -> None:
    photos = load()
    assert photos.classes == ["ant", "cat", "dog"]
    assert photos.labels.tolist() == [1, 2, 1, 0]
    expected = [decode(encode(color_photo(number)), 16) for number in range(4)]
    assert np.array_equal(photos.batch(range(4))["rgb"], np.stack(expected))
    assert list_splits(REPO_ID) == ["train", "validation"]
    assert load(split="val", classes=photos.classes).labels.tolist() == [2, 1]


def test_a_revision_and_a_change(dataset_hub: HubServer, load: Callable[..., PhotoDataset]) -> None:
    before = dataset_hub.repositories[REPOSITORY].branches["main"]
    assert len(load()) == 4
    dataset_hub.add(REPOSITORY, {"train.parquet": dataset_hub.files(REPOSITORY)["validation.parquet"]})
    assert len(load()) == 2
    assert len(load(revision=before)) == 4


def test_a_few_photos_are_had_without_the_rest(dataset_hub: HubServer, load: Callable[..., PhotoDataset]) -> None:
    assert len(load(max_photos=2)) == 2
    assert not any("validation.parquet" in path for _, path in dataset_hub.requests)


@pytest.mark.usefixtures("dataset_hub")
def test_a_stream(load: Callable[..., PhotoDataset]) -> None:
    stream = load(streaming=True, classes=["dog", "cat"])
    batches = list(islice(PhotoBatches(stream, 2, seed=0).iterate(), 4))
    assert torch.cat([batch["rgb"] for batch in batches]).shape == (8, 3, 16, 16)
    assert sorted(torch.cat([batch["label"] for batch in batches]).tolist()) == [-1, -1, 0, 0, 1, 1, 1, 1]


def test_what_was_decoded_serves_while_the_hub_is_away(
    dataset_hub: HubServer, load: Callable[..., PhotoDataset]
) -> None:
    before = load().batch(range(4))["rgb"]
    dataset_hub.stop()
    assert torch.equal(load().batch(range(4))["rgb"], before)


def test_a_private_dataset_needs_a_token(
    dataset_hub: HubServer, load: Callable[..., PhotoDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset_hub.add("datasets/tester/secret", dataset_hub.files(REPOSITORY), is_private=True)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(DatasetError, match="no dataset 'tester/secret'"):
        load("tester/secret")
    assert len(load("tester/secret", token="hf_read")) == 4


@pytest.mark.parametrize(
    ("source", "settings", "message"),
    [
        ("tester/none", {}, "no dataset 'tester/none'"),
        (REPO_ID, {"revision": "nope"}, "Revision 'nope'"),
        (REPO_ID, {"split": "test"}, "no split 'test'; it has: train, validation"),
        (f"{REPO_ID}:small", {}, "'small' not found. Available: \\['default'\\]"),
        (REPO_ID, {"image_column": "photo"}, "no image column 'photo'; it has: image, label"),
    ],
)
@pytest.mark.usefixtures("dataset_hub")
def test_what_is_not_there(load: Callable[..., PhotoDataset], source: str, settings: dict, message: str) -> None:
    for streaming in (False, True):
        with pytest.raises(DatasetError, match=message):
            load(source, streaming=streaming, **settings)


def test_no_photos_in_a_repository(dataset_hub: HubServer, load: Callable[..., PhotoDataset]) -> None:
    dataset_hub.add("tester/empty", {"notes.md": b"nothing yet"})
    with pytest.raises(DatasetError, match="tester/empty"):
        load("tester/empty")


def test_a_damaged_file(dataset_hub: HubServer, load: Callable[..., PhotoDataset]) -> None:
    dataset_hub.add(REPOSITORY, {"train.parquet": b"PAR1 and nothing more"})
    for streaming in (False, True):
        with pytest.raises(DatasetError, match=r"can't read the dataset .*[Pp]arquet"):
            load(streaming=streaming)


def test_the_hub_is_asked_once_if_there_is_such_a_dataset(
    dataset_hub: HubServer, load: Callable[..., PhotoDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ask = [], huggingface_hub.HfApi.dataset_info

    def count(*arguments: object, timeout: float | None = None, **options: object) -> object:
        asked.extend([timeout] if timeout == sources.HUB_TIMEOUT else [])
        return ask(*arguments, timeout=timeout, **options)

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", count)
    for split in list_splits(REPO_ID):
        load(split=split, streaming=True)
    assert len(asked) == 1


@pytest.mark.parametrize("fault", ["status", "reset"])
@pytest.mark.parametrize("path", ["", "train.parquet"])
@pytest.mark.parametrize("max_photos", [None, 4])
def test_faults(
    dataset_hub: HubServer, load: Callable[..., PhotoDataset], fault: str, path: str, max_photos: int | None
) -> None:
    dataset_hub.inject(fault, 10_000, path=path, method="" if fault == "status" else "GET")
    with pytest.raises(HubError, match=f"'{REPO_ID}'.*try again"):
        load(max_photos=max_photos)
    dataset_hub.faults.clear()
    assert len(load(max_photos=max_photos)) == 4


def test_the_hub_is_away(dataset_hub: HubServer, load: Callable[..., PhotoDataset]) -> None:
    dataset_hub.stop()
    with pytest.raises(HubError, match="try again"):
        load()


def test_a_mistyped_folder_is_named_at_once_where_there_is_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("asked again for what can't be reached")

    monkeypatch.setattr(datasets, "load_dataset_builder", refuse)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:1")
    for name in ("photoss", "data/photoss"):
        with pytest.raises(HubError, match=f"no local file or folder '{name}'"):
            load_photos(name, resolution=16)
