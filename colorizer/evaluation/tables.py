"""The comparison of models as Markdown, CSV and JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields

from colorizer.evaluation.averages import CONFIDENCE


@dataclass(frozen=True)
class Metric:
    """How a metric of `compute_metrics` is shown.

    sign: 1 if more is better, -1 if less, 0 if it says what a model does, not how well.
    """

    label: str
    digits: int
    sign: int


METRICS = {
    "psnr": Metric("PSNR (dB)", 2, 1),
    "ssim": Metric("SSIM", 3, 1),
    "ciede2000": Metric("ΔE2000", 2, -1),
    "ab_mae": Metric("ab MAE", 2, -1),
    "ab_rmse": Metric("ab RMSE", 2, -1),
    "mse_ab128": Metric("MSE ab/128", 4, -1),
    "auc": Metric("AuC (%)", 2, 1),
    "within_5": Metric("within 5 (%)", 1, 1),
    "within_10": Metric("within 10 (%)", 1, 1),
    "within_20": Metric("within 20 (%)", 1, 1),
    "colorfulness": Metric("colorfulness", 1, 0),
    "colorfulness_difference": Metric("difference in colorfulness", 1, -1),
}


@dataclass(frozen=True)
class Evaluation:
    """One model's, or one baseline's, results over the photos of a dataset.

    means: metric → mean over the photos. intervals: metric → low and high of its 95% bootstrap interval.
    approach, num_parameters, photos_per_second: None for a baseline, which has no network.
    """

    name: str
    means: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    approach: str | None = None
    num_parameters: int | None = None
    photos_per_second: float | None = None


@dataclass(frozen=True)
class Report:
    """What was evaluated on what: everything the tables say."""

    evaluations: Sequence[Evaluation]
    dataset: str
    split: str
    num_photos: int
    resolution: int
    true_colorfulness: float
    hardware: str


_ARROWS = {1: " ↑", -1: " ↓", 0: ""}


def to_markdown(report: Report) -> str:
    """The comparison as a table, a line a model; the best mean of each column is bold."""
    header = ["model", *(metric.label + _ARROWS[metric.sign] for metric in METRICS.values()), "photos/s", "parameters"]
    best = {
        name: max(metric.sign * evaluation.means[name] for evaluation in report.evaluations)
        for name, metric in METRICS.items()
        if metric.sign
    }
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    for evaluation in report.evaluations:
        cells = [evaluation.name]
        for name, metric in METRICS.items():
            mean, (low, high) = evaluation.means[name], evaluation.intervals[name]
            is_best = metric.sign * mean == best.get(name) and len(report.evaluations) > 1
            text = f"{mean:.{metric.digits}f}"
            cells.append(f"{f'**{text}**' if is_best else text} ± {(high - low) / 2:.{metric.digits}f}")
        cells.append("" if evaluation.photos_per_second is None else f"{evaluation.photos_per_second:.3g}")
        cells.append("" if evaluation.num_parameters is None else f"{evaluation.num_parameters / 1e6:.3g} M")
        lines.append(cells)
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{_caption(report)}\n\n{table}\n"


def _caption(report: Report) -> str:
    return (
        f"{report.num_photos:,} photos of {report.dataset} ({report.split}) at {report.resolution}×{report.resolution} "
        f"pixels; ± is half the {CONFIDENCE:.0%} bootstrap interval of the mean. Colorfulness of the true photos: "
        f"{report.true_colorfulness:.1f}. photos/s: the network alone, {report.hardware}."
    )


def to_csv(report: Report) -> str:
    """The comparison with every mean and interval at full precision; a column that a baseline lacks is empty."""
    columns = [f"{name}{suffix}" for name in METRICS for suffix in ("", "_low", "_high")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "approach", *columns, "photos_per_second", "num_parameters"])
    for evaluation in report.evaluations:
        values = [value for name in METRICS for value in (evaluation.means[name], *evaluation.intervals[name])]
        writer.writerow(
            [evaluation.name, evaluation.approach, *values, evaluation.photos_per_second, evaluation.num_parameters]
        )
    return text.getvalue()


def to_json(report: Report) -> str:
    """The comparison as evaluation.json holds it, which cards are written from.

    {"dataset", "split", "num_photos", "resolution", "true_colorfulness", "hardware", "models": {NAME: {METRIC: {"mean",
    "low", "high"}}}, "networks": {NAME: {"approach", "num_parameters", "photos_per_second"}}}; baselines are among the
    models, not among the networks.
    """
    facts = {field.name: getattr(report, field.name) for field in fields(report) if field.name != "evaluations"}
    models = {
        evaluation.name: {
            name: {"mean": evaluation.means[name], "low": low, "high": high}
            for name, (low, high) in evaluation.intervals.items()
        }
        for evaluation in report.evaluations
    }
    networks = {
        evaluation.name: {
            "approach": evaluation.approach,
            "num_parameters": evaluation.num_parameters,
            "photos_per_second": evaluation.photos_per_second,
        }
        for evaluation in report.evaluations
        if evaluation.approach is not None
    }
    return json.dumps(facts | {"models": models, "networks": networks}, indent=2, ensure_ascii=False) + "\n"
