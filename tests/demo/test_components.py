"""Folders of visitors' files and their deletion."""

import os
import time
from pathlib import Path

import pytest

from colorizer.demo import components
from colorizer.demo.components import MAX_AGE, new_folder


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(components, "get_upload_folder", lambda: str(tmp_path))
    return tmp_path


def test_each_visit_has_a_folder_of_its_own(files: Path) -> None:
    folders = [new_folder() for _ in range(3)]
    assert len(set(folders)) == 3
    assert {folder.parent for folder in folders} == {files / "visitors"}
    assert new_folder("examples") == new_folder("examples") == files / "examples"


def test_old_folders_go_when_a_new_one_is_made(files: Path) -> None:
    old, recent = new_folder(), new_folder()
    lasting = new_folder("examples")
    for folder, age in ((old, MAX_AGE + 60), (recent, MAX_AGE - 60), (lasting, 10 * MAX_AGE)):
        (folder / "photo.npz").write_bytes(b"pixels")
        os.utime(folder, (time.time() - age,) * 2)
    new_folder()
    assert not old.exists()
    assert (recent / "photo.npz").exists()
    assert (lasting / "photo.npz").exists()
