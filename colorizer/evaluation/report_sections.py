"""All tables of a report, each with a sentence on how to read it."""

from colorizer.evaluation.breakdowns import (
    EDGES_TEXT,
    LABELS_TEXT,
    LEADS_TEXT,
    bleeding_table,
    label_tables,
    lead_table,
)
from colorizer.evaluation.other_photos import OTHERS_TEXT, others_table
from colorizer.evaluation.results import Report
from colorizer.evaluation.robustness import age_table, age_text, size_table, size_text
from colorizer.evaluation.tables import to_markdown


def all_tables(report: Report) -> str:
    """Return all measurements as one Markdown text: the comparison, then each section with its title."""
    further = (f"## {title}\n\n{text}\n\n{table}" for title, text, table in sections(report))
    return "\n".join([f"# Measured\n\n{to_markdown(report)}", *further])


def sections(report: Report) -> list[tuple[str, str, str]]:
    """Return title, explanation and Markdown table of everything that was measured."""
    found = []
    if report.leads:
        found.append(("Lead over the baselines", LEADS_TEXT, lead_table(report)))
    if any("edge_error" in evaluation.means for evaluation in report.evaluations):
        found.append(("Bleeding", EDGES_TEXT, bleeding_table(report)))
    if report.size is not None:
        found.append(("Size", size_text(report), size_table(report)))
    if report.age is not None:
        found.append(("Age", age_text(report), age_table(report)))
    if report.others:
        found.append(("Other photos", OTHERS_TEXT, others_table(report)))
    if report.labels is not None:
        found.append(("Labels", LABELS_TEXT, label_tables(report)))
    return found
