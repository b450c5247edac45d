"""`report`: one page that compares what was evaluated."""

import argparse

from colorizer.cli.failures import OK
from colorizer.evaluation.html_report import write_report


def run(arguments: argparse.Namespace) -> int:
    """Write the report of an evaluation."""
    print(write_report(arguments.results, arguments.output))
    return OK
