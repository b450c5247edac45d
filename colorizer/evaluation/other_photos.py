"""Comparison with gray on photos of other sources than the evaluated ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from colorizer.data import PhotoDataset
from colorizer.evaluation.bootstrap import Averages, bootstrap_interval
from colorizer.evaluation.candidates import Candidate, measure_photos
from colorizer.evaluation.results import Report
from colorizer.evaluation.tables import format_mean, markdown_table

COMPARED = ("psnr", "ciede2000")


def measure_others(
    networks: Sequence[Candidate], others: Mapping[str, PhotoDataset], *, seed: int = 0, batch_size: int = 16
) -> dict[str, Any]:
    """Measure the networks, as they are, on further datasets, and compare them with gray.

    Returns {DATASET: {"num_photos", "models": {NAME: {"psnr_lead", "ciede2000_share"}}}}, each {"mean", "low", "high"}: by how
    many dB the PSNR is above gray's, and ΔE2000 as a share of gray's, with 95% intervals by a bootstrap over photos.
    """
    return {
        name: {"num_photos": len(photos), "models": _measure(networks, photos, seed, batch_size)}
        for name, photos in others.items()
    }


def _measure(networks: Sequence[Candidate], photos: PhotoDataset, seed: int, batch_size: int) -> dict[str, Any]:
    gray = Candidate("gray", lambda lightness: torch.zeros(len(lightness), 2, 1, 1))
    of_gray, *variants = measure_photos(
        [gray, *networks],
        photos,
        range(len(photos)),
        COMPARED,
        lambda truth, place: truth.lab[:, :1],
        batch_size=batch_size,
    )
    compared = zip(networks, variants, strict=True)
    return {candidate.name: _compare(variant.averages, of_gray.averages, seed) for candidate, variant in compared}


def _compare(model: Averages, gray: Averages, seed: int) -> dict[str, dict[str, float]]:
    ours, theirs = model.values(), gray.values()
    lead = ours["psnr"] - theirs["psnr"]
    mean = theirs["ciede2000"].mean()
    share = ours["ciede2000"].mean() / mean
    # The ratio of two means, linear in the photos near its value (delta method).
    shares = share + (ours["ciede2000"] - share * theirs["ciede2000"]) / mean
    values = torch.stack([lead, shares], dim=1)
    bounds = zip(values.mean(0).tolist(), *(end.tolist() for end in bootstrap_interval(values, seed=seed)), strict=True)
    names = ("psnr_lead", "ciede2000_share")
    return {
        name: {"mean": mean, "low": low, "high": high} for name, (mean, low, high) in zip(names, bounds, strict=True)
    }


OTHERS_TEXT = (
    "On photos of other sources: PSNR above gray's in dB, and ΔE2000 as a share of gray's, where 1 is no better than no color. "
    "These say what to expect of a photo of one's own, which comes from neither the training photos nor their sources."
)


def others_table(report: Report) -> str:
    """Return a table of the comparison with gray, a row per model and two columns per dataset."""
    groups = report.others
    headings = [
        f"{name} ({group['num_photos']}), {measure}"
        for name, group in groups.items()
        for measure in ("PSNR over gray ↑", "ΔE2000 / gray's ↓")
    ]
    lines = []
    for model in next(iter(groups.values()))["models"]:
        cells = []
        for group in groups.values():
            lead, share = (group["models"][model][name] for name in ("psnr_lead", "ciede2000_share"))
            cells += [
                format_mean(lead["mean"], 2, interval=(lead["low"], lead["high"]), sign="+"),
                format_mean(share["mean"], 3, interval=(share["low"], share["high"])),
            ]
        lines.append([model, *cells])
    return markdown_table(["model", *headings], lines)
