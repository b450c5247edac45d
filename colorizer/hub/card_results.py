"""Measurements of a checkpoint, as its card tells them."""

import re
from typing import Any

from huggingface_hub import EvalResult

from colorizer.hub.metric_names import METRICS
from colorizer.hub.model_names import BASELINES, as_markdown

GRAY = BASELINES[0]

# Name in training.json and evaluation.json → label on the card.
LABELS = {name: metric.long_name for name, metric in METRICS.items() if metric.long_name} | {
    "validation_loss": "loss, lower is better"
}


def number(value: float | int | str) -> str:
    """Format a number in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def validation_metrics(training: dict[str, Any]) -> dict[str, float]:
    """Return the validation metrics at the kept step, with keys from LABELS."""
    metrics = {key.removeprefix("validation_"): value for key, value in (training.get("metrics") or {}).items()}
    loss = {"validation_loss": metrics.pop("loss")} if "loss" in metrics else {}
    return loss | {key: metrics[key] for key in LABELS if isinstance(metrics.get(key), int | float)}


def _own_results(name: str, evaluation: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return this checkpoint's results: those under its name, or of the only model that isn't a baseline."""
    models = evaluation.get("models") or {}
    own = [name] if name in models else [key for key in models if key not in BASELINES]
    return models[own[0]] if len(own) == 1 else {}


def measured_table(name: str, evaluation: dict[str, Any]) -> dict[str, Any] | None:
    """Return a caption, the columns and rows of a table of this checkpoint and the baselines, and a verdict.

    None if it was not evaluated. The verdict is "" unless its colors are surely worse than none.
    """
    own = _own_results(name, evaluation)
    if not own:
        return None
    columns = {name: own} | {key: evaluation["models"][key] for key in BASELINES if key in evaluation["models"]}
    rows = [
        (label, [_interval(values.get(metric)) for values in columns.values()])
        for metric, label in LABELS.items()
        if metric in own
    ]
    count = f"{evaluation['num_photos']:,} photos of " if evaluation.get("num_photos") else ""
    split = f" ({evaluation['split']})" if evaluation.get("split") else ""
    caption = f"On {count}{evaluation.get('dataset', 'an unnamed dataset')}{split}, with 95% confidence intervals."
    return {
        "caption": as_markdown(caption),
        "columns": list(map(as_markdown, columns)),
        "rows": rows,
        "verdict": _verdict(evaluation.get("leads", {}).get(name, {}).get(GRAY, {}).get("ciede2000")),
    }


def _verdict(lead: dict[str, float] | None) -> str:
    """Return a sentence on a lead over gray whose whole interval is below 0."""
    if not lead or lead["high"] >= 0:
        return ""
    return (
        "By ΔE2000, its colors are further from the true ones than no color at all: by "
        f"{-lead['mean']:.2f} [{-lead['high']:.2f}, {-lead['low']:.2f}]."
    )


def _interval(measured: dict[str, float] | None) -> str:
    if not measured:
        return ""
    if measured.get("low") is None or measured.get("high") is None:
        return number(measured["mean"])
    return f"{number(measured['mean'])} [{number(measured['low'])}, {number(measured['high'])}]"


def model_index(name: str, training: dict[str, Any], evaluation: dict[str, Any]) -> list[EvalResult]:
    """Return measured results only: those of the evaluation if there is one, else of the run's validation."""
    own = {key: values["mean"] for key, values in _own_results(name, evaluation).items() if key in LABELS}
    dataset, split = evaluation.get("dataset"), evaluation.get("split")
    if not own:
        own = validation_metrics(training)
        dataset, split = (training.get("dataset") or {}).get("name"), "validation"
    return [
        EvalResult(
            task_type="image-to-image",
            task_name="Photo colorization",
            dataset_type=re.sub(r"[^\w./-]+", "-", dataset or "photos"),
            dataset_name=dataset or "photos",
            dataset_split=split or "test",
            metric_type=key,
            metric_name=LABELS[key].partition(",")[0],
            metric_value=round(float(value), 5),
        )
        for key, value in own.items()
    ]
