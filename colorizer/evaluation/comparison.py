"""One photo colored by several models, side by side, scored where its true colors are known."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorizer.evaluation.contact_sheets import contact_sheet
from colorizer.evaluation.metrics import compute_metrics
from colorizer.photos.color import colorfulness
from colorizer.photos.merging import gray_pixels
from colorizer.photos.photo import Photo
from colorizer.pipelines.image_colorization import ColorizationPipeline
from colorizer.pipelines.options import options_for

SCORE_SIDE = 512
"""Longest side at which photos are scored and kept for the sheet: papers measure at 256, and SSIM of 12 megapixels takes
seconds."""

SHEET_HEIGHT = 320


@dataclass(frozen=True)
class Comparison:
    """One row of a sheet: the photo's name, its pictures, uint8 (H, W, 3), and what stands under each."""

    title: str
    pictures: Sequence[np.ndarray | None]
    captions: Sequence[str]


def compare(
    photo: Photo, pipelines: Mapping[str, ColorizationPipeline], *, title: str, **options: float | str
) -> Comparison:
    """Color a photo by every pipeline: gray, each result with its scores and time, and the truth if it came in color.

    `options` go to the pipelines that have them: `resolution` not to networks of a fixed size, `temperature` to those that
    predict a distribution, `scene` to those that know scenes. The photo is decoded once, by the caller.
    """
    truth = None if photo.is_gray else reduce(photo.pixels)
    gray = reduce(gray_pixels(photo.pixels))
    pictures: list[np.ndarray | None] = [gray]
    captions = [_scores(gray, truth)]
    for colorize in pipelines.values():
        start = time.perf_counter()
        image = colorize(photo, **options_for(colorize.model, options))
        seconds = time.perf_counter() - start
        pictures.append(reduce(np.asarray(image.convert("RGB"))))
        captions.append(f"{_scores(pictures[-1], truth)}\n{seconds:.2f} s".strip())
    pictures.append(truth)
    captions.append("" if truth is None else f"colorfulness {float(colorfulness(to_rgb(truth))):.0f}")
    width, height = photo.size
    notes = "".join(f" · {note}" for note in photo.notes)
    return Comparison(f"{title} · {width}×{height}{notes}", pictures, captions)


def sheet(comparisons: Sequence[Comparison], names: Sequence[str]) -> Image.Image:
    """The comparisons as rows of one contact sheet; `names` are the models'. Without any truth there is no column for it."""
    has_truth = any(comparison.pictures[-1] is not None for comparison in comparisons)
    end = None if has_truth else -1
    return contact_sheet(
        [(comparison.title, comparison.pictures[:end]) for comparison in comparisons],
        columns=["gray", *names, "truth"][:end],
        captions=[comparison.captions[:end] for comparison in comparisons],
        height=SHEET_HEIGHT,
    )


def reduce(pixels: np.ndarray) -> np.ndarray:
    """The picture, uint8 (H, W, 3), with its longest side at most `SCORE_SIDE`."""
    image = Image.fromarray(pixels)
    image.thumbnail((SCORE_SIDE, SCORE_SIDE), Image.Resampling.BOX)
    return np.asarray(image)


def to_rgb(pixels: np.ndarray) -> Tensor:
    """The picture, uint8 (H, W, 3), as metrics take it: float32 (1, 3, H, W) in 0…1."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def _scores(pixels: np.ndarray, truth: np.ndarray | None) -> str:
    if truth is None:
        return ""
    metrics = compute_metrics(to_rgb(pixels), to_rgb(truth), ("psnr", "ssim", "ciede2000", "colorfulness"))
    psnr, ssim, difference, colors = (float(metrics[name]) for name in ("psnr", "ssim", "ciede2000", "colorfulness"))
    return f"PSNR {psnr:.1f} dB, SSIM {ssim:.3f}\nΔE2000 {difference:.1f}, colorfulness {colors:.0f}"
