"""The words around the results, as Markdown."""

from colorizer.demo.compare.comparison import Comparison, Result
from colorizer.demo.compare.scores import METRICS, SCORE_SIDE, best


def captions(comparison: Comparison) -> list[str]:
    """The text under each result: name, approach, time and, for a photo that came in color, its scores."""
    scores = {result.label: result.scores for result in comparison.results if result.scores}
    winners = best(scores, comparison.truth_colorfulness or 0.0)
    return [_caption(result, winners) for result in comparison.results]


def summary(comparison: Comparison) -> str:
    """The lines above the results: what was done to which photo, and what the scores mean."""
    width, height = comparison.size
    num_colored = len({result.name for result in comparison.colored})
    lines = [f"{width} × {height} photo, colored by {num_colored} of {len(comparison.names)}."]
    if not comparison.is_done:
        lines.insert(0, f"**Stopped;** left out: {', '.join(comparison.names[comparison.num_done :])}.")
    lines += [f"{note[:1].upper()}{note[1:]}." for note in comparison.notes]
    if comparison.truth_colorfulness is not None:
        lines.append(
            f"It came in color, so each result is scored against it (longest side {SCORE_SIDE}); ★ marks the best. "
            f"Colorfulness is best nearest the photo's own {comparison.truth_colorfulness:.0f}."
        )
    return " ".join(lines)


def _caption(result: Result, winners: dict[str, set[str]]) -> str:
    heading = f"### {result.label}"
    if result.problem is not None:
        return f"{heading}\n⚠ {result.problem}"
    lines = [heading, f"{result.title} · {result.seconds:.2f} s"]
    if result.scores:
        values = []
        for metric in METRICS:
            value = f"{result.scores[metric.key]:.{metric.digits}f}"
            values.append(f"**{value} ★**" if result.label in winners[metric.key] else value)
        lines += [
            "",
            "| " + " | ".join(metric.label for metric in METRICS) + " |",
            "|" + " --- |" * len(METRICS),
            "| " + " | ".join(values) + " |",
        ]
    return "\n".join(lines)
