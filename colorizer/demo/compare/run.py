"""What the app does when something is pressed: plain functions without Gradio, that tests call without a browser."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from colorizer.demo.catalog import Catalog
from colorizer.demo.compare.comparison import Comparison, Result, Settings
from colorizer.demo.compare.recolor import keep_answers, keep_photo, painted, preview_stem
from colorizer.demo.previews import file_stem, plain, save_preview, smaller
from colorizer.errors import ColorizerError, PhotoError
from colorizer.evaluation.photo_scores import score
from colorizer.photos.merging import gray_pixels
from colorizer.photos.photo import Photo
from colorizer.photos.reading import read_photo
from colorizer.photos.saving import save_photo, to_pil
from colorizer.pipelines.image_colorization import ColorizationPipeline, ColorizationResult

# What one visitor may ask of a machine that many share.
MAX_PIXELS = 50_000_000


def read_visitor_photo(source: str | None) -> Photo:
    """The photo that was uploaded; raises PhotoError where there is none or it can't be read.

    It goes by its file's name: which folder of the server it lies in is no business of the visitor's.
    """
    if not source:
        raise PhotoError("Choose a photo first: upload one, paste one, take one or pick an example.")
    name = Path(source).name
    try:
        return replace(read_photo(source, max_pixels=MAX_PIXELS), name=name)
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
    """Colorize one photo by each checkpoint named; what is done so far comes after every one.

    The photo is decoded once, and colored at the size that the page shows; `downloads` makes the files of full size. Files go
    into `folder`. `report(done, total, name)` is called before each approach. A checkpoint that fails says so in its result
    and the others go on; a photo that can't be read raises PhotoError.
    """
    if not names:
        raise ColorizerError("Choose at least one approach.")
    photo = read_visitor_photo(source)
    shown = smaller(photo)
    comparison = Comparison(
        source,
        folder,
        photo.size,
        tuple(dict.fromkeys(names)),
        shown=keep_photo(shown, folder / "photo.npz"),
        gray=save_preview(to_pil(shown, gray_pixels(shown.pixels)), folder, "gray"),
        notes=photo.notes,
        settings=settings,
    )
    truth = None
    if not photo.is_gray:
        truth = shown.pixels
        comparison = replace(
            comparison,
            truth=save_preview(to_pil(shown, shown.pixels), folder, "truth"),
            truth_colorfulness=score(truth, truth)["colorfulness"],
        )
    for done, name in enumerate(comparison.names):
        report(done, len(comparison.names), name)
        try:
            results = _color(catalog, shown, name, comparison, truth)
        except ColorizerError as error:
            results = [Result(name, problem=str(error))]
        comparison = replace(comparison, results=(*comparison.results, *results), num_done=done + 1)
        yield comparison


def colorize(catalog: Catalog, source: str | None, name: str, settings: Settings, folder: Path) -> Path:
    """Colorize one photo by one checkpoint; the PNG in `folder` has the photo's own size."""
    photo = read_visitor_photo(source)
    colored = catalog.pipeline(name)(photo, **settings.options)
    return save_photo(colored, folder / f"{file_stem(photo.name, name)}.png", model=name)


def _color(catalog: Catalog, photo: Photo, name: str, comparison: Comparison, truth: np.ndarray | None) -> list[Result]:
    """One approach's answers, pictures and what is kept of it in the comparison's folder."""
    pipe = catalog.pipeline(name)
    settings = comparison.settings.for_model(pipe.model)
    answers = _ask(pipe, photo, settings)
    temperature = settings.temperature
    if temperature is None:
        temperature = pipe.model.default_options.get("temperature")
    kept = keep_answers(answers, comparison.folder / f"{plain(name)}.npz")
    results = []
    for place, answer in enumerate(answers):
        image = answer.image
        if not settings.are_neutral:
            image = to_pil(photo, painted(photo, answer.ab, settings))
        result = Result(
            name,
            place + 1 if len(answers) > 1 else 0,
            catalog.entry(name).title,
            answer.seconds,
            {} if truth is None else score(np.asarray(image.convert("RGB")), truth),
            temperature,
            kept=kept,
        )
        results.append(replace(result, preview=save_preview(image, comparison.folder, preview_stem(result, 0))))
    return results


def _ask(pipe: ColorizationPipeline, photo: Photo, settings: Settings) -> list[ColorizationResult]:
    answers = pipe(photo, return_dict=True, **replace(settings, saturation=1.0).options)
    return answers if isinstance(answers, list) else [answers]
