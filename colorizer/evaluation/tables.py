"""Comparison of models as Markdown and CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from colorizer.evaluation.bootstrap import CONFIDENCE
from colorizer.evaluation.results import Evaluation, Report, Scores
from colorizer.hub.metric_names import METRICS, Metric
from colorizer.hub.model_names import as_markdown


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, has_numbers: bool = True) -> str:
    """Return a Markdown table, its first column aligned left, the others right if they hold numbers.

    Header and first column are plain text, as is a table without numbers. Cells of numbers are Markdown, in which the best is
    bold.
    """
    rule = ["---", *["---:" if has_numbers else "---"] * (len(header) - 1)]
    lines = [list(map(as_markdown, header)), rule]
    for title, *cells in rows:
        lines.append([as_markdown(title), *(cells if has_numbers else map(as_markdown, cells))])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def format_mean(
    mean: float, digits: int, *, interval: tuple[float, float] | None = None, is_bold: bool = False, sign: str = ""
) -> str:
    """Format a mean, with ± half of its interval if there is one; `sign` "+" also marks positive values."""
    text = f"{mean:{sign}.{digits}f}"
    text = f"**{text}**" if is_bold else text
    return text if interval is None else f"{text} ± {(interval[1] - interval[0]) / 2:.{digits}f}"


def rows(report: Report) -> list[tuple[str, Evaluation, Scores]]:
    """Return the lines of the comparison, each with its title, the model's evaluation and the scores.

    First come all models and baselines as is, then the models at matched colorfulness, with the gain in the title.
    """
    as_they_are = [(evaluation.name, evaluation, evaluation) for evaluation in report.evaluations]
    matched = [
        (f"{evaluation.name} × {evaluation.matched.gain:.2f}", evaluation, evaluation.matched)
        for evaluation in report.evaluations
        if evaluation.matched is not None
    ]
    return as_they_are + matched


def metric_cells(report: Report, metrics: Mapping[str, Metric], *, has_intervals: bool = True) -> list[list[str]]:
    """Return a cell per metric for each of `rows`. The best mean of a metric is bold, for as is and matched separately."""
    cells = []
    for kind in (report.evaluations, [each.matched for each in report.evaluations if each.matched is not None]):
        best = _best_means(kind, metrics)
        for scores in kind:
            cells.append(
                [
                    format_mean(
                        scores.means[name],
                        metric.digits,
                        interval=scores.intervals.get(name) if has_intervals else None,
                        is_bold=scores.means[name] == best.get(name),
                    )
                    if name in scores.means
                    else ""
                    for name, metric in metrics.items()
                ]
            )
    return cells


def _best_means(scores: Sequence[Scores], metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Return the best mean of each metric that has a better direction; nothing if there is only one model."""
    if len(scores) < 2:
        return {}
    return {
        name: metric.sign * max(metric.sign * each.means[name] for each in scores if name in each.means)
        for name, metric in metrics.items()
        if metric.sign and any(name in each.means for each in scores)
    }


def shown_metrics(report: Report) -> dict[str, Metric]:
    """Return the metrics that were measured."""
    return {name: metric for name, metric in METRICS.items() if any(name in e.means for e in report.evaluations)}


def to_markdown(report: Report) -> str:
    """Return the caption and the comparison as Markdown."""
    return f"{as_markdown(caption(report))}\n\n{comparison_table(report)}"


def comparison_table(report: Report) -> str:
    """Return the comparison as a Markdown table, with a line per model as is and one at matched colorfulness.

    Among each kind, the best mean of each column is bold.
    """
    metrics = shown_metrics(report)
    lines = []
    for (title, evaluation, _), cells in zip(rows(report), metric_cells(report, metrics), strict=True):
        speed = "" if evaluation.photos_per_second is None else f"{evaluation.photos_per_second:.3g}"
        size = "" if evaluation.num_parameters is None else f"{evaluation.num_parameters / 1e6:.3g} M"
        lines.append([title, *cells, speed, size])
    header = ["model", *(metric.heading for metric in metrics.values()), "photos/s", "parameters"]
    return markdown_table(header, lines)


def caption(report: Report) -> str:
    """Describe the measurement in sentences."""
    sentences = [
        f"{report.num_photos:,} photos of {report.dataset} ({report.split}) at {report.resolution}×{report.resolution} "
        f"pixels; ± is half the {CONFIDENCE:.0%} bootstrap interval of the mean.",
        f"Colorfulness of the true photos: {report.true_colorfulness:.1f}.",
    ]
    if any(evaluation.matched is not None for evaluation in report.evaluations):
        sentences.append(
            'A row "model × number" is the model with its chroma multiplied by the number that makes the validation photos '
            "as colorful on average as the true ones."
        )
    sentences.append(f"photos/s: the network alone, on {report.hardware}.")
    return " ".join([*sentences, *report.notes])


def to_csv(report: Report) -> str:
    """Return the comparison as CSV with every mean and interval at full precision; missing values are empty.

    Names that a spreadsheet would compute as formulas begin with an apostrophe.
    """
    metrics = shown_metrics(report)
    columns = [f"{name}{suffix}" for name in metrics for suffix in ("", "_low", "_high")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "approach", "gain", *columns, "photos_per_second", "num_parameters"])
    for _, evaluation, scores in rows(report):
        values = [
            value for name in metrics for value in (scores.means.get(name), *scores.intervals.get(name, (None, None)))
        ]
        network = [evaluation.photos_per_second, evaluation.num_parameters]
        names = [_as_text(evaluation.name), evaluation.approach and _as_text(evaluation.approach)]
        writer.writerow([*names, scores.gain, *values, *network])
    return text.getvalue()


def _as_text(name: str) -> str:
    # OWASP, "CSV Injection".
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")) else name
