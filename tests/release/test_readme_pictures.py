from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer import ColorizerError, create_model
from colorizer.hub.loading import save_checkpoint
from colorizer.release import readme_pictures


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """24 photos, each of a different gray."""
    paths = [tmp_path / f"{number:02}.png" for number in range(24)]
    for number, path in enumerate(paths):
        Image.new("L", (32, 24), 10 * number).save(path)
    return paths


def test_every_second_of_24_photos_is_shown_gray_and_colored(photos: list[Path], tmp_path: Path):
    save_checkpoint(create_model("dense", width=1 / 64), tmp_path / "model")
    sheet = readme_pictures.before_and_after(photos[::-1], model=str(tmp_path / "model"))
    shown = np.asarray(sheet).astype(int)
    levels = [
        tuple(shown[row, column]) for row in range(0, shown.shape[0], 8) for column in range(0, shown.shape[1], 8)
    ]
    grays = {level[0] for level in levels if len(set(level)) == 1}
    assert {20 * number for number in range(12)} <= grays
    assert not {10 + 20 * number for number in range(11)} & grays
    assert any(len(set(level)) > 1 for level in levels)


def test_fewer_photos_are_an_error(photos: list[Path]):
    with pytest.raises(ColorizerError, match=r"12 photos.*11"):
        readme_pictures.before_and_after(photos[:11])


def test_samples_show_the_photos_in_color_the_worst_last(photos: list[Path], tmp_path: Path):
    save_checkpoint(create_model("dense", width=1 / 64), tmp_path / "model")
    colors = {"a": (250, 40, 40), "b": (150, 140, 120), "c": (60, 70, 250)}
    rows, columns = np.mgrid[:24, :32]
    for name, color in colors.items():
        # In one color alone it would be a toned photo, which counts as gray.
        pixels = np.where(((rows + columns) % 2)[..., None], color, color[::-1])
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{name}.png")
    in_color = [tmp_path / f"{name}.png" for name in colors]
    sheet = readme_pictures.samples([*photos[:2], *in_color], model=str(tmp_path / "model"))
    # Two photos a row, three pictures each, of 4:3.
    width = 3 * round(readme_pictures.SAMPLE_HEIGHT * 4 / 3)
    assert 2 * width < sheet.width < 2.3 * width
    assert 2 * readme_pictures.SAMPLE_HEIGHT < sheet.height < 3 * readme_pictures.SAMPLE_HEIGHT
    means = {name: np.mean([color, color[::-1]], 0) for name, color in colors.items()}
    first = np.asarray(sheet.crop((sheet.width // 2 - width // 3, 20, sheet.width // 2 - 20, 100))).mean((0, 1))
    assert np.abs(first - means["b"]).max() < 6
    with pytest.raises(ColorizerError, match="No photo is in color"):
        readme_pictures.samples(photos, model=str(tmp_path / "model"))
