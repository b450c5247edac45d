"""What an evaluation found, and evaluation.json, which holds it: cards, the README, the app and the report read that."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from colorizer.errors import ColorizerError

FILE_NAME = "evaluation.json"


@dataclass(frozen=True)
class Scores:
    """means: metric → mean over the photos. intervals: metric → low and high of its 95% bootstrap interval, for those
    metrics that are means over photos.

    gain: the factor on the predicted chroma.
    """

    means: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    gain: float = 1.0


@dataclass(frozen=True)
class Evaluation(Scores):
    """One model's, or one baseline's, results over the photos of a dataset.

    approach, num_parameters, photos_per_second: None for a baseline, which has no network.
    matched: the results at the gain at which the validation photos are as colorful as the true ones.
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
    """What was evaluated on what: everything the tables say.

    notes: sentences on where gains and statistics come from, and on what was left out.
    leads: what `measure_leads` returns; empty without baselines.
    labels, size, age: what `measure_labels`, `measure_sizes` and `measure_aged` return; None where that was not asked for.
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

    @property
    def baselines(self) -> list[str]:
        """The names that no network stands behind."""
        return [evaluation.name for evaluation in self.evaluations if evaluation.approach is None]


def to_json(report: Report) -> str:
    """The report as evaluation.json holds it.

    {"dataset", "split", "num_photos", "resolution", "true_colorfulness", "hardware", "notes": […],
    "models": {NAME: {METRIC: {"mean", "low", "high"}}},
    "networks": {NAME: {"approach", "num_parameters", "photos_per_second"}},
    "matched": {NAME: {"gain", "metrics": {METRIC: {"mean", "low", "high"}}}},
    "curves": {NAME: [{"gain", "colorfulness", "psnr", "ciede2000", "auc"}, …]}};
    "leads": {NAME: {BASELINE: {METRIC: {"mean", "low", "high"}}}};
    baselines are among the models alone. A metric that is no mean over photos has no "low" and "high". And, where they were
    asked for, "labels", "size" and "age".
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
    """The report that `to_json` wrote into a folder's evaluation.json, or into the file that is given.

    Raises:
        ColorizerError: there is none, or it is of another kind.
    """
    path = Path(folder) / FILE_NAME if Path(folder).is_dir() else Path(folder)
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ColorizerError(
            f"{path} can't be read ({error.strerror}): give the folder that `evaluate` wrote."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ColorizerError(f"{path} is not what `evaluate` writes ({error!r}): evaluate again.") from error


def from_json(text: str) -> Report:
    """The report of which `to_json` made this."""
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
