from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer import ColorizerError, create_model, pictures
from colorizer.loading import save_checkpoint


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """24 photos, each of one gray of its own."""
    paths = [tmp_path / f"{number:02}.png" for number in range(24)]
    for number, path in enumerate(paths):
        Image.new("L", (32, 24), 10 * number).save(path)
    return paths


def test_every_second_of_24_photos_is_shown_gray_and_colored(photos: list[Path], tmp_path: Path):
    save_checkpoint(create_model("dense", width=1 / 64), tmp_path / "model")
    sheet = pictures.before_and_after(photos[::-1], model=str(tmp_path / "model"))
    shown = np.asarray(sheet).astype(int)
    levels = [
        tuple(shown[row, column]) for row in range(0, shown.shape[0], 8) for column in range(0, shown.shape[1], 8)
    ]
    grays = {level[0] for level in levels if len(set(level)) == 1}
    assert {20 * number for number in range(12)} <= grays
    assert not {10 + 20 * number for number in range(11)} & grays
    assert any(len(set(level)) > 1 for level in levels)


def test_fewer_photos_are_an_error(photos: list[Path]):
    with pytest.raises(ColorizerError, match="12 photos are shown, and here are 11"):
        pictures.before_and_after(photos[:11])
