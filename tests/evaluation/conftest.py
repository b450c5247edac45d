import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor


@pytest.fixture(scope="session")
def photos() -> Tensor:
    """Three color photos in 0…1, (3, 3, 96, 96), cut from scikit-image's."""
    cuts = [data.astronaut()[:384, :384], data.coffee()[:384, 100:484], data.chelsea()[:288, 60:348]]
    pixels = np.stack([cut[:: len(cut) // 96, :: len(cut) // 96] for cut in cuts])
    return torch.from_numpy(pixels).movedim(-1, 1) / 255
