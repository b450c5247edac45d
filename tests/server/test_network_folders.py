"""Folders for networks that visitors name: bounded, the least recently used goes first, and never one in use."""

import os
import shutil
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from colorizer.atomic_write import lock_folder
from colorizer.errors import ColorizerError
from colorizer.server import network_folders
from colorizer.server.network_folders import NetworkFolders


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NetworkFolders:
    monkeypatch.setattr(network_folders, "MAX_BYTES", 4000)
    monkeypatch.setattr(network_folders, "COMING", 1000)
    monkeypatch.setattr(network_folders, "MIN_FREE", 0)
    return NetworkFolders(tmp_path / "networks")


def load(folders: NetworkFolders, name: str, *, num_bytes: int = 1000) -> Path:
    with folders.use(name) as folder:
        (folder / "blobs").mkdir(exist_ok=True)
        (folder / "blobs" / "weights").write_bytes(bytes(num_bytes))
    os.utime(folder, (load.time, load.time))  # in the order of the calls, however coarse the clock is
    load.time += 1
    return folder


load.time = 1_000_000_000


def test_the_least_recently_used_goes_first(folders: NetworkFolders):
    first, second, third = (load(folders, name) for name in ("ada/1", "ada/2", "ada/3"))
    assert load(folders, "ada/1") == first
    fourth = load(folders, "ada/4")
    assert [folder.exists() for folder in (first, second, third, fourth)] == [True, True, True, True]
    load(folders, "ada/5")
    assert [folder.exists() for folder in (first, second, third, fourth)] == [True, False, True, True]


def test_tiny_ones_are_counted(folders: NetworkFolders, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(network_folders, "MAX_NETWORKS", 3)
    loaded = [load(folders, f"ada/{number}", num_bytes=1) for number in range(5)]
    assert [folder.exists() for folder in loaded] == [False, False, True, True, True]


def test_one_in_use_stays_here_and_in_another_process(folders: NetworkFolders):
    others = load(folders, "ada/others")
    with folders.use("ada/mine") as mine, lock_folder(others, shared=True):
        for name in ("ada/1", "ada/2", "ada/3"):
            load(folders, name)
        assert mine.exists()
        assert others.exists()
    for name in ("ada/4", "ada/5"):
        load(folders, name)
    assert not others.exists()


def test_more_at_a_time_than_there_is_space_for_are_refused(folders: NetworkFolders, monkeypatch: pytest.MonkeyPatch):
    with ExitStack() as stack:
        for name in "12344":
            stack.enter_context(folders.use(name))
        with pytest.raises(ColorizerError, match="no space left for networks"):
            stack.enter_context(folders.use("5"))
    kept = load(folders, "5")
    usage = shutil.disk_usage(kept)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=-1))
    with pytest.raises(ColorizerError, match="no space left for networks"), folders.use("6"):
        pass
    assert not kept.exists()


def test_what_fails_leaves_nothing(folders: NetworkFolders):
    with pytest.raises(IsADirectoryError), folders.use("ada/1") as folder:
        folder.read_bytes()
    assert not folder.exists()


def test_threads_share_a_folder(folders: NetworkFolders):
    with folders.use("ada/1") as folder:
        thread = threading.Thread(target=load, args=(folders, "ada/1"))
        thread.start()
        thread.join()
        assert (folder / "blobs" / "weights").exists()
    assert not folders._in_use
