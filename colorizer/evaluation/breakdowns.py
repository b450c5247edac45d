"""Breakdowns of the measurements: lead over the baselines per photo, errors at edges and elsewhere, results per label.

Each table follows the function that measures it, with a sentence on how to read it.
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
"""Labels with fewer photos are merged into "others": their means would describe the photos rather than the label."""

OTHERS, NONE = "others", "no label"
_NUM_NAMED = 3


def measure_leads(averages: Mapping[str, Averages], baselines: Sequence[str], *, seed: int = 0) -> dict[str, Any]:
    """Return each model's lead over each baseline: NAME → BASELINE → METRIC → {"mean", "low", "high"}.

    `averages` holds the metrics of models and baselines by name, all of the same photos. A positive lead means that the
    model is better, whichever way the metric goes. low…high is the 95% bootstrap interval of the mean difference per
    photo. Pairing by photo makes it much narrower than comparing two means, since the same photos are easy or hard for
    all models.
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
    "Lead of each model, as is, over the baselines, which need no network, compared photo by photo. Positive is better, "
    "whichever way the metric goes. Bold: the whole 95% interval (paired bootstrap) is above 0."
)


def lead_table(report: Report) -> str:
    """Return a table of each model's lead over each baseline, bold where the whole interval is above 0."""
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
    f"Mean ab distance from the true color, for pixels within {EDGE_REACH} pixels of an edge where the true color changes by "
    f"{EDGE_STEP:g} or more per pixel, and for all others. Colors that bleed are wrong mostly at edges: a high ratio "
    "distinguishes them from colors that are wrong everywhere."
)


def bleeding_table(report: Report) -> str:
    """Return a table of each model's errors at edges and elsewhere, as is and at matched colorfulness."""
    metrics = {name: METRICS[name] for name in ("edge_error", "elsewhere_error")}
    lines = []
    for (title, _, scores), cells in zip(rows(report), metric_cells(report, metrics, has_intervals=False), strict=True):
        at_edges, elsewhere = (scores.means[name] for name in metrics)
        lines.append([title, *cells, f"{at_edges / elsewhere:.2f}" if elsewhere else ""])
    return markdown_table(["model", *(metric.heading for metric in metrics.values()), "ratio"], lines)


def measure_labels(averages: Mapping[str, Averages], photos: PhotoDataset) -> dict[str, Any]:
    """Return results per label, most frequent first: {LABEL: {"num_photos", "models": {NAME: {METRIC: mean}}}}.

    `averages` holds the metrics by model name.
    """
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


LABELS_TEXT = "ΔE2000 as a fraction of gray's: 1 is no better than no color. Labels with few photos are merged."


def label_tables(report: Report) -> str:
    """Return two Markdown tables.

    The first gives, per label, each model's ΔE2000 as a fraction of gray's, with the best in bold. The second gives,
    per model, the labels with the lowest and the highest fractions.
    """
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
        f"{markdown_table(['model', 'best at', 'worst at'], best_and_worst, has_numbers=False)}"
    )


def _shares(models: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> dict[str, float]:
    # Plain differences would always be largest for the most colorful labels.
    gray = models.get("gray", {}).get("ciede2000") or 1.0
    return {name: models[name]["ciede2000"] / gray for name in names if name in models}


def _named(ranked: Sequence[tuple[float, str]]) -> str:
    return ", ".join(f"{label} ({share:.2f})" for share, label in ranked)
