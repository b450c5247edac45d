"""What each model is good and bad at: the same metrics, photo by photo, put together by the photos' labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from colorizer.data import PhotoDataset
from colorizer.evaluation.bootstrap import Averages
from colorizer.evaluation.metrics import MAIN_NAMES
from colorizer.evaluation.results import Report
from colorizer.evaluation.tables import markdown_table

MIN_PHOTOS = 10
"""Labels of fewer photos say more of these photos than of the label; they are put together as "others"."""

OTHERS, NONE = "others", "no label"
_NUM_NAMED = 3


def by_label(averages: Mapping[str, Averages], photos: PhotoDataset) -> dict[str, Any]:
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


def label_tables(report: Report) -> str:
    """Two Markdown tables: per label the models' ΔE2000 as a share of that of gray, the best of each bold; and per model the
    labels where that share is least and greatest."""
    names = [evaluation.name for evaluation in report.evaluations if evaluation.name != "gray"]
    shares = {label: _shares(group["models"], names) for label, group in report.labels.items()}
    lines = [["label", "photos", "ΔE2000 of gray", *names], ["---", *["---:"] * (len(names) + 2)]]
    for label, group in report.labels.items():
        best = min(shares[label].values(), default=None)
        cells = [f"{share:.2f}" if share != best else f"**{share:.2f}**" for share in shares[label].values()]
        gray = group["models"].get("gray", {}).get("ciede2000")
        lines.append([label, str(group["num_photos"]), "" if gray is None else f"{gray:.1f}", *cells])
    best_and_worst = [["model", "good at", "bad at"], ["---", "---", "---"]]
    for name in names:
        ranked = sorted((shares[label][name], label) for label in shares if name in shares[label])
        best_and_worst.append([name, _named(ranked[:_NUM_NAMED]), _named(ranked[: -_NUM_NAMED - 1 : -1])])
    return f"{markdown_table(lines)}\n\n{markdown_table(best_and_worst)}\n"


def _shares(models: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> dict[str, float]:
    # Of plain differences the largest would always be those of the most colorful labels.
    gray = models.get("gray", {}).get("ciede2000") or 1.0
    return {name: models[name]["ciede2000"] / gray for name in names if name in models}


def _named(ranked: Sequence[tuple[float, str]]) -> str:
    return ", ".join(f"{label} ({share:.2f})" for share, label in ranked)
