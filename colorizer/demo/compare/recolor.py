"""Change the colors of results without another run of the network: plain functions without Gradio."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from colorizer.demo.compare.comparison import Comparison, Result, Settings
from colorizer.demo.compare.keeping import kept_answers, kept_photo
from colorizer.demo.compare.scores import score, to_rgb
from colorizer.demo.previews import plain, save_preview
from colorizer.photos.adjusting import adjust
from colorizer.photos.merging import merge_colors
from colorizer.photos.photo import Photo
from colorizer.photos.saving import to_pil
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
    truth = to_rgb(Image.fromarray(photo.pixels))
    scores = {
        result.label: score(to_rgb(Image.fromarray(painted(photo, ab, comparison.settings))), truth)
        for result, ab in colors(comparison)
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
