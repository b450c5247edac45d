"""`evaluate`: measure models on photos whose colors are known."""

import argparse
import sys
from contextlib import suppress
from pathlib import Path

from colorizer.cli.failures import OK
from colorizer.data import PhotoDataset, list_splits, load_photos
from colorizer.data.local_files import split_name
from colorizer.errors import DatasetError
from colorizer.evaluation import color_statistics, matched_gain, robustness
from colorizer.evaluation.evaluate import evaluate
from colorizer.evaluation.tables import to_markdown
from colorizer.pipelines import processes


def run(arguments: argparse.Namespace) -> int:
    """Measure models over a dataset, in as many processes as were launched."""
    photos = _load(arguments, arguments.split, max_photos=arguments.max_photos, label_column=arguments.by)
    # The tables are made to be published, so they don't say where on this machine the photos are.
    is_local = Path(arguments.dataset).exists()
    evaluated = evaluate(
        arguments.model,
        photos,
        training_photos=_other_split(arguments, arguments.baseline_split, color_statistics.NUM_PHOTOS),
        validation_photos=_other_split(arguments, arguments.gain_split, matched_gain.NUM_PHOTOS),
        dataset=Path(arguments.dataset).resolve().name if is_local else arguments.dataset,
        split=arguments.split,
        output_dir=arguments.output,
        by_label=arguments.by is not None,
        aged=arguments.aged,
        size_photos=_size_photos(arguments) if arguments.sizes else None,
        perceptual=arguments.perceptual,
        batch_size=arguments.batch_size,
        device=arguments.device,
        progress=sys.stderr.isatty(),
    )
    if processes.is_first():
        print(to_markdown(evaluated))
        print(f"{photos.report}. Written to {arguments.output}")
    processes.leave()
    return OK


def _load(
    arguments: argparse.Namespace,
    split: str,
    *,
    max_photos: int | None,
    resolution: int | None = None,
    label_column: str | None = None,
) -> PhotoDataset:
    return load_photos(
        arguments.dataset,
        split=split,
        resolution=resolution or arguments.resolution,
        max_photos=max_photos,
        labels=label_column is not None,
        **({"label_column": label_column} if label_column else {}),
    )


def _other_split(arguments: argparse.Namespace, split: str, max_photos: int) -> PhotoDataset | None:
    """Photos of another split, None if there is no such split or it is the evaluated one."""
    if split_name(split) == split_name(arguments.split) or split_name(split) not in list_splits(arguments.dataset):
        return None
    return _load(arguments, split, max_photos=max_photos)


def _size_photos(arguments: argparse.Namespace) -> PhotoDataset:
    """Photos as large as the largest of the sizes to try for which the dataset has photos large enough."""
    count = min(robustness.NUM_SIZED_PHOTOS, arguments.max_photos or robustness.NUM_SIZED_PHOTOS)
    *larger, smallest = sorted(robustness.SIZES, reverse=True)
    for size in larger:
        with suppress(DatasetError):
            return _load(arguments, arguments.split, max_photos=count, resolution=size)
    return _load(arguments, arguments.split, max_photos=count, resolution=smallest)
