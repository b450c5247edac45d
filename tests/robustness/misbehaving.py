"""A fuzzer whose inputs do everything that a fuzzer must notice."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from colorizer.errors import ColorizerError
from tests.robustness.verdicts import Fault, Refused


def prepare(folder: Path) -> None:
    """Do nothing."""


def attempt(prepared: None, random: Random) -> None:
    """Do one of the things, by the seed."""
    WAYS[random.choice(sorted(WAYS))]()


def _raise(error: BaseException) -> None:
    raise error


def _compute(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


WAYS: dict[str, Callable[[], object]] = {
    "held": lambda: None,
    "refused": lambda: _raise(ColorizerError("The photo is empty.")),
    "refused by a code": lambda: _raise(Refused("The photo is empty.")),
    "KeyError": lambda: _raise(KeyError("x")),
    "a wrong picture": lambda: _raise(Fault("a wrong picture")),
    "an empty message": lambda: _raise(ColorizerError("")),
    "several lines": lambda: _raise(ColorizerError("One\ntwo.")),
    "2,000 characters": lambda: _raise(ColorizerError("x" * 2000)),
    "'object at 0x'": lambda: _raise(ColorizerError(f"It is {object()}.")),
    "ended with 3": lambda: os._exit(3),
    "no result after": lambda: time.sleep(60),
    "seconds": lambda: _compute(1.2),
    "megabytes": lambda: bytearray(200 * 2**20),
    "MemoryError": lambda: bytearray(2**36),
    "is not its own": lambda: Path("/robustness-is-never-written").write_text("x"),
}
