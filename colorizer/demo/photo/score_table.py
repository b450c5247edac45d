"""Scores of all results in one table, and their names for people. No Gradio here."""

from typing import Any

from colorizer.demo.photo.comparison import Comparison, Result
from colorizer.evaluation.photo_scores import DIGITS, best_scores, format_scores
from colorizer.hub.metric_names import METRICS

SCORE_TABLE = """<table><thead><tr>{{#each value.[0]}}<th scope="col">{{this}}</th>{{/each}}</tr></thead><tbody>
{{#each value}}{{#if @index}}<tr>{{#each this}}<td>{{this}}</td>{{/each}}</tr>{{/if}}{{/each}}</tbody></table>
<button type="button">Copy as CSV</button>"""
COPY_TABLE = """element.addEventListener("click", async (event) => {
  if (!event.target.matches("button")) return;
  const quoted = (text) => '"' + text.replaceAll('"', '""') + '"';
  await navigator.clipboard.writeText(props.value.map((row) => row.map(quoted).join(",")).join("\\n"));
  event.target.textContent = "Copied";
});"""

HEADINGS = {name: METRICS[name].short_heading for name in DIGITS} | {"colorfulness": "Colorfulness"}


def plain_label(comparison: Comparison, result: Result) -> str:
    """Return the plain name of a result's approach, and the number of the variant if there are several."""
    label = comparison.catalog.entry(result.name).plain_label
    return f"{label}, variant {result.variant}" if result.variant else label


def score_table(comparison: Comparison) -> list[list[str]]:
    """Return the rows of the table, headings first: name, code name, year, seconds and, for a color photo, the scores.

    A star marks the best of each score.
    """
    scores = {result.label: result.scores for result in comparison.colored if result.scores}
    winners = best_scores(scores, comparison.truth_colorfulness or 0.0)
    rows: list[list[str]] = [["Approach", "Name in code", "Year", "Seconds", *(HEADINGS.values() if scores else ())]]
    for result in comparison.colored:
        entry = comparison.catalog.entry(result.name)
        values = [
            f"{value} ★" if result.label in winners[metric] else value
            for metric, value in format_scores(result.scores).items()
        ]
        rows.append(
            [plain_label(comparison, result), result.name, f"{entry.year or ''}", f"{result.seconds:.2f}", *values]
        )
    return rows


def scores_text(result: Result) -> str:
    """Return the scores of one result on a line, "" for a gray photo."""
    values: dict[str, Any] = format_scores(result.scores)
    return " · ".join(f"{HEADINGS[name].split()[0]} {value}" for name, value in values.items())
