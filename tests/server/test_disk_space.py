"""Space for the files of visitors: the oldest go first, and what is in use stays."""

import os
import shutil
import time
from pathlib import Path

import pytest

from colorizer.errors import ColorizerError
from colorizer.server import disk_space
from colorizer.server.disk_space import DiskSpace

HASH = "0f" * 32


def add(path: Path, num_bytes: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(num_bytes))
    return path


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "_PAUSE", 0)


def test_the_oldest_files_of_visitors_go_first(tmp_path: Path) -> None:
    files = []
    for name in (f"{HASH}/a.png", "visitors/1/b.png", "visitors/1/below/c.zip", "tmpabcd1234"):
        files.append(add(tmp_path / name, 1000))
        time.sleep(0.02)
    others = [add(tmp_path / name, 10_000) for name in ("examples/cliff.webp", "holiday.jpg", "tmp/d.png")]
    space = DiskSpace(max_bytes=4000, min_free=0, min_age=0)
    space.check(tmp_path)
    assert all(file.exists() for file in files)
    space.check(tmp_path, 1500)
    assert [file.exists() for file in files] == [False, False, True, True]
    assert all(other.exists() for other in others)


def test_files_in_use_stay_and_more_are_refused(tmp_path: Path) -> None:
    file = add(tmp_path / HASH / "a.png", 1000)
    space = DiskSpace(max_bytes=1500, min_free=0, min_age=900)
    with pytest.raises(ColorizerError, match="no space left for files"):
        space.check(tmp_path, 600)
    assert file.exists()
    space.check(tmp_path, 400)


def test_a_part_of_the_disk_stays_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = add(tmp_path / HASH / "a.png", 1000)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5000 if file.exists() else 6000))
    DiskSpace(min_free=4000, min_age=0).check(tmp_path, 1000)
    assert file.exists()
    DiskSpace(min_free=5000, min_age=0).check(tmp_path, 1000)
    assert not file.exists()
    with pytest.raises(ColorizerError):
        DiskSpace(min_free=5000, min_age=0).check(tmp_path, 1001)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    private = add(tmp_path / "private" / "a.png", 1000)
    (tmp_path / "files" / "visitors").mkdir(parents=True)
    os.symlink(private.parent, tmp_path / "files" / "visitors" / "link")
    with pytest.raises(ColorizerError):
        DiskSpace(max_bytes=100, min_free=0, min_age=0).check(tmp_path / "files", 200)
    assert private.exists()
