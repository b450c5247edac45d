"""How a command says which photos failed, on stderr and by its exit code."""

import sys

from tqdm.auto import tqdm

OK = 0
SOME_FAILED = 1


def report(error: Exception) -> None:
    """Say what went wrong with one photo, above the progress bar."""
    tqdm.write(str(error), file=sys.stderr)


def finish(failures: int, total: int) -> int:
    """The exit code, and a line that sums up if not all went well."""
    if not failures:
        return OK
    print(f"{failures} of {total} photos could not be colored; the others are done.", file=sys.stderr)
    return SOME_FAILED
