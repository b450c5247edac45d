"""Arguments that several commands share, and the types of their values."""

import argparse
import re
from pathlib import Path

_MAX_COUNT = 2**31


def add_photos(parser: argparse.ArgumentParser) -> None:
    """Add the photos to color."""
    parser.add_argument(
        "photos", nargs="+", type=text, metavar="PHOTO", help="photos, folders of photos, patterns or web addresses"
    )


def add_models(parser: argparse.ArgumentParser, *, help: str, required: bool = False) -> None:
    """Add `--model` for one or several models."""
    # "extend", so that `--model a --model b` means both, as `--model a b` does.
    parser.add_argument("--model", nargs="+", action="extend", type=text, required=required, metavar="MODEL", help=help)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the pipeline's options and the device."""
    parser.add_argument(
        "--resolution",
        type=count,
        metavar="PIXELS",
        help="size at which colors are predicted (default: the model's)",
    )
    parser.add_argument(
        "--saturation",
        type=float,
        metavar="FACTOR",
        help="factor on the predicted colors: 0 gray, 1 as predicted (default: 1)",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        metavar="T",
        help="for models that predict a color distribution: low is vivid, 1 the mean (default: the model's)",
    )
    parser.add_argument(
        "--scene",
        metavar="NAME",
        help="for models with scenes: color in the style of this one (default: predicted from the photo)",
    )
    parser.add_argument(
        "--option",
        action="append",
        metavar="NAME=VALUE",
        help="any option of the models' approaches, see `list`; can be given several times",
    )
    parser.add_argument("--device", help="cpu, cuda, cuda:1, … (default: a GPU if there is one)")


def count(value: str) -> int:
    """Parse a whole number from 1 to 2³¹."""
    # Checked as text first: int() also takes "1_000", and gives up at thousands of digits.
    if not re.fullmatch(r"[0-9]{1,10}", value) or not 1 <= int(value) <= _MAX_COUNT:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {_MAX_COUNT}, not {value!r}")
    return int(value)


def text(value: str) -> str:
    """Refuse an empty argument: as a path it would mean the current folder, and it comes from an unset variable."""
    if not value:
        raise argparse.ArgumentTypeError("must not be empty; is a shell variable unset?")
    return value


def path(value: str) -> Path:
    """Parse a path that is not empty."""
    return Path(text(value))


def hint(value: str) -> tuple[int, int, tuple[int, int, int]]:
    """Parse `x,y,#rrggbb` into the column, the row and the color, 0–255 per channel."""
    if not (match := re.fullmatch(r"([0-9]{1,9}),([0-9]{1,9}),#([0-9a-fA-F]{6})", value.replace(" ", ""))):
        raise argparse.ArgumentTypeError(f"must be x,y,#rrggbb such as 120,45,#3366cc, not {value!r}")
    return int(match[1]), int(match[2]), tuple(bytes.fromhex(match[3]))
