"""Load of twenty concurrent visitors."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gradio.state_holder import SessionState
from gradio_client import Client, handle_file
from PIL import Image

from colorizer.demo import build_demo, launch_options
from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.comparison import Settings
from colorizer.demo.photo.downloads import save_result
from colorizer.demo.photo.recolor import adjusted
from colorizer.demo.photo.run import compare
from colorizer.photos.merging import gray_pixels

NUM_VISITORS = 20
MODELS = ("tiny-colorful", "tiny-dense")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """A small photo per visitor, all of one size, so that only the content identifies the visitor."""
    paths = []
    for visitor in range(NUM_VISITORS):
        levels = np.random.default_rng(visitor).integers(0, 255, (8, 12, 3), dtype=np.uint8)
        paths.append(tmp_path / f"visitor-{visitor}.png")
        Image.fromarray(levels).resize((48, 32), Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def gray_of(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return gray_pixels(np.asarray(image.convert("RGB"))).astype(int)


def whose(result: str | Path, photos: list[Path]) -> int:
    """Return the visitor whose photo has the lightness of this result. Coloring preserves the lightness."""
    gray = gray_of(result)
    distances = [np.abs(gray - gray_of(photo)).max() for photo in photos]
    assert sorted(distances)[1] > 20
    return int(np.argmin(distances))


def test_each_visitor_of_the_running_app_gets_their_own_result(
    app_url: str, app_files: Path, photos: list[Path]
) -> None:
    visitors = app_files / "visitors"
    before = set(visitors.iterdir()) if visitors.exists() else set()

    def call(visitor: int) -> str:
        # All from one address, as a class is.
        client = Client(app_url, verbose=False)
        return client.predict(handle_file(str(photos[visitor])), MODELS[visitor % 2], api_name="/colorize")

    with ThreadPoolExecutor(NUM_VISITORS) as pool:
        results = list(pool.map(call, range(NUM_VISITORS)))
    for visitor, result in enumerate(results):
        assert whose(result, photos) == visitor
        assert Path(result).name == f"visitor-{visitor}-{MODELS[visitor % 2]}.png"
    # On the server, each result is in its own folder with an unguessable name, and nothing else is left.
    folders = set(visitors.iterdir()) - before
    assert len(folders) == NUM_VISITORS
    assert {len(folder.name) for folder in folders} == {32}
    files = [[path.name for path in folder.iterdir()] for folder in folders]
    assert sorted(files) == sorted([Path(result).name] for result in results)


def test_comparisons_adjustments_and_downloads_do_not_mix(
    checkpoints: list[str], photos: list[Path], tmp_path: Path
) -> None:
    catalog = Catalog(checkpoints)

    def use(visitor: int) -> list[Path]:
        folder = tmp_path / str(visitor)
        folder.mkdir()
        *_, comparison = compare(catalog, str(photos[visitor]), list(MODELS), Settings(), folder)
        changed = adjusted(comparison, saturation=0.5, warmth=visitor, strength=0.9, options={"temperature": 0.2})
        return [comparison.gray, *(save_result(changed, model) for model in MODELS)]

    with ThreadPoolExecutor(NUM_VISITORS) as pool:
        for visitor, files in enumerate(pool.map(use, range(NUM_VISITORS))):
            assert all(path.parent == tmp_path / str(visitor) for path in files)
            assert [whose(path, photos) for path in files] == [visitor] * 3


def test_what_the_app_remembers_of_its_visitors_fits_into_memory(tmp_path: Path) -> None:
    demo = build_demo(votes=tmp_path / "votes.db")
    tracemalloc.start()
    try:
        states = [SessionState(demo) for _ in range(4)]
        each = tracemalloc.get_traced_memory()[0] / len(states)
    finally:
        tracemalloc.stop()
    # Gradio counts every API call as a visitor and stores 10,000 states by default: 5 GB.
    assert each > 10_000
    assert each * launch_options()["state_session_capacity"] < 256 * 2**20
