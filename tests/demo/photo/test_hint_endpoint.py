"""Endpoint `/hint` of the running app."""

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from colorizer.demo.photo.history import MAX_HINTS


@pytest.fixture(scope="module")
def gray_halves(tmp_path_factory: pytest.TempPathFactory) -> str:
    """640×427, the left half darker than the right."""
    path = tmp_path_factory.mktemp("photos") / "two halves.png"
    Image.fromarray(np.where(np.mgrid[:427, :640][1] < 320, 90, 170).astype(np.uint8)).save(path)
    return str(path)


def test_the_endpoint_follows_hints_within_bounds(app_url: str, gray_halves: str):
    client = Client(app_url, verbose=False)
    photo = handle_file(gray_halves)
    path = client.predict(photo, [[100, 200, [30, 60, 220]]], "tiny-dense", api_name="/hint")
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (640, 427))
        assert np.ptp(np.asarray(image)[200, 100].astype(int)) > 40
    for hints, message in (
        ([[1, 1, [0, 0, 0]]] * (MAX_HINTS + 1), f"There are {MAX_HINTS + 1} hints"),
        ([[640, 1, [0, 0, 0]]], "lies outside"),
        ([[1, 1, "blue"]], "has no color"),
        ("blue", "must be a list of hints"),
    ):
        with pytest.raises(AppError, match=message):
            client.predict(photo, hints, "tiny-dense", api_name="/hint")
