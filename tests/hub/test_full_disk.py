"""A checkpoint saved on a full disk."""

import resource
from pathlib import Path

import pytest

from colorizer import ColorizerError, create_model, save_checkpoint


@pytest.mark.parametrize("size", [0, 300, 4000])
def test_the_previous_checkpoint_stays(tmp_path: Path, size: int) -> None:
    save_checkpoint(create_model("dense", width=1 / 64, resolution=8), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        with pytest.raises(ColorizerError, match=r"could not be saved .* The previous one, if any, is intact"):
            save_checkpoint(create_model("dense", width=1 / 32, resolution=16), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
