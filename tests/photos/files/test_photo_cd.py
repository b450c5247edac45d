"""Kodak's Photo CD: the image of 768×512 pixels, which each file holds without compression, upright."""

import numpy as np
import pytest

from colorizer.data.decoding import decode
from colorizer.errors import PhotoError
from colorizer.photos.files.reading import read_photo

WIDTH, HEIGHT = 768, 512
_START = 96 * 2048  # of that image
_GRAY_CHROMA = 156, 137


def photo_cd(luma: np.ndarray, turns: int) -> bytes:
    """A gray photo in PhotoYCC: of each two rows, their luma and half a row of each chroma."""
    rows = luma.reshape(HEIGHT // 2, 2 * WIDTH)
    chroma = [np.full((HEIGHT // 2, WIDTH // 2), level, np.uint8) for level in _GRAY_CHROMA]
    head = bytearray(_START)
    head[2048:2055] = b"PCD_IPI"
    head[2048 + 1538] = turns
    return bytes(head) + np.hstack([rows, *chroma]).tobytes()


@pytest.mark.parametrize("turns", range(4))
def test_a_photo_cd_is_read_upright_in_its_base_size(turns: int):
    luma = np.linspace(20, 180, WIDTH).astype(np.uint8)[None].repeat(HEIGHT, 0)
    luma[:200, :300] = 30
    photo = read_photo(photo_cd(luma, turns))
    assert photo.size == ((WIDTH, HEIGHT) if turns % 2 == 0 else (HEIGHT, WIDTH))
    assert photo.is_gray
    # Its white is 182, since levels above are brighter than paper.
    expected = np.rot90(luma * (255 / 182), turns)
    assert np.abs(photo.pixels.mean(2) - expected).max() < 10
    (note,) = photo.notes
    assert "768×512" in note


def test_a_cut_photo_cd_is_refused():
    content = photo_cd(np.full((HEIGHT, WIDTH), 90, np.uint8), 0)
    with pytest.raises(PhotoError, match="damaged or incomplete"):
        read_photo(content[: -len(content) // 4])


def test_training_turns_it_upright_too():
    luma = np.linspace(20, 180, HEIGHT).astype(np.uint8)[:, None].repeat(WIDTH, 1)
    content = bytearray(photo_cd(luma, 0))
    # A blue half: gray is not learned from.
    rows = np.frombuffer(content, np.uint8)[_START:].reshape(HEIGHT // 2, -1)
    rows[:, 2 * WIDTH : 2 * WIDTH + WIDTH // 4] = 220
    upright = decode(bytes(content), 64)
    content[2048 + 1538] = 2
    on_its_head = decode(bytes(content), 64)
    assert np.abs(on_its_head.astype(int) - upright[:, ::-1, ::-1]).max() <= 1
