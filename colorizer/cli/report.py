"""`report`: write an HTML page that compares the evaluated models."""

import argparse

from colorizer.cli.failures import OK
from colorizer.cli.shared_arguments import path

PURPOSE = "write an HTML page that compares the evaluated models"
NOTES = """\
Writes a self-contained page about the results that `evaluate` saved in
RESULTS: tables, accuracy over colorfulness, metrics with intervals, and the
same photos colored by every model.

examples:
  python -m colorizer report results
  python -m colorizer report results -o comparison.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("results", type=path, metavar="RESULTS", help="folder written by `evaluate`")
    parser.add_argument(
        "-o", "--output", type=path, metavar="FILE", help="page to write (default: RESULTS/report.html)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the report and print its path."""
    from colorizer.evaluation.html_report import write_report

    print(write_report(arguments.results, arguments.output))
    return OK
