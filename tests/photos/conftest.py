"""A small color photo and its encoding in file formats."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """A color photo, 60×40, whose corners all differ."""
    return np.array(Image.fromarray(data.coffee()).resize((60, 40), Image.Resampling.BOX))


def encode(image: Image.Image | np.ndarray, file_format: str = "PNG", **options: object) -> bytes:
    """Return an image as the content of a file of this format."""
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, file_format, **options)
    return file.getvalue()
