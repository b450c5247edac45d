"""The same measurements in other groups: photo by photo over the baselines, at edges and elsewhere, and by the photos' labels.

Each table stands below what it is computed by, with a word on how to read it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from colorizer.data import PhotoDataset
from colorizer.evaluation.bootstrap import Averages, bootstrap_interval
from colorizer.evaluation.metrics import EDGE_REACH, EDGE_STEP, MAIN_NAMES
from colorizer.evaluation.results import Report
from colorizer.evaluation.tables import format_mean, markdown_table, metric_cells, rows
from colorizer.hub.metric_names import METRICS

COMPARED = ("psnr", "ciede2000", "auc")
MIN_PHOTOS = 10
"""Labels of fewer photos say more of these photos than of the label; they are put together as "others"."""

OTHERS, NONE = "others", "no label"
_NUM_NAMED = 3


def measure_leads(averages: Mapping[str, Averages], baselines: Sequence[str], *, seed: int = 0) -> dict[str, Any]:
    """By how much models are better than each baseline: NAME → BASELINE → METRIC → {"mean", "low", "high"}.

    `averages` are by the names of models and baselines, of the same photos. Above 0 the model is better, whichever way the
    metric goes. low…high is the 95% bootstrap interval of the mean over the photos of each photo's difference: paired, since
    the same photos are easy or hard for all, which makes it much surer than a comparison of two means.
    """
    return {
        name: {baseline: _lead(each, averages[baseline], seed) for baseline in baselines}
        for name, each in averages.items()
        if name not in baselines
    }


def _lead(model: Averages, baseline: Averages, seed: int) -> dict[str, dict[str, float]]:
    ours, theirs = model.values(), baseline.values()
    differences = torch.stack([METRICS[name].sign * (ours[name] - theirs[name]) for name in COMPARED], dim=1)
    low, high = bootstrap_interval(differences, seed=seed)
    bounds = zip(COMPARED, differences.mean(0).tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: {"mean": mean, "low": low, "high": high} for name, mean, low, high in bounds}


LEADS_TEXT = (
    "By how much each model, as it is, is better than what needs no network, photo by photo: positive is better, whichever way "
    "the metric goes, and bold where the whole 95% interval (paired bootstrap) says so."
)


def lead_table(report: Report) -> str:
    """Per model its lead over each baseline, bold where the whole interval is above 0."""
    baselines = next(iter(report.leads.values()), {})
    headings = [f"{METRICS[name].label}, over {baseline}" for name in COMPARED for baseline in baselines]
    lines = []
    for model, over in report.leads.items():
        found = [measured[name] for name in COMPARED for measured in over.values()]
        cells = [
            format_mean(lead["mean"], 2, interval=(lead["low"], lead["high"]), is_bold=lead["low"] > 0, sign="+")
            for lead in found
        ]
        lines.append([model, *cells])
    return markdown_table(["model", *headings], lines)


EDGES_TEXT = (
    f"Mean distance from the true color in ab, of the pixels within {EDGE_REACH} of an edge at which the true color changes by "
    f"{EDGE_STEP:g} or more a pixel, and of the others. Colors that bleed are wrong at edges above all: the ratio tells it "
    "from colors that are wrong everywhere."
)


def bleeding_table(report: Report) -> str:
    """Errors at edges and elsewhere of each model, as it is and at matched colorfulness."""
    metrics = {name: METRICS[name] for name in ("edge_error", "elsewhere_error")}
    lines = []
    for (title, _, scores), cells in zip(rows(report), metric_cells(report, metrics, has_intervals=False), strict=True):
        at_edges, elsewhere = (scores.means[name] for name in metrics)
        lines.append([title, *cells, f"{at_edges / elsewhere:.2f}" if elsewhere else ""])
    return markdown_table(["model", *(metric.heading for metric in metrics.values()), "ratio"], lines)


def measure_labels(averages: Mapping[str, Averages], photos: PhotoDataset) -> dict[str, Any]:
    """Per label, the most frequent first: {"num_photos", "models": {NAME: {METRIC: mean}}}; averages by the models' names."""
    members: dict[str, list[int]] = {}
    for index, number in enumerate(photos.labels.tolist()):
        members.setdefault(photos.classes[number] if number >= 0 else NONE, []).append(index)
    few = [label for label, indices in members.items() if len(indices) < MIN_PHOTOS and label != NONE]
    if others := [index for label in few for index in members.pop(label)]:
        members[OTHERS] = others
    ordered = sorted(members.items(), key=lambda item: (item[0] in (OTHERS, NONE), -len(item[1]), item[0]))
    return {
        label: {
            "num_photos": len(indices),
            "models": {name: each.subset(indices, MAIN_NAMES).means() for name, each in averages.items()},
        }
        for label, indices in ordered
    }


LABELS_TEXT = "ΔE2000 as a share of that of gray: 1 is no better than no color. Labels of few photos are put together."


def label_tables(report: Report) -> str:
    """Two Markdown tables: per label the models' ΔE2000 as a share of that of gray, the best of each bold; and per model the
    labels where that share is least and greatest."""
    names = [evaluation.name for evaluation in report.evaluations if evaluation.name != "gray"]
    shares = {label: _shares(group["models"], names) for label, group in report.labels.items()}
    by_labels = []
    for label, group in report.labels.items():
        best = min(shares[label].values(), default=None)
        cells = [format_mean(share, 2, is_bold=share == best) for share in shares[label].values()]
        gray = group["models"].get("gray", {}).get("ciede2000")
        by_labels.append([label, str(group["num_photos"]), "" if gray is None else f"{gray:.1f}", *cells])
    best_and_worst = []
    for name in names:
        ranked = sorted((shares[label][name], label) for label in shares if name in shares[label])
        best_and_worst.append([name, _named(ranked[:_NUM_NAMED]), _named(ranked[: -_NUM_NAMED - 1 : -1])])
    return (
        f"{markdown_table(['label', 'photos', 'ΔE2000 of gray', *names], by_labels)}\n"
        f"{markdown_table(['model', 'good at', 'bad at'], best_and_worst, has_numbers=False)}"
    )


def _shares(models: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> dict[str, float]:
    # Of plain differences the largest would always be those of the most colorful labels.
    gray = models.get("gray", {}).get("ciede2000") or 1.0
    return {name: models[name]["ciede2000"] / gray for name in names if name in models}


def _named(ranked: Sequence[tuple[float, str]]) -> str:
    return ", ".join(f"{label} ({share:.2f})" for share, label in ranked)
