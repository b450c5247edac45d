"""Robustness of the colors where users see them fail: on photos of other sizes, and on old photos."""

from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.data import PhotoDataset, age_lightness, photo_seeds
from colorizer.data.photo_dataset import spread
from colorizer.errors import ColorizerError
from colorizer.evaluation.bootstrap import Averages
from colorizer.evaluation.candidates import Candidate, measure_photos
from colorizer.evaluation.ciede2000 import ciede2000
from colorizer.evaluation.metrics import MAIN_NAMES, Truth
from colorizer.evaluation.results import Report
from colorizer.evaluation.tables import format_mean, markdown_table
from colorizer.hub.metric_names import METRICS
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.merging import merge_colors
from colorizer.pipelines import processes

SIZES = (128, 256, 512, 1024)
NUM_SIZED_PHOTOS = 100
NUM_AGED_PHOTOS = 200


def measure_sizes(networks: Sequence[Candidate], photos: PhotoDataset, *, seed: int = 0) -> dict[str, Any]:
    """Measure how much the colors of a photo change with its size.

    Each photo is resized to each of `SIZES` that is not above its resolution, and colored as in the pipeline. The
    results are merged with the photo of the smallest size and compared: mean ΔE2000 over their pixels.

    Returns {"num_photos", "sizes", "models": {NAME: {"mean", "low", "high", "pairs": {"128–256": mean, …}}}}; "mean" is
    over all pairs.

    Raises:
        ColorizerError: the photos are too small for two sizes.
    """
    sizes = sizes_of(photos)
    pairs = list(combinations(range(len(sizes)), 2))
    places = spread(NUM_SIZED_PHOTOS, len(photos))
    gathered = [Averages() for _ in networks]
    with processes.photo_threads() as pool:
        for place in processes.share(places):
            rgb = photos.batch([place])["rgb"]
            resized = list(pool.map(partial(_resized, rgb), sizes))
            lightness = list(pool.map(_lightness, resized))
            pixels = resized[0][0].permute(1, 2, 0).contiguous().numpy()
            for candidate, averages in zip(networks, gathered, strict=True):
                results = [candidate.color_lightness(each)[0] for each in lightness]
                labs = list(pool.map(partial(_colored_lab, pixels), results))
                moved = pool.map(partial(_distance, labs), pairs)
                columns = {f"{sizes[a]}–{sizes[b]}": value[None] for (a, b), value in zip(pairs, moved, strict=True)}
                columns["mean"] = torch.stack(list(columns.values())).mean(0)
                averages.add(torch.tensor([place]), columns)
    models = {}
    for candidate, averages in zip(networks, gathered, strict=True):
        averages.gather()
        means, (low, high) = averages.means(), averages.intervals(seed=seed)["mean"]
        models[candidate.name] = {"mean": means.pop("mean"), "low": low, "high": high, "pairs": means}
    return {"num_photos": len(places), "sizes": sizes, "models": models}


def sizes_of(photos: PhotoDataset) -> list[int]:
    """Return those of `SIZES` that are not above the photos' resolution; raise ColorizerError for fewer than two."""
    sizes = [size for size in SIZES if size <= photos.resolution]
    if len(sizes) < 2:
        raise ColorizerError(
            f"Sizes can't be compared: the photos have {photos.resolution} pixels and need at least {SIZES[1]}."
        )
    return sizes


def _resized(rgb: Tensor, size: int) -> Tensor:
    if rgb.shape[-1] == size:
        return rgb
    small = F.interpolate(rgb.float(), (size, size), mode="bilinear", antialias=True)
    return small.round().clamp(0, 255).to(torch.uint8)


def _lightness(rgb: Tensor) -> Tensor:
    return rgb_to_lab(rgb.float() / 255)[:, :1]


def _distance(labs: Sequence[Tensor], pair: tuple[int, int]) -> Tensor:
    return ciede2000(labs[pair[0]], labs[pair[1]]).mean()


def _colored_lab(pixels: np.ndarray, ab: Tensor) -> Tensor:
    return rgb_to_lab(torch.from_numpy(merge_colors(pixels, ab)).permute(2, 0, 1).float() / 255)


def size_text(report: Report) -> str:
    """Return the explanation of `size_table`, in a sentence."""
    photos, sizes = report.size["num_photos"], ", ".join(map(str, report.size["sizes"]))
    return (
        "How much a model's colors change when the same photo comes in another size: mean ΔE2000 between its results for "
        f"{photos} photos at {sizes} pixels."
    )


def size_table(report: Report) -> str:
    """Return a table of the mean ΔE2000 between sizes, for all pairs together and for each."""
    models = report.size["models"]
    pairs = list(next(iter(models.values()))["pairs"]) if models else []
    least = min((model["mean"] for model in models.values()), default=None)
    lines = []
    for name, model in models.items():
        is_best = model["mean"] == least and len(models) > 1
        mean = format_mean(model["mean"], 2, interval=(model["low"], model["high"]), is_bold=is_best)
        lines.append([name, mean, *(format_mean(model["pairs"][pair], 2) for pair in pairs)])
    return markdown_table(["model", "all pairs ↓", *pairs], lines)


def measure_aged(
    networks: Sequence[Candidate], photos: PhotoDataset, *, seed: int = 0, batch_size: int = 16
) -> dict[str, Any]:
    """Measure the colors of photos that `colorizer.data.age` ages artificially before coloring.

    The colors are merged with the original photo, so that only they are measured. The scores of the same photos without
    aging come from the networks' first variants.

    Returns {"num_photos", "seed", "models": {NAME: {"new": {METRIC: mean}, "old": {METRIC: {"mean", "low", "high"}}}}}.
    """
    places = spread(NUM_AGED_PHOTOS, len(photos))

    def age(truth: Truth, place: int) -> Tensor:
        # One photo at a time, so that its blur does not depend on the rest of the batch.
        return age_lightness(truth.rgb, photo_seeds(seed, 0, [place]))

    variants = measure_photos(networks, photos, places, MAIN_NAMES, age, batch_size=batch_size)
    models = {}
    for candidate, variant in zip(networks, variants, strict=True):
        means, intervals = variant.averages.means(), variant.averages.intervals(seed=seed)
        models[candidate.name] = {
            "new": candidate.variants[0].averages.subset(places, MAIN_NAMES).means(),
            "old": {name: {"mean": means[name], "low": low, "high": high} for name, (low, high) in intervals.items()},
        }
    return {"num_photos": len(places), "seed": seed, "models": models}


def age_text(report: Report) -> str:
    """Return the explanation of `age_table`, in sentences."""
    return (
        f"{report.age['num_photos']} photos as is, and artificially aged before coloring: film insensitive to red, blur, "
        "fading, scratches, grain, JPEG and sepia, with a fixed seed. The colors are measured on the original photo."
    )


def age_table(report: Report) -> str:
    """Return a table of the metrics of new and old photos side by side."""
    models = report.age["models"]
    names = list(next(iter(models.values()))["old"]) if models else []
    lines = []
    for model, measured in models.items():
        cells = []
        for name in names:
            digits, old = METRICS[name].digits, measured["old"][name]
            cells += [
                format_mean(measured["new"][name], digits),
                format_mean(old["mean"], digits, interval=(old["low"], old["high"])),
            ]
        lines.append([model, *cells])
    return markdown_table(
        ["model", *(f"{METRICS[name].heading}{of}" for name in names for of in (", new", ", old"))], lines
    )
