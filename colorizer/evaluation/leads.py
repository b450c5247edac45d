"""How far each model is ahead of the baselines, photo by photo: much surer than a comparison of two means."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from colorizer.evaluation.bootstrap import Averages, bootstrap_interval
from colorizer.evaluation.results import Report
from colorizer.evaluation.tables import markdown_table
from colorizer.hub.metric_names import METRICS

COMPARED = ("psnr", "ciede2000", "auc")


def leads(averages: Mapping[str, Averages], baselines: Sequence[str], *, seed: int = 0) -> dict[str, Any]:
    """By how much models are better than each baseline: NAME → BASELINE → METRIC → {"mean", "low", "high"}.

    `averages` are by the names of models and baselines, of the same photos. Above 0 the model is better, whichever way the
    metric goes. low…high is the 95% bootstrap interval of the mean over the photos of each photo's difference: paired, since
    the same photos are easy or hard for all.
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


def lead_table(report: Report) -> str:
    """Per model its lead over each baseline, bold where the whole interval is above 0."""
    baselines = next(iter(report.leads.values()), {})
    headings = [f"{METRICS[name].label}, over {baseline}" for name in COMPARED for baseline in baselines]
    lines = [["model", *headings], ["---", *["---:"] * len(headings)]]
    for model, over in report.leads.items():
        cells = []
        for name in COMPARED:
            for lead in (measured[name] for measured in over.values()):
                mean = f"{lead['mean']:+.2f}"
                mean = f"**{mean}**" if lead["low"] > 0 else mean
                cells.append(f"{mean} ± {(lead['high'] - lead['low']) / 2:.2f}")
        lines.append([model, *cells])
    return f"{markdown_table(lines)}\n"
