"""What the app does when something is pressed: plain functions without Gradio, that tests call without a browser."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from colorizer import images
from colorizer.demo.catalog import Catalog
from colorizer.demo.scores import score, to_rgb
from colorizer.errors import ColorizerError, PhotoError
from colorizer.modeling import ColorizerModel
from colorizer.pipelines import ColorizationPipeline, ColorizationResult

# What a page shows: more pixels than this no screen shows in half its width, and a bigger PNG is slow to send.
PREVIEW_PIXELS = 2_000_000
# What one visitor may ask of a machine that many share.
MAX_PIXELS = 50_000_000
MAX_RESOLUTION = 1024


@dataclass(frozen=True)
class Settings:
    """What the visitor set: saturation 0..2; temperature and resolution None = each checkpoint's own."""

    saturation: float = 1.0
    temperature: float | None = None
    resolution: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.resolution, int) and self.resolution > MAX_RESOLUTION:
            raise ColorizerError(f"The working resolution is at most {MAX_RESOLUTION} here, not {self.resolution}.")

    @property
    def options(self) -> dict[str, float | int]:
        """The pipeline's options for them."""
        options = {"saturation": self.saturation, "temperature": self.temperature, "resolution": self.resolution}
        return {name: value for name, value in options.items() if value is not None}

    def for_model(self, model: ColorizerModel) -> "Settings":
        """Those of the settings that `model` takes: in a comparison each approach gets the ones it has."""
        return replace(
            self,
            temperature=self.temperature if "temperature" in model.options else None,
            resolution=None if model.is_fixed_size else self.resolution,
        )


@dataclass(frozen=True)
class Result:
    """One approach's answer: pictures as PNG files of equal size, or the `problem` that kept it from answering."""

    name: str
    title: str = ""
    seconds: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)
    gray: Path | None = None
    preview: Path | None = None
    download: Path | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The results so far, out of `total`; `truth_scores` is empty unless the photo came in color."""

    results: tuple[Result, ...]
    total: int
    size: tuple[int, int]
    notes: tuple[str, ...] = ()
    truth_colorfulness: float | None = None

    @property
    def is_done(self) -> bool:
        return len(self.results) == self.total and all(result.download or result.problem for result in self.results)


def read_photo(source: str | None) -> images.Photo:
    """The photo that was uploaded; raises PhotoError where there is none or it can't be read.

    It goes by its file's name: which folder of the server it lies in is no business of the visitor's.
    """
    if not source:
        raise PhotoError("Choose a photo first: upload one, paste one, take one or pick an example.")
    name = Path(source).name
    try:
        return replace(images.read(source, max_pixels=MAX_PIXELS), name=name)
    except PhotoError as error:
        raise PhotoError(str(error).replace(source, name)) from error


def compare(
    catalog: Catalog,
    source: str | None,
    names: list[str],
    settings: Settings,
    folder: Path,
    report: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> Iterator[Comparison]:
    """Colorize one photo by each checkpoint named; what is done so far comes after every step.

    The photo is decoded once. Files go into `folder`. `report(done, total, name)` is called before each approach.
    A checkpoint that fails says so in its result and the others go on; a photo that can't be read raises PhotoError.
    """
    if not names:
        raise ColorizerError("Choose at least one approach.")
    names = list(dict.fromkeys(names))
    photo = read_photo(source)
    is_small = photo.pixels.shape[0] * photo.pixels.shape[1] <= PREVIEW_PIXELS
    gray = _save_preview(images.to_pil(photo, gray_pixels(photo.pixels)), folder / "gray.png")
    truth = None if photo.is_gray else to_rgb(Image.fromarray(photo.pixels))
    comparison = Comparison(
        (), len(names), photo.size, photo.notes, None if truth is None else score(truth, truth)["colorfulness"]
    )
    for name in names:
        report(len(comparison.results), len(names), name)
        done = comparison.results
        try:
            pipe = catalog.pipeline(name)
            colored, seconds = _colorize(pipe, photo, settings.for_model(pipe.model))
            scores = {} if truth is None else score(to_rgb(colored), truth)
            result = Result(name, catalog.entry(name).title, seconds, scores, gray)
            download = folder / f"{file_stem(photo, name)}.png"
            if is_small:
                images.save(colored, download, model=name)
                result = replace(result, preview=download, download=download)
            else:
                preview = _save_preview(colored, folder / f"preview-{plain(name)}.png")
                result = replace(result, preview=preview)
                yield replace(comparison, results=(*done, result))
                images.save(colored, download, model=name)
                result = replace(result, download=download)
        except ColorizerError as error:
            result = Result(name, problem=str(error))
        comparison = replace(comparison, results=(*done, result))
        yield comparison


def colorize(catalog: Catalog, source: str | None, name: str, settings: Settings, folder: Path) -> Path:
    """Colorize one photo by one checkpoint; the PNG in `folder` has the photo's own size."""
    photo = read_photo(source)
    colored, _ = _colorize(catalog.pipeline(name), photo, settings)
    path = folder / f"{file_stem(photo, name)}.png"
    images.save(colored, path, model=name)
    return path


def gallery(comparison: Comparison) -> list[tuple[str, str]]:
    """(file, caption) of every result that came out, as a gallery shows them; raises ColorizerError if none did."""
    pictures = [
        (str(result.download), f"{result.name}, {result.seconds:.2f} s")
        for result in comparison.results
        if result.download is not None
    ]
    if not pictures:
        raise ColorizerError("; ".join(f"{result.name}: {result.problem}" for result in comparison.results))
    return pictures


def gray_pixels(pixels: np.ndarray) -> np.ndarray:
    """The photo (uint8, H×W×3) without its color: gray of the same lightness, which is all that the approaches see."""
    return images.merge(pixels, torch.zeros(2, 1, 1))


def _colorize(pipe: ColorizationPipeline, photo: images.Photo, settings: Settings) -> tuple[Image.Image, float]:
    result: ColorizationResult = pipe(photo, return_dict=True, **settings.options)
    return result.image, result.seconds


def _save_preview(image: Image.Image, path: Path) -> Path:
    width, height = image.size
    scale = (PREVIEW_PIXELS / (width * height)) ** 0.5
    if scale < 1:
        image = image.resize((max(1, int(width * scale)), max(1, int(height * scale))), Image.Resampling.LANCZOS)
    image.save(path, compress_level=1)
    return path


def file_stem(photo: images.Photo, name: str) -> str:
    """What the file of a model's result is called, without its suffix."""
    return f"{plain(Path(photo.name).stem)[:80]}-{plain(name)}"


def plain(text: str) -> str:
    """`text` as a file's name may have it."""
    return re.sub(r"[^\w.-]+", "-", text)
