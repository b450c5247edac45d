"""Sharing and display of every approach: pushed and pulled, side by side in `compare` and in the app."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from colorizer import list_approaches, pipeline, save_checkpoint
from colorizer.cli.parser import main
from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.comparison import Settings
from colorizer.demo.photo.run import compare
from colorizer.hub.upload import push
from tests.approaches.test_contract import smallest

APPROACHES = list_approaches(own=True)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> list[Path]:
    """Tiny checkpoint of each approach, called tiny-NAME."""
    folder = tmp_path_factory.mktemp("checkpoints")
    saved = []
    for approach in APPROACHES:
        _, size = smallest(approach)
        model, _ = smallest(approach, resolution=size)
        saved.append(save_checkpoint(model, folder / f"tiny-{approach}"))
    return saved


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "coffee.png"
    Image.fromarray(data.coffee()[::8, ::8].copy()).save(path)
    return path


@pytest.mark.parametrize("place", range(len(APPROACHES)), ids=APPROACHES)
def test_pushed_and_pulled_it_colors_alike(checkpoints, photo, hub, place):
    push(checkpoints[place], f"someone/{checkpoints[place].name}")
    local, pulled = (
        pipeline(name, device="cpu")(photo) for name in (checkpoints[place], f"someone/{checkpoints[place].name}")
    )
    assert np.abs(np.asarray(local).astype(int) - np.asarray(pulled)).max() <= 1


def test_all_stand_side_by_side_in_compare(checkpoints, photo, tmp_path):
    sheet = tmp_path / "sheet.png"
    assert main(["compare", str(photo), "-o", str(sheet), "--model", *map(str, checkpoints)]) == 0
    with Image.open(sheet) as picture:
        # Gray, truth, and each approach.
        assert picture.width * picture.height > (len(checkpoints) + 2) * 240 * 240


def test_the_app_offers_and_shows_all(checkpoints, photo, tmp_path):
    catalog = Catalog([str(folder) for folder in checkpoints])
    names = [folder.name for folder in checkpoints]
    assert catalog.problems == {}
    assert set(names) <= set(catalog.names)
    *_, comparison = compare(catalog, str(photo), names, Settings(), tmp_path)
    assert [result.name for result in comparison.results] == names
    assert comparison.is_done
