"""Tiny checkpoints and a small album for the commands."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from colorizer import checkpoints
from colorizer.approaches import create_model
from colorizer.hub.loading import save_checkpoint


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of two tiny checkpoints: `small` (dense) and `bins` (colorful)."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    save_checkpoint(create_model("dense", width=1 / 64), folder / "small")
    bins = create_model("colorful", width=1 / 16, resolution=64)
    # An untrained network's distributions are too flat for the temperature to matter.
    bins.network[-1].weight.data *= 30
    save_checkpoint(bins, folder / "bins")
    return folder


@pytest.fixture
def package(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the package's checkpoints with the tiny ones."""
    monkeypatch.setattr(checkpoints, "FOLDER", models)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Three photos of different sizes and kinds."""
    folder = tmp_path / "album"
    folder.mkdir()
    Image.fromarray(data.astronaut()[:120, :90]).save(folder / "face.jpg")
    Image.fromarray(data.camera()[:64, :100]).save(folder / "gray.png")
    cat = Image.fromarray(data.chelsea()[:80, :80])
    cat.putalpha(128)
    cat.save(folder / "cat.png")
    return folder


@pytest.fixture
def broken(album: Path) -> Path:
    """A truncated photo, added to the album."""
    whole = (album / "face.jpg").read_bytes()
    (album / "broken.jpg").write_bytes(whole[: len(whole) // 4])
    return album / "broken.jpg"
