"""Comparison of several models on one photo, side by side, with scores if its true colors are known."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from colorizer.evaluation.contact_sheets import contact_sheet
from colorizer.evaluation.photo_scores import format_scores, reduce, score
from colorizer.photos.merging import gray_pixels
from colorizer.photos.photo import Photo
from colorizer.photos.profiles import as_seen, in_srgb
from colorizer.pipelines.image_colorization import ColorizationPipeline
from colorizer.pipelines.options import options_for

SHEET_HEIGHT = 320


@dataclass(frozen=True)
class PhotoComparison:
    """A row of a contact sheet: the photo's title, its pictures, uint8 (H, W, 3), and a caption for each."""

    title: str
    pictures: Sequence[np.ndarray | None]
    captions: Sequence[str]


def compare(
    photo: Photo, pipelines: Mapping[str, ColorizationPipeline], *, title: str, **options: float | str
) -> PhotoComparison:
    """Color a photo with every pipeline. Return gray, each result with scores and time, and the truth if it has color.

    Each pipeline gets only the `options` that it supports: `resolution` unless its network has a fixed size,
    `temperature` if it predicts a distribution, `scene` if it has scenes. The caller decodes the photo once for all of
    them.
    """
    seen = in_srgb(photo)
    truth = None if photo.is_gray else reduce(seen.pixels)
    gray = reduce(gray_pixels(seen))
    pictures: list[np.ndarray | None] = [gray]
    captions = [_caption(gray, truth)]
    for colorize in pipelines.values():
        start = time.perf_counter()
        image = colorize(photo, **options_for(colorize.model, options))
        seconds = time.perf_counter() - start
        pictures.append(reduce(as_seen(image)))
        captions.append(f"{_caption(pictures[-1], truth)}\n{seconds:.2f} s".strip())
    pictures.append(truth)
    captions.append("" if truth is None else f"colorfulness {format_scores(score(truth, truth))['colorfulness']}")
    width, height = photo.size
    notes = "".join(f" · {note}" for note in photo.notes)
    return PhotoComparison(f"{title} · {width}×{height}{notes}", pictures, captions)


def sheet(comparisons: Sequence[PhotoComparison], names: Sequence[str]) -> Image.Image:
    """Lay out comparisons as rows of a contact sheet; `names` are the models'. The truth's column is omitted if empty."""
    has_truth = any(comparison.pictures[-1] is not None for comparison in comparisons)
    end = None if has_truth else -1
    return contact_sheet(
        [(comparison.title, comparison.pictures[:end]) for comparison in comparisons],
        columns=["gray", *names, "truth"][:end],
        captions=[comparison.captions[:end] for comparison in comparisons],
        height=SHEET_HEIGHT,
    )


def _caption(pixels: np.ndarray, truth: np.ndarray | None) -> str:
    if truth is None:
        return ""
    scores = format_scores(score(pixels, truth))
    return (
        f"PSNR {scores['psnr']} dB, SSIM {scores['ssim']}\n"
        f"ΔE2000 {scores['ciede2000']}, colorfulness {scores['colorfulness']}"
    )
