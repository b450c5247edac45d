"""Photos to try: those that come inside scikit-image's package, so that none is downloaded."""

import shutil
from pathlib import Path

import skimage
from PIL import Image

from colorizer.photos.merging import gray_pixels
from colorizer.photos.reading import read_photo

PHOTOS = {
    "coffee.png": "Coffee",
    "chelsea.png": "Cat",
    "astronaut.png": "Astronaut",
    "rocket.jpg": "Rocket",
    "camera.png": "Camera (gray)",
}
MADE_GRAY = {"chelsea.png": "Cat (gray)"}
_DATA = Path(skimage.__file__).parent / "data"


def sample_paths() -> dict[str, Path]:
    """What each of `PHOTOS` shows, and where it lies in scikit-image's package."""
    return {caption: _DATA / name for name, caption in PHOTOS.items()}


def example_photos(folder: Path) -> list[tuple[str, str]]:
    """(file, what it shows) of the example photos, copied into `folder`; some in color, some gray."""
    photos = [(str(shutil.copy(path, folder)), caption) for caption, path in sample_paths().items()]
    for name, caption in MADE_GRAY.items():
        path = folder / f"{Path(name).stem}-gray.png"
        Image.fromarray(gray_pixels(read_photo(_DATA / name).pixels)).save(path)
        photos.append((str(path), caption))
    return photos
