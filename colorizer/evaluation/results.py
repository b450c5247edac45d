"""Results of an evaluation, and the file evaluation.json, which cards, the README, the app and the report read."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from colorizer.approaches.base.checkpoint_files import MAX_RECORD_BYTES, read_json
from colorizer.errors import ColorizerError, quote

FILE_NAME = "evaluation.json"
SHEET, MATCHED_SHEET = "sheet.png", "sheet-matched.png"


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


def results_file(folder: str | Path) -> Path:
    """Return the path of evaluation.json, given its folder or the file itself."""
    return Path(folder) / FILE_NAME if os.path.isdir(folder) else Path(folder)


def read_results(folder: str | Path) -> Report:
    """Read the report that `to_json` wrote, from a folder's evaluation.json or from the file itself.

    Raises:
        ColorizerError: there is no such file, it is damaged, or a value is missing or of another type.
    """
    path = results_file(folder)
    try:
        content = read_json(path, max_bytes=MAX_RECORD_BYTES)
    except FileNotFoundError as error:
        raise ColorizerError(
            f"{quote(str(path))} can't be read, since it doesn't exist: give the folder that `evaluate` wrote."
        ) from error
    try:
        return from_content(content)
    except (ValueError, KeyError, TypeError) as error:
        raise ColorizerError(
            f"{quote(str(path))} was not written by `evaluate` ({quote(error)}): evaluate again."
        ) from error


def from_content(content: Mapping[str, Any]) -> Report:
    """Return the report of a parsed evaluation.json.

    Raises:
        ValueError, KeyError or TypeError: a value is missing or of another type.
    """
    _check(content, _CONTENT)
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


# Types of the values in evaluation.json. `...` stands for any names, "?" marks a name that may be missing, and a pair with None
# a value that may be null.
_INTERVAL = {"mean": float, "low": float, "high": float}
_METRICS = {...: {"mean": float, "low?": float, "high?": float}}
_CONTENT = {
    "dataset": str,
    "split": str,
    "num_photos": int,
    "resolution": int,
    "true_colorfulness": float,
    "hardware": str,
    "notes?": [str],
    "models": {...: _METRICS},
    "networks": {...: {"approach": str, "num_parameters": (int, None), "photos_per_second": (float, None)}},
    "matched?": {...: {"gain": float, "metrics": _METRICS}},
    "curves?": {...: [{...: float}]},
    "leads?": {...: {...: {...: _INTERVAL}}},
    "labels?": {...: {"num_photos": int, "models": {...: {...: float}}}},
    "size?": {"num_photos": int, "sizes": [int], "models": {...: _INTERVAL | {"pairs": {...: float}}}},
    "age?": {"num_photos": int, "models": {...: {"new": {...: float}, "old": {...: _INTERVAL}}}},
    "others?": {...: {"num_photos": int, "models": {...: {...: _INTERVAL}}}},
}
_WORDS = {dict: "object", list: "list", str: "text", int: "whole number", float: "number"}


def _check(value: object, kind: Any, place: str = "the top") -> None:
    """Raise ValueError, naming the place, unless `value` is of `kind`, as described above."""
    if isinstance(kind, tuple):
        if value is None:
            return
        kind, _ = kind
    plain = kind if isinstance(kind, type) else type(kind)
    if not _is_a(value, plain):
        raise ValueError(f"no {_WORDS[plain]} at {place}")
    if plain is list:
        for number, item in enumerate(value):
            _check(item, kind[0], f"{place}/{number}")
    if plain is not dict:
        return
    for name, inner in kind.items():
        found = value if name is ... else [name.removesuffix("?")]
        for key in found:
            if key in value:
                _check(value[key], inner, f"{place}/{key}")
            elif key == name:
                raise ValueError(f"no {key} at {place}")


def _is_a(value: object, kind: type) -> bool:
    if kind in (int, float):
        # Numbers have any number of digits in JSON, and true is one in Python.
        is_number = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
        return is_number and abs(value) < 2**63
    return isinstance(value, kind)
