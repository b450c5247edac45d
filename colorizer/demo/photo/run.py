"""Run approaches on a visitor's photo. No Gradio here, so tests need no browser."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.comparison import Comparison, Result, Settings, check_total_pixels
from colorizer.demo.photo.recolor import apply_colors, preview_stem, store_photo, store_predictions
from colorizer.demo.previews import file_stem, plain, read_visitor_photo, save_preview, smaller
from colorizer.errors import ColorizerError
from colorizer.evaluation.photo_scores import score
from colorizer.photos.files.saving import save_photo, to_pil
from colorizer.photos.merging import gray_pixels
from colorizer.photos.photo import Photo
from colorizer.pipelines.image_colorization import ColorizationPipeline, ColorizationResult


def compare(
    catalog: Catalog,
    source: str | None,
    names: list[str],
    settings: Settings,
    folder: Path,
    report: Callable[[int, int, str], None] = lambda done, total, name: None,
    *,
    max_total_pixels: int | None = None,
) -> Iterator[Comparison]:
    """Colorize one photo with several checkpoints. Yields the comparison after each of them.

    The photo is read once and colored at preview size; `downloads` makes the full-size files. Files go into `folder`.
    `report(done, total, name)` is called before each checkpoint. If a checkpoint fails, its result has the problem and the
    others continue.

    Raises:
        PhotoError: the photo can't be read.
        ColorizerError: `names` is empty or has a name that is not in the catalog, or the results would have more than
            `max_total_pixels` at the photo's size.
    """
    names = catalog.check_choice(names)
    photo = read_visitor_photo(source)
    if max_total_pixels is not None:
        check_total_pixels(len(names), photo.size, max_total_pixels)
    shown = smaller(photo)
    comparison = Comparison(
        catalog,
        source,
        folder,
        photo.size,
        names,
        photo.name,
        shown=store_photo(shown, folder / "photo.npz"),
        gray=save_preview(to_pil(shown, gray_pixels(shown)), folder, "gray"),
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


def colorize(
    catalog: Catalog,
    source: str | None,
    name: str,
    settings: Settings,
    folder: Path,
    tell: Callable[[Sequence[str]], None] = lambda notes: None,
) -> Path:
    """Colorize one photo with one checkpoint. Returns a PNG of the photo's size in `folder`. `tell` is given its notes."""
    photo = read_visitor_photo(source)
    tell(photo.notes)
    colored = catalog.pipeline(name)(photo, **settings.keywords)
    return save_photo(colored, folder / f"{file_stem(photo.name, name)}.png", model=name)


def color_photo(pipe: ColorizationPipeline, photo: Photo, settings: Settings) -> Image.Image:
    """Colorize a photo at its own size with one checkpoint and all settings that it has."""
    settings = settings.for_model(pipe.model)
    if (settings.warmth, settings.strength) == (0, 1):
        return pipe(photo, **settings.keywords)
    return to_pil(photo, apply_colors(photo, _predict(pipe, photo, settings)[0].ab, settings), model=pipe.name)


def _color(catalog: Catalog, photo: Photo, name: str, comparison: Comparison, truth: np.ndarray | None) -> list[Result]:
    """Return the results of one approach. Previews and predictions go into the comparison's folder."""
    pipe = catalog.pipeline(name)
    settings = comparison.settings.for_model(pipe.model)
    predictions = _predict(pipe, photo, settings)
    options = pipe.model.space.options if pipe.model.space.has_distribution else ()
    defaults = {option.name: pipe.model.options[option.name].default for option in options}
    decoding = {name: settings.options.get(name, default) for name, default in defaults.items()}
    path = store_predictions(predictions, comparison.folder / f"{plain(name)}.npz")
    results = []
    for place, prediction in enumerate(predictions):
        image = prediction.image
        if not settings.are_neutral:
            image = to_pil(photo, apply_colors(photo, prediction.ab, settings))
        result = Result(
            name,
            place + 1 if len(predictions) > 1 else 0,
            catalog.entry(name).title,
            prediction.seconds,
            {} if truth is None else score(np.asarray(image.convert("RGB")), truth),
            decoding,
            defaults,
            predictions=path,
        )
        results.append(replace(result, preview=save_preview(image, comparison.folder, preview_stem(result, 0))))
    return results


def _predict(pipe: ColorizationPipeline, photo: Photo, settings: Settings) -> list[ColorizationResult]:
    predictions = pipe(photo, return_dict=True, **replace(settings, saturation=1.0).keywords)
    return predictions if isinstance(predictions, list) else [predictions]
