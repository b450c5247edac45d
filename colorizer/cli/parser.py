"""The command line, `python -m colorizer COMMAND`: each command is the module of its name."""

import argparse
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from colorizer.cli.help_texts import (
    COLORIZE_NOTES,
    COMPARE_NOTES,
    EVALUATE_NOTES,
    EXAMPLES,
    PUSH_NOTES,
    REPORT_NOTES,
    VIDEO_NOTES,
)
from colorizer.errors import ColorizerError
from colorizer.version import __version__

FORMATS = ("png", "jpg", "webp")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (that of the process unless given) and return its exit code.

    Wrong arguments leave by SystemExit(2), as argparse does it.
    """
    arguments = make_parser().parse_args(argv)
    try:
        # A command imports what it needs, some seconds' worth, only once the command line is known to be right.
        return import_module(f"colorizer.cli.{arguments.command}").run(arguments)
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
    _add_models(colorize, required=False, help="one or several; see `list` (default: the best, `default`)")
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

    video = _add(commands, "video", "color a video, its sound kept", VIDEO_NOTES)
    video.add_argument("clip", type=Path, metavar="CLIP", help="the video")
    video.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the video to write")
    video.add_argument("--model", default="default", metavar="MODEL", help="see `list` (default: default)")
    _add_options(video)
    video.add_argument(
        "--smoothing",
        type=float,
        default=0.5,
        metavar="SECONDS",
        help="over which each place's color is averaged; 0 lets colors flicker (default: 0.5)",
    )
    video.add_argument(
        "--batch_size",
        type=_positive,
        metavar="N",
        help="frames that go through the network together (default: 4, on a GPU 16)",
    )
    video.add_argument("--overwrite", action="store_true", help="color anew what is there already")

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
        help="the color of a pixel of the photo, spread along its edges; may be given again",
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
