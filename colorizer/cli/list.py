"""`list`: show the approaches and the checkpoints of the package."""

import argparse
from collections.abc import Sequence

from colorizer.checkpoints import checkpoint_folder, list_checkpoints
from colorizer.cli.failures import OK

PURPOSE = "show the approaches and the checkpoints of the package"
NOTES = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Print a table of the approaches and one of the checkpoints."""
    from colorizer.approaches import get_model_class, list_approaches
    from colorizer.approaches.base.configuration import approach_of
    from colorizer.hub.run_records import read_info

    rows = [("approach", "year", "title", "options")]
    for name in list_approaches():
        model = get_model_class(name)
        options = ", ".join(model.options_for({})) or "–"
        rows.append((name, str(model.year), model.title, options))
    print_columns(rows)
    rows = [("checkpoint", "approach", "parameters", "size")]
    for name in list_checkpoints():
        info = read_info(checkpoint_folder(name))
        approach = approach_of(info["config"].get("model_type", "?"))
        rows.append((name, approach, f"{info['num_weights'] / 1e6:.2f} M", f"{info['num_bytes'] / 1e6:.1f} MB"))
    print()
    print_columns(rows)
    return OK


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
