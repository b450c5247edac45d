"""Results of an evaluation, and the file evaluation.json, which cards, the README, the app and the report read."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from colorizer.errors import ColorizerError, quote

FILE_NAME = "evaluation.json"


@dataclass(frozen=True)
class Scores:
    """Scores at one chroma gain.

    means: metric → mean over the photos.
    intervals: metric → low and high of its 95% bootstrap interval, for metrics that are means over photos.
    gain: factor on the predicted chroma.
    """

    means: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    gain: float = 1.0


@dataclass(frozen=True)
class Evaluation(Scores):
    """Results of one model or baseline over the photos of a dataset.

    approach, num_parameters, photos_per_second: None for a baseline, which has no network.
    matched: results at the gain at which the validation photos are as colorful as the true ones.
    curve: gain, colorfulness, psnr, ciede2000 and auc at several gains, by rising gain.
    """

    name: str = ""
    approach: str | None = None
    num_parameters: int | None = None
    photos_per_second: float | None = None
    matched: Scores | None = None
    curve: Sequence[Mapping[str, float]] = ()


@dataclass(frozen=True)
class Report:
    """Everything that the tables report: the evaluations, and the photos and hardware they were made with.

    notes: sentences on the sources of gains and statistics, and on what was left out.
    leads: return value of `measure_leads`; empty without baselines.
    labels, size, age, others: return values of `measure_labels`, `measure_sizes`, `measure_aged` and `measure_others`; None if
        not requested.
    """

    evaluations: Sequence[Evaluation]
    dataset: str
    split: str
    num_photos: int
    resolution: int
    true_colorfulness: float
    hardware: str
    notes: Sequence[str] = ()
    leads: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] | None = field(default=None)
    size: Mapping[str, Any] | None = field(default=None)
    age: Mapping[str, Any] | None = field(default=None)
    others: Mapping[str, Any] | None = field(default=None)

    @property
    def baselines(self) -> list[str]:
        """Names of the entries without a network."""
        return [evaluation.name for evaluation in self.evaluations if evaluation.approach is None]


def to_json(report: Report) -> str:
    """Return the report as the text of evaluation.json.

    {"dataset", "split", "num_photos", "resolution", "true_colorfulness", "hardware", "notes": […],
    "models": {NAME: {METRIC: {"mean", "low", "high"}}},
    "networks": {NAME: {"approach", "num_parameters", "photos_per_second"}},
    "matched": {NAME: {"gain", "metrics": {METRIC: {"mean", "low", "high"}}}},
    "curves": {NAME: [{"gain", "colorfulness", "psnr", "ciede2000", "auc"}, …]},
    "leads": {NAME: {BASELINE: {METRIC: {"mean", "low", "high"}}}}}

    Baselines appear under "models" only. A metric that is not a mean over photos has no "low" and "high". "labels",
    "size", "age" and "others" are added if they were measured.
    """
    facts = {
        item.name: getattr(report, item.name)
        for item in fields(report)
        if item.name != "evaluations" and getattr(report, item.name) is not None
    }
    networks = [evaluation for evaluation in report.evaluations if evaluation.approach is not None]
    content = facts | {
        "models": {evaluation.name: _metrics(evaluation) for evaluation in report.evaluations},
        "networks": {
            evaluation.name: {
                "approach": evaluation.approach,
                "num_parameters": evaluation.num_parameters,
                "photos_per_second": evaluation.photos_per_second,
            }
            for evaluation in networks
        },
        "matched": {
            evaluation.name: {"gain": evaluation.matched.gain, "metrics": _metrics(evaluation.matched)}
            for evaluation in networks
            if evaluation.matched is not None
        },
        "curves": {evaluation.name: list(evaluation.curve) for evaluation in networks if evaluation.curve},
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _metrics(scores: Scores) -> dict[str, dict[str, float]]:
    return {
        name: {"mean": mean, **dict(zip(("low", "high"), scores.intervals.get(name, ()), strict=False))}
        for name, mean in scores.means.items()
    }


def read_results(folder: str | Path) -> Report:
    """Read the report that `to_json` wrote, from a folder's evaluation.json or from the file itself.

    Raises:
        ColorizerError: there is no such file, or it is of another kind.
    """
    path = Path(folder) / FILE_NAME if os.path.isdir(folder) else Path(folder)
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ColorizerError(
            f"{quote(str(path))} can't be read ({error.strerror}): give the folder that `evaluate` wrote."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ColorizerError(
            f"{quote(str(path))} was not written by `evaluate` ({quote(error)}): evaluate again."
        ) from error


def from_json(text: str) -> Report:
    """Parse a report from the text that `to_json` returns."""
    content = json.loads(text)
    facts = {item.name: content[item.name] for item in fields(Report) if item.name in content}
    evaluations = []
    for name, metrics in content["models"].items():
        matched = content.get("matched", {}).get(name)
        evaluations.append(
            Evaluation(
                *_scores(metrics),
                name=name,
                **content["networks"].get(name, {}),
                matched=Scores(*_scores(matched["metrics"]), gain=matched["gain"]) if matched else None,
                curve=content.get("curves", {}).get(name, ()),
            )
        )
    return Report(evaluations=evaluations, **facts)


def _scores(metrics: Mapping[str, Mapping[str, float]]) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    means = {name: measured["mean"] for name, measured in metrics.items()}
    return means, {name: (measured["low"], measured["high"]) for name, measured in metrics.items() if "low" in measured}
