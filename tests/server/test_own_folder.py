"""Folder for temporary files on a machine with several users."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from colorizer.server.own_folder import own_folder

USER = 4242


@pytest.fixture
def common(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_private_and_the_same_at_each_start(common: Path) -> None:
    folder = own_folder()
    assert folder == own_folder() == common / f"colorizer-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    assert own_folder().stat().st_mode & 0o777 == 0o700


def test_another_users_is_not_used(common: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (common / f"colorizer-{USER}").mkdir(mode=0o777)
    monkeypatch.setattr(os, "getuid", lambda: USER)
    folders = {own_folder(), own_folder()}
    assert len(folders) == 2
    assert not [folder for folder in folders if folder.name == f"colorizer-{USER}" or folder.stat().st_mode & 0o077]


@pytest.mark.parametrize("is_link", [True, False])
def test_a_link_or_a_file_in_its_place_is_not_used(common: Path, is_link: bool) -> None:
    place = common / f"colorizer-{os.getuid()}"
    (common / "elsewhere").mkdir()
    place.symlink_to(common / "elsewhere") if is_link else place.write_text("a file")
    folder = own_folder()
    assert folder.is_dir()
    assert folder.resolve() not in (place.resolve(), common / "elsewhere")


@pytest.mark.parametrize("given", ["", "chosen"])
def test_gradio_uses_it_unless_told_otherwise(tmp_path: Path, given: str) -> None:
    code = "import colorizer.demo, gradio.utils; print(gradio.utils.get_upload_folder())"
    environment = os.environ | {"TMPDIR": str(tmp_path), "GRADIO_TEMP_DIR": given and str(tmp_path / given)}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(tmp_path / (given or f"colorizer-{os.getuid()}"))
