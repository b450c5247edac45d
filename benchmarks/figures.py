"""Figures of the table of `python -m benchmarks`: each a function that measures ours and, where there is one, a peer.

A figure returns `{"ours": seconds, "peer": seconds, "peer_name": …, "steps": {name: seconds}, "note": …}`; all but "ours" may
be missing.
"""

import contextlib
import importlib
import importlib.util
import inspect
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image
from skimage import data

from benchmarks.app import REPOSITORY

REPEATS = 5
_LARGE, _SMALL = (4000, 3000), (1152, 864)
_STEPS = {
    "reading": "colorizer.photos.files.reading.read_photo",
    "lightness": "colorizer.pipelines.image_colorization.compute_lightness",
    "network": "colorizer.pipelines.image_colorization.predict",
    "merging": "colorizer.pipelines.image_colorization.color_photo",
    "saving": "colorizer.photos.files.saving.save_photo",
}


def best(run: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Return the seconds of the fastest of some runs, after one that isn't counted."""
    run()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


@contextlib.contextmanager
def timed_steps() -> Iterator[Counter]:
    """Count the seconds that each step takes in the block, in all threads."""
    seconds: Counter = Counter()
    with contextlib.ExitStack() as stack:
        for name, place in _STEPS.items():
            module, attribute = place.rsplit(".", 1)
            stack.enter_context(
                mock.patch(place, _timed(name, getattr(importlib.import_module(module), attribute), seconds))
            )
        yield seconds


def _timed(step: str, function: Callable, seconds: Counter) -> Callable:
    def timed(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            seconds[step] += time.perf_counter() - start

    return timed


def gray_photo(size: tuple[int, int], number: int = 0) -> Image.Image:
    """Return a gray photo with the noise of a scan."""
    photo = Image.fromarray((data.coffee, data.chelsea, data.astronaut)[number % 3]()).convert("L")
    noise = np.random.default_rng(number).integers(-4, 5, size[::-1])
    return Image.fromarray((np.asarray(photo.resize(size)) + noise).clip(0, 255).astype(np.uint8))


def merging(saturation: float) -> dict[str, Any]:
    """Measure the merge of a 12-MP photo, against scikit-image."""
    import torch

    from benchmarks.merge import NETWORK_SIZE, enlarge, merge_by_skimage
    from colorizer.photos.color import rgb_to_lab
    from colorizer.photos.merging import merge_colors

    image = Image.fromarray(data.coffee())
    pixels = np.array(image.resize(_LARGE))
    small = np.array(image.resize(NETWORK_SIZE[::-1], Image.Resampling.BOX))
    ab = saturation * rgb_to_lab(torch.from_numpy(small).permute(2, 0, 1) / 255)[1:]
    large = enlarge(ab, *_LARGE[::-1])
    ours, theirs = best(lambda: merge_colors(pixels, ab)), best(lambda: merge_by_skimage(pixels, large), 1)
    return {"ours": ours, "peer": theirs, "peer_name": "scikit-image"}


def one_photo(threads: int | None = None) -> dict[str, Any]:
    """Measure a photo of 1 MP by `default`; the peer is the PyTorch backend, where there are several."""
    import torch

    from colorizer.pipelines.image_colorization import pipeline

    if threads:
        torch.set_num_threads(threads)
    photo = gray_photo(_SMALL)
    pipe = pipeline("default")
    ours = best(lambda: pipe(photo))
    with timed_steps() as steps:
        best(lambda: pipe(photo))
    result: dict[str, Any] = {"ours": ours, "steps": {name: total / (REPEATS + 1) for name, total in steps.items()}}
    if "backend" in inspect.signature(pipeline).parameters:
        peer = pipeline("default", backend="torch")
        result |= {"peer": best(lambda: peer(photo)), "peer_name": "PyTorch backend"}
    return result


def all_models() -> dict[str, Any]:
    """Measure all checkpoints of the package on a photo of 1 MP, one after another."""
    from colorizer.checkpoints import list_checkpoints
    from colorizer.pipelines.image_colorization import pipeline

    photo, pipes = gray_photo(_SMALL), [pipeline(name) for name in list_checkpoints()]
    return {"ours": best(lambda: [pipe(photo) for pipe in pipes], 3)}


def folder(suffix: str, count: int = 8) -> dict[str, Any]:
    """Measure a photo of a folder of 12-MP JPEGs from the shell, without its start; libvips converts to Lab and back alone."""
    from colorizer.cli import colorize
    from colorizer.cli.parser import main

    seconds = []
    color = colorize._color

    def timed(*arguments: Any) -> None:
        start = time.perf_counter()
        color(*arguments)
        seconds.append((time.perf_counter() - start) / count)

    with tempfile.TemporaryDirectory() as temporary, mock.patch.object(colorize, "_color", timed):
        album = Path(temporary, "album")
        album.mkdir()
        for number in range(count):
            gray_photo(_LARGE, number).save(album / f"{number}.jpg", quality=92)
        command = ["colorize", str(album), "-o", str(Path(temporary, "out")), "--format", suffix, "--overwrite"]
        main(command)
        with timed_steps() as steps:
            main(command)
        result: dict[str, Any] = {
            "ours": min(seconds),
            "steps": {name: total / count for name, total in steps.items()},
        }
        if importlib.util.find_spec("pyvips"):
            import pyvips

            def convert() -> None:
                for path in album.iterdir():
                    lab = pyvips.Image.new_from_file(str(path)).colourspace("lab")
                    lab.colourspace("srgb").write_to_file(str(Path(temporary, f"{path.stem}.{suffix}")))

            result |= {"peer": best(convert, 1) / count, "peer_name": "libvips"}
    return result


def cold_photo() -> dict[str, Any]:
    """Measure a photo of 1 MP from the shell, from the start; the peer is the import of transformers' models."""
    with tempfile.TemporaryDirectory() as temporary:
        gray_photo(_SMALL).save(Path(temporary, "photo.jpg"))
        command = ["-m", "colorizer", "colorize", f"{temporary}/photo.jpg", "-o", f"{temporary}/out", "--overwrite"]
        ours = best(lambda: _run_python(*command), 3)
    peer = best(lambda: _run_python("-c", "from transformers import PreTrainedModel"), 3)
    return {"ours": ours, "peer": peer, "peer_name": "import of transformers' PreTrainedModel"}


def app_start() -> dict[str, Any]:
    """Measure the time from `python app.py` to its first photo in color."""
    import io

    from benchmarks.startup import first_color_seconds

    stream = io.BytesIO()
    gray_photo(_SMALL).save(stream, "JPEG")
    listening, answered, _ = min(first_color_seconds(stream.getvalue(), "default") for _ in range(2))
    return {"ours": answered, "steps": {"until it listens": listening, "the photo": answered - listening}}


def page_photo(moment: str) -> dict[str, Any]:
    """Measure the time from a 1-MP photo's drop on the page to its `first` colors or `all` of them, in a browser, warm."""
    from benchmarks.app import medians, open_page, running_app, time_photos, wait_for

    with running_app() as (app, client):
        wait_for(app, client)
        with open_page(client) as page:
            time_photos(page, 1, 1)
            return {"ours": medians(time_photos(page, 1, REPEATS))[moment]}


def film() -> dict[str, Any]:
    """Measure a frame of a film of 640 × 480; the peer colors every frame by the network."""
    from benchmarks.film import film

    return film()


def _run_python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=REPOSITORY, check=True, capture_output=True)


FIGURES: dict[str, Callable[[], dict[str, Any]]] = {
    "a 1-MP photo by `default`": one_photo,
    "a 1-MP photo by `default`, one thread": lambda: one_photo(1),
    "all checkpoints on a 1-MP photo": all_models,
    "folder of 12-MP JPEGs to JPEG, a photo": lambda: folder("jpg"),
    "folder of 12-MP JPEGs to PNG, a photo": lambda: folder("png"),
    "12-MP merge": lambda: merging(1),
    "12-MP merge, many colors outside sRGB": lambda: merging(3),
    "film of 640 × 480, a frame": film,
    "a photo from the shell, cold": cold_photo,
    "the app's first photo, from its start": app_start,
    "the page: first colors of a 1-MP photo": lambda: page_photo("first"),
    "the page: colors of all checkpoints": lambda: page_photo("all"),
}
