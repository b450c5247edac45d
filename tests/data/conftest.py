"""Small photos to read, in color and not."""

import io
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image

from colorizer.data.decoding import decode


def color_photo(seed: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """Smooth patches of many colors, different for each seed."""
    patches = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)


def encode(photo: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    photo.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of six photos each."""
    for name in ("apples", "boats"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(6):
            color_photo(number + 10 * (name == "boats")).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Decoded photos, one entry each."""
    seen: list[object] = []

    def note(source: object, *args: object, **settings: object) -> object:
        seen.append(source)
        return decode(source, *args, **settings)

    monkeypatch.setattr("colorizer.data.decoding.decode", note)
    return seen


@pytest.fixture
def write_parquet(tmp_path: Path) -> Callable[..., Path]:
    """Write photos (as bytes) and labels to a parquet file as `datasets` does."""

    def write(name: str, images: list[bytes | None], labels: list | None = None, **features: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = {"image": [image and {"bytes": image, "path": f"{i}.png"} for i, image in enumerate(images)]}
        kinds = {"image": datasets.Image(decode=False)}
        if labels is not None:
            columns["label"] = labels
            kinds["label"] = features.get("label", datasets.Value("string"))
        datasets.Dataset.from_dict(columns, features=datasets.Features(kinds)).to_parquet(path)
        return path

    return write


@pytest.fixture(autouse=True)
def is_quick_at_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the five seconds that `datasets` sleeps at the end of a stream of several files, for a bug of old Arrow versions."""
    monkeypatch.setattr(datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0)
