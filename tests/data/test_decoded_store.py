"""Store of decoded photos: built once, rebuilt if damaged, shared by processes."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from colorizer.atomic_write import _sweep, hidden_path
from colorizer.data import load_photos
from colorizer.data.decoded_store import read_store
from colorizer.errors import DatasetError
from tests.data.conftest import color_photo


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


@pytest.mark.parametrize("index", ["[]", "null", "7", '{"labels": [1e400]}', "[" * 200_000, '{"labels": ["\\ud800"]}'])
def test_any_damaged_index_is_no_store(index: str, folder: Path, cache: Path) -> None:
    load_photos(folder, resolution=32, cache_dir=cache)
    (store,) = cache.glob("*/")
    assert read_store(store)
    (store / "index.json").write_text(index)
    assert read_store(store) is None


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Limit files to 8 kB: the kernel refuses to write more, as on a full disk."""
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


@pytest.mark.parametrize(
    "index", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"labels": [9223372036854775808], "checksums": []}']
)
def test_damaged_index_is_no_store(folder: Path, cache: Path, index: bytes) -> None:
    load_photos(folder, resolution=32, cache_dir=cache)
    (store,) = cache.glob("*/")
    (store / "index.json").write_bytes(index)
    assert read_store(store) is None


def test_what_a_killed_process_left_is_swept_away(folder: Path, cache: Path) -> None:
    photos = load_photos(folder, resolution=32, cache_dir=cache)
    (store,) = cache.glob("*/")
    store.rename(hidden_path(store, f".{'0' * 16}.part"))
    _sweep.cache_clear()  # as in another process
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
    answers = sorted(process.communicate(timeout=300)[0].split() for process in running)
    assert [answer[:2] for answer in answers] == [["12", "0"], ["12", "12"]]
    assert answers[0][2] == answers[1][2]
