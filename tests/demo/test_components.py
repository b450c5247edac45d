"""Folders of visitors' files."""

from pathlib import Path

import pytest

from colorizer.demo import components
from colorizer.demo.components import new_folder


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(components, "get_upload_folder", lambda: str(tmp_path))
    return tmp_path


def test_each_visit_has_a_folder_of_its_own(files: Path) -> None:
    folders = [new_folder() for _ in range(3)]
    assert len(set(folders)) == 3
    assert {folder.parent for folder in folders} == {files / "visitors"}
    assert new_folder("examples") == new_folder("examples") == files / "examples"
