"""Arguments that several commands share, and the types of their values."""

import argparse
import glob
import mimetypes
import os
import re
from pathlib import Path

from colorizer.checkpoints import list_checkpoints
from colorizer.errors import ColorizerError, quote

_MAX_COUNT = 2**31


def add_photos(parser: argparse.ArgumentParser) -> None:
    """Add the photos to color; `check_photos` refuses if there are none."""
    # `--model` adds those that follow it, so the parser can't tell whether there are any.
    parser.add_argument(
        "photos",
        nargs="+",
        action="extend",
        type=text,
        metavar="PHOTO",
        help="photos, folders of photos, patterns or web addresses",
    ).required = False


def add_max_pixels(parser: argparse.ArgumentParser) -> None:
    """Add the largest photo that is read."""
    parser.add_argument(
        "--max_pixels",
        type=count,
        metavar="N",
        help="refuse photos of more pixels (default: 100000000)",
    )


def check_photos(arguments: argparse.Namespace) -> None:
    """Raise ColorizerError if no photo was given."""
    if not arguments.photos:
        raise ColorizerError("No photo was given: name photos, folders, patterns or web addresses.")


def add_models(parser: argparse.ArgumentParser, *, help: str, required: bool = False) -> None:
    """Add `--model` for one or several models."""
    parser.add_argument("--model", nargs="+", action=_Models, type=text, required=required, metavar="MODEL", help=help)


class _Models(argparse.Action):
    """Add models to those given before: `--model a --model b` means both, as `--model a b` does.

    In `--model a photo.png` the photo, and what follows it, is added to the photos.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: list[str],
        option_string: str | None = None,
    ) -> None:
        takes_photos = hasattr(namespace, "photos")
        end = next((place for place in range(1, len(values)) if takes_photos and _is_photo(values[place])), len(values))
        namespace.model = [*(namespace.model or ()), *values[:end]]
        if takes_photos:
            namespace.photos = [*(namespace.photos or ()), *values[end:]]


def _is_photo(value: str) -> bool:
    """Return whether an argument after a model is a photo: a file, a folder that is not a checkpoint, or named like a photo."""
    if value in list_checkpoints() or os.path.isfile(os.path.join(value, "config.json")):
        return False
    is_named_so = (mimetypes.guess_type(value)[0] or "").startswith("image/")
    return os.path.exists(os.path.expanduser(value)) or "://" in value or glob.has_magic(value) or is_named_so


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
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {_MAX_COUNT}, not {quote(value)}")
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
        raise argparse.ArgumentTypeError(f"must be x,y,#rrggbb such as 120,45,#3366cc, not {quote(value)}")
    return int(match[1]), int(match[2]), tuple(bytes.fromhex(match[3]))
