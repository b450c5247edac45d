"""Plots for the report: accuracy over colorfulness, and each model's metrics with their intervals."""

import io
from collections.abc import Mapping, Sequence

import matplotlib
import matplotlib.colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from colorizer.errors import printable
from colorizer.evaluation.results import Evaluation, Report
from colorizer.hub.metric_names import METRICS

CURVES = ("ciede2000", "auc", "psnr")
SHOWN = ("psnr", "ssim", "ciede2000", "auc", "auc_rebalanced", "within_10", "colorfulness", "edge_error")
_MARKERS = "osD^vP*X<>"
_GRAY = "0.45"
# Two of matplotlib's palettes without their grays, which are for the baselines.
_COLORS = [
    matplotlib.colors.to_hex(color)
    for name in ("tab10", "Dark2")
    for color in matplotlib.colormaps[name].colors
    if max(color) - min(color) > 0.1
]


def curve_figure(report: Report) -> Figure:
    """Plot each model's accuracy over its colorfulness as its chroma is scaled, starting from gray.

    A ring marks the model as is, and a line the colorfulness of the true photos. The better of two models is the one
    with the better curve, however vivid its own colors are.
    """
    figure = Figure(figsize=(15, 5.2), layout="constrained")
    networks = [evaluation for evaluation in report.evaluations if evaluation.curve]
    for axes, name in zip(figure.subplots(1, len(CURVES)), CURVES, strict=True):
        for number, evaluation in enumerate(networks):
            _draw_curve(axes, evaluation, name, number)
        _draw_baselines(axes, report, name)
        axes.axvline(report.true_colorfulness, color=_GRAY, linestyle=":", label="colorfulness of the truth")
        axes.set(title=METRICS[name].heading, xlabel="colorfulness")
        axes.grid(alpha=0.25)
        if METRICS[name].sign < 0:
            axes.invert_yaxis()
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(6, len(labels)), frameon=False)
    return figure


def _draw_curve(axes: Axes, evaluation: Evaluation, name: str, number: int) -> None:
    points = [(point["colorfulness"], point[name]) for point in evaluation.curve]
    style = {"color": _color(number), "marker": _MARKERS[number % len(_MARKERS)], "markersize": 4}
    axes.plot(*zip(*points, strict=True), label=_as_label(evaluation.name), **style)
    as_it_is = next((point for point in evaluation.curve if point["gain"] == 1.0), None)
    if as_it_is:
        ring = {"markersize": 11, "markerfacecolor": "none", "markeredgewidth": 1.6, "linestyle": "none"}
        axes.plot(as_it_is["colorfulness"], as_it_is[name], marker="o", color=_color(number), **ring)


def _draw_baselines(axes: Axes, report: Report, name: str) -> None:
    for evaluation, marker in zip(_baselines(report), "x+1", strict=False):
        if name in evaluation.means:
            place = evaluation.means["colorfulness"], evaluation.means[name]
            axes.plot(*place, marker, color="black", markersize=9, markeredgewidth=2, label=_as_label(evaluation.name))


def metrics_figure(report: Report) -> Figure:
    """Plot the metrics of each model as is, with intervals, and a dotted line at the best baseline."""
    shown = [name for name in SHOWN if all(name in evaluation.means for evaluation in report.evaluations)]
    columns = 4
    num_rows = max(1, -(-len(shown) // columns))
    height = 0.9 + 0.26 * len(report.evaluations)
    figure = Figure(figsize=(15, num_rows * height), layout="constrained")
    grid = figure.subplots(num_rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    for axes, name in zip(grid.flat, shown, strict=False):
        _draw_metric(axes, report, name)
    return figure


def _draw_metric(axes: Axes, report: Report, name: str) -> None:
    # Points instead of bars: models differ in the last percents, so no axis begins at 0.
    metric, numbers = METRICS[name], iter(range(len(report.evaluations)))
    for place, evaluation in enumerate(report.evaluations):
        mean = evaluation.means[name]
        low, high = evaluation.intervals.get(name, (mean, mean))
        color = _GRAY if evaluation.approach is None else _color(next(numbers))
        reach = [[max(0.0, mean - low)], [max(0.0, high - mean)]]
        axes.errorbar(mean, place, xerr=reach, fmt="o", color=color, markersize=6, elinewidth=2)
    if metric.sign == 0:
        axes.axvline(report.true_colorfulness, color="black", linestyle=":")
    elif floors := [evaluation.means[name] for evaluation in _baselines(report)]:
        axes.axvline(metric.sign * max(metric.sign * floor for floor in floors), color="black", linestyle=":")
    axes.set_yticks(range(len(report.evaluations)), [_as_label(evaluation.name) for evaluation in report.evaluations])
    # The axis is shared, with the first model at the top.
    axes.set_ylim(len(report.evaluations) - 0.5, -0.5)
    axes.set_title(metric.heading, fontsize=10)
    axes.grid(alpha=0.25)


def training_figure(curves: Mapping[str, Sequence[tuple[int, float]]], speeds: Mapping[str, float]) -> Figure:
    """Plot each run's ΔE2000 on validation photos against photos seen and, by its photos per second, against seconds."""
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    by_photos, by_time = figure.subplots(1, 2, sharey=True)
    for number, (name, points) in enumerate(curves.items()):
        photos, errors = zip(*points, strict=True)
        style = {"color": _color(number), "marker": _MARKERS[number % len(_MARKERS)], "markersize": 3}
        by_photos.plot(photos, errors, label=_as_label(name), **style)
        by_time.plot([count / speeds[name] for count in photos], errors, **style)
    by_photos.set(xlabel="photos seen", ylabel=METRICS["ciede2000"].heading)
    by_time.set(xlabel="seconds", xscale="log")
    for axes in (by_photos, by_time):
        axes.grid(alpha=0.25)
    figure.legend(*by_photos.get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    return figure


def to_svg(figure: Figure) -> bytes:
    """Render the figure as SVG for a page; the same figure gives the same bytes."""
    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "colorizer"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def _baselines(report: Report) -> Sequence[Evaluation]:
    return [evaluation for evaluation in report.evaluations if evaluation.approach is None]


def _as_label(name: str) -> str:
    # Between dollars, matplotlib reads mathematics, and a legend leaves out what begins with an underscore.
    text = printable(name).replace("$", r"\$")
    return f"\u200b{text}" if text.startswith("_") else text


def _color(number: int) -> str:
    return _COLORS[number % len(_COLORS)]
