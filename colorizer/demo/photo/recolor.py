"""Adjust the colors of results from stored predictions, without running a network. No Gradio here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from colorizer.atomic_write import write_file
from colorizer.demo.photo.comparison import Comparison, Result, Settings
from colorizer.demo.previews import plain, save_preview
from colorizer.errors import ColorizerError
from colorizer.evaluation.photo_scores import score
from colorizer.photos.adjusting import adjust
from colorizer.photos.files.saving import to_pil
from colorizer.photos.lightness import compute_lightness
from colorizer.photos.merging import merge_colors
from colorizer.photos.photo import Photo
from colorizer.pipelines.image_colorization import ColorizationResult
from colorizer.pipelines.prediction import decode_logits


def adjusted(
    comparison: Comparison,
    *,
    saturation: float,
    warmth: float,
    strength: float,
    options: Mapping[str, float | str] | None = None,
) -> Comparison:
    """Return the comparison with other settings. Previews and scores stay as they are; see `repaint` and `rescore`.

    options: new values of the options that change colors without another run; missing ones go back to the checkpoint's own.
    """
    others = {
        name: value for name, value in comparison.settings.options.items() if name not in comparison.decoding_options
    }
    settings = replace(
        comparison.settings,
        saturation=saturation,
        warmth=warmth,
        strength=strength,
        options=others | dict(options or {}),
    )
    return replace(comparison, settings=settings, version=comparison.version + 1)


def repaint(comparison: Comparison, label: str) -> Result:
    """Return a result with a new preview, in the colors that the comparison's settings and hints give it.

    Raises ColorizerError for an unknown label, for values out of range, or if the run's files are gone.
    """
    wanted = comparison.result(label)
    photo = load_photo(comparison.shown)
    image = to_pil(photo, apply_colors(photo, color_of(comparison, wanted), comparison.settings))
    path = save_preview(image, comparison.folder, preview_stem(wanted, comparison.version))
    return replace(wanted, preview=path)


def score_of(comparison: Comparison, label: str) -> dict[str, float]:
    """Return the scores of one result in its current colors; empty for a gray photo. Raises as `repaint` does."""
    if comparison.truth is None:
        return {}
    photo, wanted = load_photo(comparison.shown), comparison.result(label)
    return score(apply_colors(photo, color_of(comparison, wanted), comparison.settings), photo.pixels)


def rescore(comparison: Comparison) -> Comparison:
    """Return the comparison with scores for the current colors. A gray photo has no scores.

    Raises ColorizerError if the run's files are gone.
    """
    if comparison.truth is None:
        return comparison
    photo = load_photo(comparison.shown)
    scores = {
        result.label: score(apply_colors(photo, ab, comparison.settings), photo.pixels)
        for result, ab in colors(comparison)
    }
    return replace(
        comparison,
        results=tuple(replace(result, scores=scores.get(result.label, result.scores)) for result in comparison.results),
    )


def color_of(comparison: Comparison, wanted: Result) -> Tensor:
    """Return the ab (2, h, w) of one result, as `colors` does."""
    same = [result for result in comparison.colored if result.predictions == wanted.predictions]
    return next(ab for result, ab in colors(replace(comparison, results=tuple(same))) if result.label == wanted.label)


def colors(comparison: Comparison) -> Iterator[tuple[Result, Tensor]]:
    """Yield each result with its ab (2, h, w), decoded with the comparison's options and with its hints, before adjustments.

    Raises ColorizerError if the run's files are gone.
    """
    for path, results in groupby(comparison.colored, key=lambda result: result.predictions):
        ab, logits = load_predictions(path)
        for place, result in enumerate(results):
            if place == 0 and logits is not None:
                ab = _decode_again(comparison, result, ab, logits)
            yield result, _hinted(comparison, result, ab[place])


def _hinted(comparison: Comparison, result: Result, ab: Tensor) -> Tensor:
    if not comparison.hints:
        return ab
    # A hinted network colors once, without drawing variants.
    settings = replace(comparison.settings, saturation=1.0, num_images=1, seed=None)
    options = settings.for_model(comparison.catalog.pipeline(result.name).model).keywords
    return comparison.studio.color(
        comparison.source, result.name, comparison.hints, comparison.reach, predicted=ab, **options
    )


def _decode_again(comparison: Comparison, result: Result, ab: Tensor, logits: Tensor) -> Sequence[Tensor]:
    """Return the variants' ab (2, h, w) for the comparison's options, the given ones if these have not changed."""
    settings = comparison.settings
    wanted = {name: settings.options.get(name, default) for name, default in result.defaults.items()}
    if wanted == result.decoding:
        return ab
    # Only now, since the network may have been dropped from memory.
    model = comparison.catalog.pipeline(result.name).model
    for name, value in wanted.items():
        model.options[name].check(value, result.name)
    lightness = compute_lightness(load_photo(comparison.shown), tuple(ab.shape[-2:]))
    return decode_logits(model, lightness, logits, seed=settings.seed, num_images=settings.num_images, **wanted)


def apply_colors(photo: Photo, ab: Tensor, settings: Settings) -> np.ndarray:
    """Return the photo's pixels (H, W, 3), uint8, with the colors `ab` (2, h, w), adjusted by the settings."""
    return merge_colors(photo, adjust(ab, **settings.adjustments))


def preview_stem(result: Result, version: int) -> str:
    """Return a file name that changes with the version, so that the browser does not show a cached picture."""
    return f"preview-{plain(result.label)}-{version}"


def store_photo(photo: Photo, path: Path) -> Path:
    """Write a photo's pixels, alpha and color profile to a file. Returns its path."""
    parts = {"pixels": photo.pixels}
    if photo.alpha is not None:
        parts["alpha"] = photo.alpha
    if photo.icc_profile is not None:
        parts["profile"] = np.frombuffer(photo.icc_profile, np.uint8)
    return _write(path, parts)


def load_photo(path: Path) -> Photo:
    """Read a photo written by `store_photo`. Raises ColorizerError if the file is gone."""
    parts = _read(path)
    profile = parts.get("profile")
    return Photo(parts["pixels"], parts.get("alpha"), icc_profile=None if profile is None else profile.tobytes())


def store_predictions(predictions: Sequence[ColorizationResult], path: Path) -> Path:
    """Write a network's predictions for one photo to a file: ab of each, and the logits if there are any. Returns its path."""
    parts = {"ab": torch.stack([prediction.ab for prediction in predictions]).numpy()}
    if predictions[0].logits is not None:
        # float16 halves the size and rounds by less than a hundredth of a logit.
        parts["logits"] = predictions[0].logits.numpy().astype(np.float16)
    return _write(path, parts)


def load_predictions(path: Path) -> tuple[Tensor, Tensor | None]:
    """Read ab (N, 2, h, w) and the logits (313, h', w') or None. Raises ColorizerError if the file is gone."""
    parts = _read(path)
    logits = parts.get("logits")
    return torch.from_numpy(parts["ab"]), None if logits is None else torch.from_numpy(logits).float()


def _write(path: Path, parts: dict[str, np.ndarray]) -> Path:
    with write_file(path, flush=False) as stream:
        np.savez(stream, **parts)
    return path


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except OSError as error:
        raise ColorizerError("These results have expired: colorize the photo again.") from error
