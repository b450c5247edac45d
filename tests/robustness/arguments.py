"""Fuzzer of arguments: command lines from the parser's own table of flags, with values that nobody expects.

Every command line runs in a new copy of one folder with photos, models, a clip, a dataset and results.
"""

import argparse
import io
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random

import torch
from PIL import Image
from skimage import data

from colorizer import checkpoints, create_model, save_checkpoint
from colorizer.approaches import list_approaches
from colorizer.cli.parser import main, make_parser
from colorizer.errors import ColorizerError
from colorizer.training import parse_runs
from tests.clips import make_clip, pan
from tests.robustness.verdicts import MAX_LETTERS, Fault, Refused
from tests.robustness.words import NAMES, NUMBERS, PATHS, SECRET

GOOD = {
    "colorize": ["colorize", "album/face.png", "-o", "out", "--model", "small"],
    "video": ["video", "film.mp4", "-o", "colored.mp4", "--model", "small"],
    "compare": ["compare", "album/face.png", "-o", "sheet.png", "--model", "small", "bins"],
    "evaluate": ["evaluate", "--model", "small", "--dataset", "photos", "-o", "results", "--resolution", "32"],
    "report": ["report", "measured"],
    "push": ["push", "small", "user/name"],
    "list": ["list"],
    "train": ["--approach", "dense", "--dataset_name", "photos", "--output_dir", "run", "--cpu"],
}
OFTEN = ("colorize", "colorize", "colorize", "video", "compare", "compare", "train", *GOOD)
LINES = 2000  # characters that a line of any output may have


@dataclass(frozen=True)
class Prepared:
    """The folder that is copied, and the flags of each command: name → whether it takes a value."""

    template: Path
    place: Path
    flags: dict[str, dict[str, bool]]


def prepare(folder: Path) -> Prepared:
    """Make the folder, and run every command line as it should be."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    template = folder / "template"
    for name in ("album", "empty"):
        (template / name).mkdir(parents=True)
    photo = Image.fromarray(data.astronaut()[:200, 150:350])
    photo.resize((24, 18)).save(template / "album" / "face.png")
    photo.resize((18, 24)).convert("L").save(template / "album" / "gray.jpg")
    coffee = Image.fromarray(data.coffee())
    for split in ("train", "validation", "test"):
        for number in range(3):
            place = template / "photos" / split / "cups" / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            coffee.crop((80 * number, 50, 80 * number + 200, 250)).resize((48, 48)).save(place)
    (template / "text.txt").write_text("no photo")
    (template / "broken.png").write_bytes((template / "album" / "face.png").read_bytes()[:300])
    make_clip(template / "film.mp4", pan(5, (32, 24)))
    small = save_checkpoint(create_model("dense", width=1 / 64, resolution=8), template / "small")
    shutil.copytree(small, template / "default")
    save_checkpoint(create_model("colorful", width=1 / 16, resolution=32), template / "bins")
    os.mkfifo(template / "pipe")
    (template / "link").symlink_to("link")
    prepared = Prepared(template, folder / "work", _flags())
    os.chdir(template)
    checkpoints.FOLDER = template
    for name, arguments in GOOD.items():
        with suppress(Refused) if name == "push" else nullcontext():  # the Hub can't be reached
            _run(arguments)
        if name == "evaluate":
            (template / "results").rename(template / "measured")
    for name in ("out", "sheet.png", "colored.mp4"):
        place = template / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    os.chdir(folder)
    return prepared


def _flags() -> dict[str, dict[str, bool]]:
    commands = next(
        action for action in make_parser()._actions if isinstance(action, argparse._SubParsersAction)
    ).choices
    flags = {
        name: {option: action.nargs != 0 for action in parser._actions for option in action.option_strings}
        for name, parser in commands.items()
    }
    help_text = io.StringIO()
    for approach in list_approaches():
        with redirect_stdout(help_text):
            try:
                parse_runs(["--approach", approach, "--help"])
            except SystemExit:
                continue
    words = {word.strip("[],") for word in help_text.getvalue().split()}
    flags["train"] = {word: True for word in words if word.startswith("--")}
    for options in flags.values():
        options.pop("--help", None), options.pop("-h", None)
    return flags


def make(prepared: Prepared, random: Random) -> list[str]:
    """Return a command line."""
    command = random.choice(OFTEN)
    arguments = list(GOOD[command])
    flags = prepared.flags[command]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        how = random.choice(("flag", "flag", "flag", "flag", "replace", "replace", "delete", "insert", "repeat"))
        place = random.randrange(len(arguments) + 1)
        if how == "flag" and flags:
            flag = random.choice(sorted(flags))
            value = [_value(random)] if flags[flag] or random.random() < 0.1 else []
            joined = [f"{flag}={value[0]}"] if value and random.random() < 0.3 else [flag, *value]
            arguments += joined if random.random() < 0.95 else [flag]
        elif how == "replace" and place < len(arguments):
            arguments[place] = _value(random)
        elif how == "delete" and place < len(arguments):
            arguments.pop(place)
        elif how == "insert":
            arguments.insert(place, _value(random))
        elif how == "repeat" and place < len(arguments):
            arguments.append(arguments[place])
    # Nothing asks for help, whose text is no error.
    return [argument for argument in arguments if not argument.startswith(("-h", "--h", "--ver"))]


def _value(random: Random) -> str:
    return random.choice(random.choice((NUMBERS, PATHS, PATHS, NAMES)))


def attempt(prepared: Prepared, random: Random) -> None:
    """Run a command line in a new copy of the folder, and look at its exit code and messages."""
    arguments = make(prepared, random)
    os.chdir(prepared.template)
    shutil.rmtree(prepared.place, ignore_errors=True)
    shutil.copytree(prepared.template, prepared.place, symlinks=True, copy_function=_copy, ignore=lambda *_: ["pipe"])
    os.mkfifo(prepared.place / "pipe")
    checkpoints.FOLDER = prepared.place
    os.chdir(prepared.place)
    try:
        _run(arguments)
    except Refused:
        raise
    except Fault as fault:
        raise Fault(f"{fault} from {_short(arguments)}") from fault
    except BaseException as error:
        error.add_note(f"from {_short(arguments)}")
        raise


def _copy(source: str, target: str) -> None:
    if not os.path.islink(source) and os.path.isfile(source):
        os.link(source, target)  # every file is replaced as a whole, never written to
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _short(arguments: Sequence[str]) -> str:
    return " ".join(ascii(argument if len(argument) < 120 else f"{argument[:120]}…") for argument in arguments)


def _run(arguments: list[str]) -> None:
    output, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        code, has_usage = _exit_code(partial(main if arguments[:1] != GOOD["train"][:1] else _train, arguments))
    # In the place of another flag's value it is no address, and shown to whoever gave it.
    is_photo = any(SECRET in value and "-" not in (flag[:1], value[:1]) for flag, value in pairwise(arguments))
    for text in (output.getvalue(), errors.getvalue()):
        if SECRET in text and is_photo and not has_usage:
            raise Fault("an address's password is printed")
        if "Traceback" in text:
            raise Fault(f"a traceback is printed: {text[-2000:]}")
    lines = errors.getvalue().splitlines()
    if long := [line for line in lines if len(line) > LINES]:
        raise Fault(f"a line of {len(long[0]):,} characters: {long[0][:200]}")
    if code not in (0, 1, 2):
        raise Fault(f"exit code {code}")
    if code and not lines:
        raise Fault(f"exit code {code} without a message")
    if code == 2 and has_usage:
        message = lines[-1].partition(": error: ")[2]
        if not message or len(message) > MAX_LETTERS:
            raise Fault(f"a wrong message about the command line: {lines[-1][:500]}")
        raise Refused(f"{message}.")
    if code:
        raise Refused(lines[0])


def _exit_code(command: Callable[[], int]) -> tuple[int, bool]:
    """Return the exit code, and whether the command line was refused as such."""
    try:
        return command(), False
    except SystemExit as end:
        return end.code or 0, True


def _train(arguments: list[str]) -> int:
    # As train_accelerate.py does, without the training.
    try:
        parse_runs(arguments)
    except ColorizerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
