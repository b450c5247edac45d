"""Change the colors of results without another run of the network: plain functions without Gradio."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from colorizer.atomic_write import write_file
from colorizer.demo.compare.comparison import Comparison, Result, Settings
from colorizer.demo.previews import plain, save_preview
from colorizer.errors import ColorizerError
from colorizer.evaluation.photo_scores import score
from colorizer.photos.adjusting import adjust
from colorizer.photos.merging import merge_colors
from colorizer.photos.photo import Photo
from colorizer.photos.saving import to_pil
from colorizer.pipelines.image_colorization import ColorizationResult
from colorizer.pipelines.prediction import recolor


def readjust(
    comparison: Comparison, *, saturation: float, warmth: float, strength: float, temperature: float | None
) -> Comparison:
    """The comparison with its pictures colored anew, at the size that the page shows; the scores stay what they were.

    Raises ColorizerError for numbers out of range, and where the run's files are gone.
    """
    settings = replace(
        comparison.settings, saturation=saturation, warmth=warmth, strength=strength, temperature=temperature
    )
    changed = replace(comparison, settings=settings, version=comparison.version + 1)
    photo = kept_photo(comparison.shown)
    previews = {}
    for result, ab in colors(changed):
        image = to_pil(photo, painted(photo, ab, settings))
        previews[result.label] = save_preview(image, comparison.folder, preview_stem(result, changed.version))
    return replace(
        changed,
        results=tuple(
            replace(result, preview=previews.get(result.label, result.preview)) for result in comparison.results
        ),
    )


def rescore(comparison: Comparison) -> Comparison:
    """The comparison with the scores of its results as they are now; for a photo that came in gray there are none.

    Raises ColorizerError where the run's files are gone.
    """
    if comparison.truth is None:
        return comparison
    photo = kept_photo(comparison.shown)
    scores = {
        result.label: score(painted(photo, ab, comparison.settings), photo.pixels) for result, ab in colors(comparison)
    }
    return replace(
        comparison,
        results=tuple(replace(result, scores=scores.get(result.label, result.scores)) for result in comparison.results),
    )


def colors(comparison: Comparison) -> Iterator[tuple[Result, Tensor]]:
    """Each result with its ab (2, h, w) at the comparison's temperature, before any adjustment.

    Raises ColorizerError where what was kept of the run is gone.
    """
    settings = comparison.settings
    for path, results in groupby(comparison.colored, key=lambda result: result.kept):
        ab, logits = kept_answers(path)
        for place, result in enumerate(results):
            if place == 0 and logits is not None and settings.temperature not in (None, result.temperature):
                ab = recolor(
                    logits,
                    tuple(ab.shape[-2:]),
                    temperature=settings.temperature,
                    seed=settings.seed,
                    num_images=settings.num_images,
                )
            yield result, ab[place]


def painted(photo: Photo, ab: Tensor, settings: Settings) -> np.ndarray:
    """The photo's pixels in these colors, adjusted."""
    return merge_colors(photo.pixels, adjust(ab, **settings.adjustments))


def outdated(comparison: Comparison) -> list[Path]:
    """Pictures of two changes ago, which no page asks for any more."""
    version = comparison.version - 2
    return [result.preview.with_stem(preview_stem(result, version)) for result in comparison.colored if result.preview]


def preview_stem(result: Result, version: int) -> str:
    """A name of its own for each version: a browser would not ask twice for one name."""
    return f"preview-{plain(result.label)}-{version}"


def keep_photo(photo: Photo, path: Path) -> Path:
    """Write a photo's pixels, alpha and color profile, which is what a picture of it takes."""
    parts = {"pixels": photo.pixels}
    if photo.alpha is not None:
        parts["alpha"] = photo.alpha
    if photo.icc_profile is not None:
        parts["profile"] = np.frombuffer(photo.icc_profile, np.uint8)
    return _write(path, parts)


def kept_photo(path: Path) -> Photo:
    """What `keep_photo` wrote; raises ColorizerError if it is gone."""
    parts = _read(path)
    profile = parts.get("profile")
    return Photo(parts["pixels"], parts.get("alpha"), icc_profile=None if profile is None else profile.tobytes())


def keep_answers(answers: Sequence[ColorizationResult], path: Path) -> Path:
    """Write what a network said of one photo: every answer's ab, and the logits where it has a distribution."""
    parts = {"ab": torch.stack([answer.ab for answer in answers]).numpy()}
    if answers[0].logits is not None:
        # Half the bytes: what they round off is less than a hundredth of a logit.
        parts["logits"] = answers[0].logits.numpy().astype(np.float16)
    return _write(path, parts)


def kept_answers(path: Path) -> tuple[Tensor, Tensor | None]:
    """ab (N, 2, h, w) of the answers and their logits (313, h', w') or None; raises ColorizerError if they are gone."""
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
        raise ColorizerError("These results are no longer kept here: colorize the photo again.") from error
