"""How a command says which photos failed, on stderr and by its exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm

from colorizer.errors import ColorizerError

OK = 0
SOME_FAILED = 1


@contextmanager
def reported(source: str, failed: set[str]) -> Iterator[None]:
    """What is wrong with one photo is said, above the progress bar, and noted in `failed`; the others go on."""
    try:
        yield
    except ColorizerError as error:
        failed.add(source)
        tqdm.write(str(error) if source in str(error) else f"{source}: {error}", file=sys.stderr)


def finish(failures: int, total: int) -> int:
    """The exit code, and a line that sums up if not all went well."""
    if not failures:
        return OK
    print(f"{failures} of {total} photos failed; the others are done.", file=sys.stderr)
    return SOME_FAILED
