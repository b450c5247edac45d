"""Tiny checkpoints, small photos, and the running app: `python app.py` in another process, on the loopback interface."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer import create_model, save_checkpoint
from tests.clips import make_clip, pan

ROOT = Path(__file__).parents[2]
START_SECONDS = 150  # five on an idle machine


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Folders of two tiny untrained checkpoints: one with a temperature and for any size, one with neither."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save_checkpoint(create_model("colorful", width=1 / 16, resolution=32), folder / "tiny-colorful")
    save_checkpoint(create_model("dense", width=1 / 64), folder / "tiny-dense")
    return [str(folder / "tiny-colorful"), str(folder / "tiny-dense")]


@pytest.fixture(scope="session")
def damaged_checkpoint(checkpoints: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a checkpoint called "damaged", whose weights can't be read."""
    folder = tmp_path_factory.mktemp("checkpoints") / "damaged"
    shutil.copytree(checkpoints[1], folder)
    (folder / "model.safetensors").write_bytes(b"nonsense")
    return str(folder)


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """A small colored picture, uint8, 48×80×3."""
    row, column = np.mgrid[0:48, 0:80]
    wave = 128 + 80 * np.sin(row / 5) * np.cos(column / 7)
    return np.stack([wave, column * 3, 255 - row * 4], axis=-1).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def color_photo(pixels: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("photos") / "harbor view.png"
    Image.fromarray(pixels).save(path)
    return str(path)


@pytest.fixture(scope="session")
def gray_photo(pixels: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("photos") / "gray.png"
    Image.fromarray(pixels).convert("L").save(path)
    return str(path)


@pytest.fixture(scope="session")
def broken_photo(color_photo: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("photos") / "broken.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)))
    return str(path)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A clip of one second and 64×48 pixels, with a tone as sound."""
    return str(make_clip(tmp_path_factory.mktemp("clips") / "harbor view.mp4", pan()))


@pytest.fixture(scope="session")
def broken_clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("clips") / "broken.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(3000))
    return str(path)


@pytest.fixture(scope="session")
def app_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the app's temporary files."""
    return tmp_path_factory.mktemp("gradio")


@pytest.fixture(scope="session")
def app_votes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of the app's votes."""
    return tmp_path_factory.mktemp("votes") / "votes.sqlite3"


@pytest.fixture(scope="session")
def app_url(
    checkpoints: list[str], app_files: Path, app_votes: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """URL of a running `python app.py` that offers the tiny checkpoints in addition to the package's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "COLORIZER_MODELS": ",".join([*checkpoints, "nonsense"]),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(app_files),
        "COLORIZER_VOTES": str(app_votes),
        "GRADIO_MCP_SERVER": "True",
        "COLORIZER_PRIVATE_PAGE": "https://example.org/private",
    }
    log = tmp_path_factory.mktemp("app") / "app.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py")], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"app.py did not start:\n{log.read_text()}")
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False
