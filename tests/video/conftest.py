"""A network and a clip to color, and a check of the folder afterwards."""

from pathlib import Path

import pytest

from colorizer.pipelines.image_colorization import ColorizationPipeline, pipeline
from tests.clips import make_clip, pan
from tests.pipelines.test_prediction import lively


def assert_nothing_left(folder: Path, *files: str) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)


@pytest.fixture(scope="module")
def pipe() -> ColorizationPipeline:
    return pipeline(lively("colorful", resolution=32), device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second with sound."""
    return make_clip(
        tmp_path_factory.mktemp("clips") / "pan.mp4", pan(), metadata={"title": "Coffee", "comment": "Mine"}
    )
