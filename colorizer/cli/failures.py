"""Report failed photos on stderr and by the exit code, and what else a user should know of them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from colorizer.errors import ColorizerError, printable
from colorizer.photos.files.addresses import public_name

if TYPE_CHECKING:
    from colorizer.photos.photo import Photo

OK = 0
SOME_FAILED = 1


@contextmanager
def reported(source: str, failed: set[str]) -> Iterator[None]:
    """Print a photo's error above the progress bar and add the photo to `failed`, so that the others go on."""
    try:
        yield
    except ColorizerError as error:
        failed.add(source)
        name = public_name(source)
        message = str(error).replace(source, name)
        say(message if name in message else f"{name}: {message}")


def say(line: str) -> None:
    """Print a line on stderr, above the progress bar."""
    from tqdm.auto import tqdm

    tqdm.write(printable(line), file=sys.stderr)


def say_notes(photo: "Photo") -> None:
    """Print a line per note on how a photo was read."""
    for note in photo.notes:
        say(f"{photo.name}: {note}.")


def finish(failures: int, total: int) -> int:
    """Return the exit code; print a summary if photos failed."""
    if not failures:
        return OK
    others = "; the others are done" if failures < total else ""
    print(f"{failures} of {total} photos failed{others}.", file=sys.stderr)
    return SOME_FAILED
