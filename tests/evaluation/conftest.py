import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from colorizer.data import PhotoDataset, load_photos


@pytest.fixture(scope="session")
def photos() -> Tensor:
    """Three color photos in 0…1, (3, 3, 96, 96), cut from scikit-image's."""
    cuts = [data.astronaut()[:384, :384], data.coffee()[:384, 100:484], data.chelsea()[:288, 60:348]]
    pixels = np.stack([cut[:: len(cut) // 96, :: len(cut) // 96] for cut in cuts])
    return torch.from_numpy(pixels).movedim(-1, 1) / 255


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PhotoDataset:
    """Seven cuts of scikit-image's color photos."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(7):
        source = (data.astronaut, data.coffee, data.chelsea)[number % 3]()
        top = 20 * number
        Image.fromarray(source[top : top + 144, top : top + 144]).resize((48, 48)).save(folder / f"{number}.png")
    return load_photos(folder, resolution=48, cache_dir=tmp_path_factory.mktemp("cache"))
