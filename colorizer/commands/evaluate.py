"""`evaluate`: measure models on photos whose colors are known."""

import argparse
import sys
from pathlib import Path

from colorizer.commands.exit_codes import OK
from colorizer.data import load_photos
from colorizer.evaluation import processes
from colorizer.evaluation.evaluate import evaluate
from colorizer.evaluation.tables import to_markdown


def run(arguments: argparse.Namespace) -> int:
    """Measure models over a dataset, in as many processes as were launched."""
    photos = load_photos(
        arguments.dataset,
        split=arguments.split,
        resolution=arguments.resolution,
        max_photos=arguments.max_photos,
        labels=False,
    )
    # The tables are made to be published, so they don't say where on this machine the photos are.
    is_local = Path(arguments.dataset).exists()
    evaluated = evaluate(
        arguments.model,
        photos,
        dataset=Path(arguments.dataset).resolve().name if is_local else arguments.dataset,
        split=arguments.split,
        output_dir=arguments.output,
        batch_size=arguments.batch_size,
        device=arguments.device,
        progress=sys.stderr.isatty(),
    )
    if processes.is_first():
        print(to_markdown(evaluated))
        print(f"{photos.report}. Written to {arguments.output}")
    processes.leave()
    return OK
