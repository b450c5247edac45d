"""`evaluate`: measure models on photos whose colors are known."""

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from colorizer.cli.failures import OK
from colorizer.cli.shared_arguments import add_models, count, path, text
from colorizer.errors import DatasetError

if TYPE_CHECKING:
    from colorizer.data import PhotoDataset

PURPOSE = "measure models on photos whose colors are known"
NOTES = """\
DATA is a folder of photos, parquet files, a folder saved by `datasets`, or a
Hub dataset (user/name). Writes table.md, table.csv, evaluation.json, sheet.png
and sheet-matched.png. The baselines are "gray", "mean color" and "mean by
lightness", the means being those of the training split. Each model appears
twice: as it is, and with its chroma multiplied by the gain at which its
results on the validation split are as colorful as the originals. If the
dataset lacks one of these splits, the evaluated photos are used instead. Under
`accelerate launch` or `torchrun` the photos are split among the processes.

examples:
  python -m colorizer evaluate --model colorful pix2pix --dataset photos/ \\
      --split train -o results
  python -m colorizer evaluate --model runs/mine --dataset user/photos \\
      --split validation --max_photos 500 -o results
  python -m colorizer evaluate --model colorful pix2pix --dataset user/photos \\
      --by label --aged --sizes -o results
  accelerate launch -m colorizer evaluate --model colorful \\
      --dataset test.parquet -o results
  torchrun --nproc_per_node 2 -m colorizer evaluate --model colorful \\
      --dataset test.parquet -o results
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_models(parser, required=True, help="one or several models, see `list`")
    parser.add_argument("--dataset", type=text, required=True, metavar="DATA", help="photos to evaluate on")
    parser.add_argument("--split", default="test", help="split to evaluate on (default: test)")
    parser.add_argument(
        "--baseline_split",
        default="train",
        metavar="SPLIT",
        help="split from which the baselines are computed (default: train)",
    )
    parser.add_argument(
        "--gain_split",
        default="validation",
        metavar="SPLIT",
        help="split on which the gains are chosen (default: validation)",
    )
    parser.add_argument(
        "--by",
        metavar="COLUMN",
        help="also report results per value of this column; a folder's subfolders are the column label",
    )
    parser.add_argument("--aged", action="store_true", help="also color artificially aged photos")
    parser.add_argument(
        "--sizes", action="store_true", help="also measure how much colors change between 128 and 1024 px"
    )
    parser.add_argument(
        "--others",
        nargs="+",
        action="extend",
        type=text,
        default=[],
        metavar="DATA",
        help="also compare with gray on these datasets, whole: the split of --split if they have it, else their first",
    )
    parser.add_argument(
        "--perceptual",
        action="store_true",
        help="also compute LPIPS and FID; downloads 0.6 GB from the Hub, takes seconds per photo on a CPU",
    )
    parser.add_argument(
        "--max_photos", type=count, metavar="N", help="use only N of the usable photos, drawn at random"
    )
    parser.add_argument(
        "-o", "--output", type=path, required=True, metavar="FOLDER", help="folder in which results are saved"
    )
    parser.add_argument(
        "--resolution",
        type=count,
        default=256,
        metavar="PIXELS",
        help="side of the compared square photos (default: 256)",
    )
    parser.add_argument("--batch_size", type=count, default=16, metavar="N", help="photos per batch (default: 16)")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, … (default: each process's GPU if there is one)")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate models on a dataset, in as many processes as were launched."""
    from colorizer.evaluation import color_statistics, matched_gain
    from colorizer.evaluation.evaluate import evaluate
    from colorizer.evaluation.tables import to_markdown
    from colorizer.pipelines import processes

    photos = _load(arguments, arguments.split, max_photos=arguments.max_photos, label_column=arguments.by)
    # Tables are published: they name the dataset, not its folder on this machine.
    is_local = os.path.exists(arguments.dataset)
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
        other_photos=_others(arguments),
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
) -> "PhotoDataset":
    from colorizer.data import load_photos

    return load_photos(
        arguments.dataset,
        split=split,
        resolution=resolution or arguments.resolution,
        max_photos=max_photos,
        labels=label_column is not None,
        **({"label_column": label_column} if label_column else {}),
    )


def _other_split(arguments: argparse.Namespace, split: str, max_photos: int) -> "PhotoDataset | None":
    """Load photos of another split; None if the dataset lacks it or it is the evaluated one."""
    from colorizer.data import list_splits
    from colorizer.data.local_files import split_name

    if split_name(split) == split_name(arguments.split) or split_name(split) not in list_splits(arguments.dataset):
        return None
    return _load(arguments, split, max_photos=max_photos)


def _others(arguments: argparse.Namespace) -> "dict[str, PhotoDataset]":
    from colorizer.data import list_splits, load_photos
    from colorizer.data.local_files import split_name

    photos = {}
    for source in arguments.others:
        splits = list_splits(source)
        split = split_name(arguments.split) if split_name(arguments.split) in splits else splits[0]
        name = Path(source).stem if os.path.exists(source) else source
        if name in photos:
            raise DatasetError(f"Two of the other datasets are called {name}: rename one.")
        photos[name] = load_photos(source, split=split, resolution=arguments.resolution, labels=False)
    return photos


def _size_photos(arguments: argparse.Namespace) -> "PhotoDataset":
    """Load photos at the largest of the tested sizes for which the dataset has photos that are large enough."""
    from colorizer.evaluation import robustness

    count = min(robustness.NUM_SIZED_PHOTOS, arguments.max_photos or robustness.NUM_SIZED_PHOTOS)
    *larger, smallest = sorted(robustness.SIZES, reverse=True)
    for size in larger:
        with suppress(DatasetError):
            return _load(arguments, arguments.split, max_photos=count, resolution=size)
    return _load(arguments, arguments.split, max_photos=count, resolution=smallest)
