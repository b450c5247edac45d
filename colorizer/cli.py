"""The command line, `python -m colorizer COMMAND`: what the commands do is in `commands`."""

import argparse
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from colorizer import __version__
from colorizer.errors import ColorizerError

FORMATS = ("png", "jpg", "webp")

# Lines of at most 79 letters, which a terminal shows unbroken.
EXAMPLES = """\
examples:
  python -m colorizer colorize old.jpg -o colored --model colorful
  python -m colorizer colorize album/ "scans/*.tif" -o colored --model colorful
  python -m colorizer compare old.jpg -o sheet.png
  python -m colorizer evaluate --model colorful --dataset photos/ -o results
  python -m colorizer report results
  python -m colorizer push runs/colorful user/colorful
  python -m colorizer list

A MODEL is a checkpoint that comes with the package (see `list`), the folder of
a training run, or a Hub id (user/name).

exit codes:
  0    all is done
  1    some photos could not be read or saved; the others are done
  2    wrong usage, or something else that a message tells
  130  interrupted by Ctrl-C; what was finished is saved
"""
COLORIZE_NOTES = """\
PHOTO is a photo, a folder (its photos, not those of its subfolders), a pattern
such as "scans/*.tif", or an http(s) address. Results have the photo's own size
and lightness. PHOTO.jpg becomes FOLDER/PHOTO.png, or FOLDER/PHOTO-MODEL.png
where several models are given; several answers have a number behind, PHOTO-1,
PHOTO-2, … Results that are there already are left alone, so that the same
command goes on where it was interrupted.

examples:
  python -m colorizer colorize old.jpg -o colored --model colorful
  python -m colorizer colorize album/ -o colored --model colorful pix2pix
  python -m colorizer colorize album/ -o colored --model colorful \\
      --saturation 1.2 --temperature 0.38 --format jpg --overwrite
  python -m colorizer colorize old.jpg -o colored --model colorful \\
      --num_images 4 --seed 1
  python -m colorizer colorize old.jpg -o colored --model runs/hinted \\
      --hint "120,45,#3366cc" --hint "10,200,#338833"
  python -m colorizer colorize "scans/*.tif" -o colored --model runs/mine
"""
COMPARE_NOTES = """\
A row a photo: gray, each model's result with its time, and the photo itself if
it came in color; then PSNR, SSIM, ΔE2000 and colorfulness stand under each
picture, measured at 512 pixels at most.

examples:
  python -m colorizer compare old.jpg new.jpg -o sheet.png
  python -m colorizer compare album/ -o sheet.png --model colorful runs/mine
"""
EVALUATE_NOTES = """\
DATA is a folder of photos, parquet files, a folder written by `datasets`, or a
Hub dataset (user/name). Writes table.md, table.csv, evaluation.json, sheet.png
and sheet-matched.png. Beside the models stand what they have to beat: "gray",
"mean color" and "mean by lightness", both means of the training split. Each
model is there twice: as it is, and with its chroma scaled by the gain at which
the validation split is as colorful as in truth. What a dataset has no split
for is taken from the evaluated photos. Under `accelerate launch` or `torchrun`
the photos are shared out over the processes.

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
REPORT_NOTES = """\
Writes one page of HTML, with everything it shows inside it, of what `evaluate`
wrote into RESULTS: tables, accuracy over colorfulness, metrics with intervals,
and the same photos by every model.

examples:
  python -m colorizer report results
  python -m colorizer report results -o comparison.html
"""
PUSH_NOTES = """\
Uploads the checkpoint of FOLDER with its card and pictures to the Hub in one
commit, after checking that it loads. Log in first with `hf auth login`, or
give a token.

examples:
  python -m colorizer push runs/colorful user/colorful
  python -m colorizer push runs/colorful user/colorful --private
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (that of the process unless given) and return its exit code.

    Wrong arguments leave by SystemExit(2), as argparse does it.
    """
    arguments = make_parser().parse_args(argv)
    try:
        # A command imports what it needs, some seconds' worth, only once the command line is known to be right.
        return import_module(f"colorizer.commands.{arguments.command}").run(arguments)
    except ColorizerError as error:
        print(f"colorizer {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"colorizer {arguments.command}: interrupted; what was finished is saved.", file=sys.stderr)
        return 130


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; each command is run by the module of its name in `commands`."""
    parser = argparse.ArgumentParser(
        prog="python -m colorizer",
        description="Color black-and-white photos; compare, measure and share the models.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"colorizer {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    colorize = _add(commands, "colorize", "color photos and save them at full size", COLORIZE_NOTES)
    _add_photos(colorize)
    colorize.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where results are saved")
    _add_models(colorize, required=True, help="one or several; see `list`")
    _add_options(colorize)
    _add_wishes(colorize)
    colorize.add_argument("--format", choices=FORMATS, default="png", help="of the results (default: png)")
    colorize.add_argument(
        "--batch_size",
        type=_positive,
        default=4,
        metavar="N",
        help="photos a step; they are held in memory (default: 4)",
    )
    colorize.add_argument("--overwrite", action="store_true", help="color anew what is there already")

    compare = _add(commands, "compare", "color photos by several models on one picture", COMPARE_NOTES)
    _add_photos(compare)
    compare.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the picture to write, such as sheet.png"
    )
    _add_models(compare, required=False, help="default: every checkpoint of the package")
    _add_options(compare)

    evaluate = _add(commands, "evaluate", "measure models on photos whose colors are known", EVALUATE_NOTES)
    _add_models(evaluate, required=True, help="one or several; see `list`")
    evaluate.add_argument("--dataset", required=True, metavar="DATA", help="the photos")
    evaluate.add_argument("--split", default="test", help="of the dataset (default: test)")
    evaluate.add_argument(
        "--baseline_split", default="train", metavar="SPLIT", help="whose colors the baselines know (default: train)"
    )
    evaluate.add_argument(
        "--gain_split", default="validation", metavar="SPLIT", help="that the gains are chosen on (default: validation)"
    )
    evaluate.add_argument(
        "--by",
        metavar="COLUMN",
        help="tell apart what the photos show, by this column: label for a folder's subfolders",
    )
    evaluate.add_argument("--aged", action="store_true", help="also color photos that were turned old")
    evaluate.add_argument("--sizes", action="store_true", help="also tell how colors move between 128 and 1024 pixels")
    evaluate.add_argument(
        "--perceptual", action="store_true", help="also LPIPS and FID; 0.6 GB from the Hub, seconds a photo on a CPU"
    )
    evaluate.add_argument("--max_photos", type=_positive, metavar="N", help="only the first N usable photos")
    evaluate.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER", help="where results are written"
    )
    evaluate.add_argument(
        "--resolution", type=_positive, default=256, metavar="PIXELS", help="side of the compared photos (default: 256)"
    )
    evaluate.add_argument("--batch_size", type=_positive, default=16, metavar="N", help="photos a step (default: 16)")
    evaluate.add_argument("--device", help="cpu, cuda, cuda:1, … (default: each process's GPU if there is one)")

    report = _add(commands, "report", "write one page that compares what was evaluated", REPORT_NOTES)
    report.add_argument("results", type=Path, metavar="RESULTS", help="the folder that `evaluate` wrote")
    report.add_argument("-o", "--output", type=Path, metavar="FILE", help="the page (default: RESULTS/report.html)")

    push = _add(commands, "push", "publish a checkpoint on the Hugging Face Hub", PUSH_NOTES)
    push.add_argument("folder", type=Path, metavar="FOLDER", help="a checkpoint, such as a training run's output")
    push.add_argument("repo", metavar="REPO", help="user/name on the Hub; made if it is not there")
    push.add_argument("--private", action="store_true", help="only you may see it")
    push.add_argument("--revision", metavar="BRANCH", help="push to this branch (default: main)")
    push.add_argument("--token", help="with write access (default: the one you are logged in with)")

    _add(commands, "list", "show the approaches and the checkpoints there are", "")
    return parser


def _add(commands, name: str, purpose: str, notes: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=notes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_photos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="photos, folders of photos, or patterns")


def _add_models(parser: argparse.ArgumentParser, *, required: bool, help: str) -> None:
    # "extend", so that `--model a --model b` means both, as `--model a b` does.
    parser.add_argument("--model", nargs="+", action="extend", required=required, metavar="MODEL", help=help)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--resolution",
        type=_positive,
        metavar="PIXELS",
        help="size at which colors are predicted (default: the model's)",
    )
    parser.add_argument(
        "--saturation",
        type=float,
        metavar="FACTOR",
        help="of the predicted colors: 0 gray, 1 as predicted (default: 1)",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        metavar="T",
        help="for models that predict a distribution of colors: low is vivid, 1 the average (default: the model's)",
    )
    parser.add_argument(
        "--scene",
        metavar="NAME",
        help="for models that know scenes: color in the style of this one (default: as the photo itself looks)",
    )
    parser.add_argument("--device", help="cpu, cuda, cuda:1, … (default: a GPU if there is one)")


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hint",
        type=_hint,
        action="append",
        metavar="X,Y,#RRGGBB",
        help="the color of a pixel of the photo, for models trained with hints; may be given again",
    )
    parser.add_argument(
        "--num_images",
        type=_positive,
        metavar="N",
        help="different answers, for models that predict a distribution of colors (default: one, the network's own)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of the answers that are drawn (default: 0)")


def _hint(text: str) -> tuple[int, int, tuple[int, int, int]]:
    if not (match := re.fullmatch(r"(\d+),(\d+),#([0-9a-fA-F]{6})", text.replace(" ", ""))):
        raise argparse.ArgumentTypeError(f"must be x,y,#rrggbb such as 120,45,#3366cc, not {text}")
    return int(match[1]), int(match[2]), tuple(bytes.fromhex(match[3]))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number
