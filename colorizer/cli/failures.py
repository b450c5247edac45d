"""Report failed photos on stderr and by the exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from colorizer.errors import ColorizerError

OK = 0
SOME_FAILED = 1


@contextmanager
def reported(source: str, failed: set[str]) -> Iterator[None]:
    """Print a photo's error above the progress bar and add the photo to `failed`, so that the others go on."""
    from tqdm.auto import tqdm

    try:
        yield
    except ColorizerError as error:
        failed.add(source)
        tqdm.write(str(error) if source in str(error) else f"{source}: {error}", file=sys.stderr)


def finish(failures: int, total: int) -> int:
    """Return the exit code; print a summary if photos failed."""
    if not failures:
        return OK
    print(f"{failures} of {total} photos failed; the others are done.", file=sys.stderr)
    return SOME_FAILED
