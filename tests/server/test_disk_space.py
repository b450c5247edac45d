"""Space for the files of visitors: the oldest go first, and what is in use stays."""

import os
import shutil
import time
from pathlib import Path

import pytest

from colorizer.errors import ColorizerError
from colorizer.server import disk_space
from colorizer.server.disk_space import DiskSpace, Shares, delete_old

HASH = "0f" * 32


def add(path: Path, num_bytes: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(num_bytes))
    return path


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "_PAUSE", 0)
    monkeypatch.setattr(disk_space, "_MIN_SIZE", 1)


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


def test_tiny_files_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "_MIN_SIZE", 1000)
    for number in range(4):
        add(tmp_path / HASH / f"{number}.png", 1)
    DiskSpace(max_bytes=4000, min_free=0).check(tmp_path)
    with pytest.raises(ColorizerError):
        DiskSpace(max_bytes=3999, min_free=0).check(tmp_path)


def test_a_caller_has_a_share_of_what_is_announced_and_has_come() -> None:
    shares = Shares(max_bytes=1000, seconds=0.2)
    with shares.take("one", 900) as share, shares.take("two", 900):
        assert shares.num_coming == 1800
        with pytest.raises(ColorizerError, match="You have sent a lot"), shares.take("one", 101):
            pass
        share.num_bytes = 400
    assert shares.num_coming == 0
    with shares.take("one", 600), pytest.raises(ColorizerError), shares.take("one", 1):
        pass
    time.sleep(0.25)
    with shares.take("one", 1000), shares.take("two", 1000):
        pass
    assert not shares._num_sent.total()


def test_many_tiny_files_are_a_large_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "_MIN_SIZE", 100)
    shares = Shares(max_bytes=1000)
    with shares.take("one", 50) as share:
        share.num_bytes, share.num_files = 50, 10
    with pytest.raises(ColorizerError), shares.take("one", 1):
        pass


def age(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a day go by since `path` was written."""
    late = path.lstat().st_ctime + 24 * 3600
    monkeypatch.setattr(time, "time", lambda: late)


def test_old_files_of_visitors_are_deleted_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = (f"{HASH}/a.png", "visitors/1/b.png", "tmpabcd1234", "deep_links/a/state.json")
    old = [add(tmp_path / name, 10) for name in names]
    own = [add(tmp_path / name, 10) for name in ("examples/cliff.webp", "holiday.jpg", f"examples/{HASH}/a.png")]
    delete_old(tmp_path, 3600)
    assert all(path.exists() for path in (*old, *own))
    age(old[-1], monkeypatch)
    delete_old(tmp_path, 3600)
    assert not any(path.exists() for path in old)
    age(tmp_path, monkeypatch)
    delete_old(tmp_path, 3600)
    assert {path.name for path in tmp_path.iterdir()} == {"examples", "holiday.jpg", "visitors"}
    assert all(path.exists() for path in own)


def test_links_are_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = add(tmp_path / "mine/a.png", 10)
    uploads = tmp_path / "uploads"
    (uploads / HASH).mkdir(parents=True)
    for link in (uploads / "tmpabcd1234", uploads / HASH / "link"):
        link.symlink_to(mine.parent)
    age(uploads / HASH / "link", monkeypatch)
    delete_old(uploads, 3600)
    assert mine.exists()


def test_a_folder_of_results_goes_as_a_whole(tmp_path: Path) -> None:
    for name, hours in (("recent", 1.9), ("old", 2.1)):
        add(tmp_path / "visitors" / name / "photo.npz", 10)
        os.utime(tmp_path / "visitors" / name, (time.time() - hours * 3600,) * 2)
    delete_old(tmp_path, 3600)
    assert [path.name for path in (tmp_path / "visitors").iterdir()] == ["recent"]
