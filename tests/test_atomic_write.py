"""Atomic replacement of files and folders: failures, killed processes, concurrent writers, long names."""

import fcntl
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from colorizer.atomic_write import copy_file, hidden_path, put_in_place, temporary, write_file, write_folder, write_text

KILLED = """
import os, signal, sys
from colorizer.atomic_write import temporary
with temporary(sys.argv[1], is_folder=sys.argv[2] == "folder") as part:
    (part / "half" if part.is_dir() else part).write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""

WRITING = """
import sys
from colorizer.atomic_write import temporary
with temporary(sys.argv[1]):
    print(flush=True)
    input()
"""


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_file_is_replaced_at_the_end(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with write_file(path) as stream:
        stream.write(b"new")
        assert path.read_bytes() == b"old"
    copy_file(path, tmp_path / "copy.txt")
    assert content(tmp_path) == {"a.txt": b"new", "copy.txt": b"new"}


def test_a_folder_is_replaced_at_the_end(tmp_path: Path):
    for number in range(2):
        with write_folder(tmp_path / "state") as part:
            (part / "below").mkdir()
            (part / "below" / f"{number}").write_bytes(b"new")
    assert content(tmp_path) == {"state/below/1": b"new"}
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was_there_and_nothing_else(error: BaseException, tmp_path: Path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "a").write_bytes(b"old")
    (tmp_path / "a.bin").write_bytes(b"old")

    def fail(part: BinaryIO | Path) -> None:
        if isinstance(part, Path):
            (part / "b").write_bytes(b"half")
        else:
            part.write(b"half" * 10_000)
        raise error

    for write, name in ((write_file, "a.bin"), (write_folder, "state")):
        with pytest.raises(type(error)), write(tmp_path / name) as part:
            fail(part)
    assert content(tmp_path) == {"state/a": b"old", "a.bin": b"old"}
    assert len(list(tmp_path.iterdir())) == 2


def test_what_a_block_does_not_put_in_place_is_removed(tmp_path: Path):
    with temporary(tmp_path / "a") as part:
        part.write_bytes(b"half")
    with temporary(tmp_path / "b") as part:
        part.write_bytes(b"whole")
        put_in_place(part, tmp_path / "b")
    assert content(tmp_path) == {"b": b"whole"}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_next_write_removes_what_a_killed_process_left(kind: str, tmp_path: Path):
    target = tmp_path / "target"
    killed = subprocess.run([sys.executable, "-c", KILLED, target, kind], check=False, timeout=300)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert re.fullmatch(r"\.target\.[0-9a-f]{16}\.part", left.name)
    if kind == "file":
        write_text(target, "new")
        assert content(tmp_path) == {"target": b"new"}
    else:
        with write_folder(target) as part:
            (part / "a").write_bytes(b"new")
        assert content(tmp_path) == {"target/a": b"new"}
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize("is_folder", [False, True])
def test_of_several_writers_of_one_target_the_last_wins(is_folder: bool, tmp_path: Path):
    def write(number: int) -> None:
        for _ in range(20):
            with temporary(tmp_path / "a", is_folder=is_folder) as part:
                file = part / "file" if is_folder else part
                file.write_bytes(b"%d" % number)
                with file.open("ab") as stream:
                    stream.write(b"%d" % number * 10_000)
                put_in_place(part, tmp_path / "a", flush=False)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(4)))
    (written,) = content(tmp_path).values()
    assert len(written) == 10_001
    assert len(set(written)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_new_one_that_another_takes_for_a_leftover_is_left_to_it(is_folder: bool, tmp_path: Path, monkeypatch):
    taken: list[int] = []
    flock = fcntl.flock

    def lock(descriptor: int, operation: int) -> None:
        if not taken:  # another process locks the first one, to remove it
            taken.append(os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY))
            flock(taken[0], operation)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock)
    with temporary(tmp_path / "a", is_folder=is_folder) as part:
        (first,) = (path for path in tmp_path.iterdir() if path != part)
        assert os.path.samestat(os.fstat(taken[0]), first.stat())
    os.close(taken[0])


@pytest.mark.parametrize("name", ["a" * 255, "日" * 83 + "aa.png", "😀" * 62 + "aaa.png", os.fsdecode(b"\xff" * 255)])
def test_a_name_may_be_as_long_as_the_file_system_allows(name: str, tmp_path: Path):
    assert len(os.fsencode(name)) == 255
    write_text(tmp_path / name, "text")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(os.fsencode(hidden_path(tmp_path / name, ".coloring").name)) <= 255


def test_a_file_that_can_not_be_written_is_an_os_error(tmp_path: Path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "none" / "a", tmp_path / "file" / "a", tmp_path / "folder"):
        with pytest.raises(OSError, match=r"none|file|folder"):
            write_text(path, "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_what_another_process_is_writing_stays(tmp_path: Path):
    command = [sys.executable, "-c", WRITING, tmp_path / "a"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        write_text(tmp_path / "a", "mine")  # does not wait for it either
        assert len(list(tmp_path.iterdir())) == 2
        writer.communicate(b"\n", timeout=300)
    assert content(tmp_path) == {"a": b"mine"}


def test_links_that_are_called_like_leftovers_are_not_followed(tmp_path: Path):
    (tmp_path / "precious").write_bytes(b"precious")
    for name in (".a.part", ".a.0123456789abcdef.part"):
        (tmp_path / name).symlink_to(tmp_path / "precious")
    (tmp_path / ".b.part").mkdir()
    for name in ("a", "b"):
        write_text(tmp_path / name, "text")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "a").is_symlink()
