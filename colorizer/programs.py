"""Programs end with one line for an error that their user can mend, also for what a library makes of a malformed variable."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from urllib.parse import urlsplit

from colorizer.errors import ColorizerError, printable, system_reason

INTERRUPTED = 130  # as the shell says it of programs that SIGINT ends

_WHOLE_NUMBERS = re.compile(
    r"(LOCAL_)?(WORLD_SIZE|RANK)|(PMI|OMPI_COMM_WORLD|MV2_COMM_WORLD)_(LOCAL_)?(RANK|SIZE)|MASTER_PORT|OMP_NUM_THREADS"
    r"|HF_HUB_(ETAG|DOWNLOAD)_TIMEOUT|GRADIO_(NUM_PORTS|NODE_NUM_PORTS|NUM_WORKERS|DEBUG|ANALYTICS_MAX_EVENTS)"
)
_NUMBERS = re.compile(
    r"TQDM_(M[AI][XN]INTERVAL|MINITERS|NCOLS|NROWS|POSITION|DELAY|SMOOTHING)|HF_DATASETS_IN_MEMORY_MAX_SIZE"
)


def run_program(name: str, main: Callable[[], int | None]) -> int:
    """Run `main` and return its exit code; 130 after Ctrl-C; 2 after an error, one line on stderr that begins with `name`."""
    try:
        with variables_named():
            return main() or 0
    except ColorizerError as error:
        print(printable(f"{name}: {error}"), file=sys.stderr)
    except (OSError, MemoryError) as error:
        print(printable(f"{name}: {system_reason(error)}"), file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 2


@contextmanager
def variables_named() -> Iterator[None]:
    """Raise ColorizerError, naming the environment variable, where a library fails and one that it may read is malformed.

    Nothing is checked before: a malformed variable that no library reads does no harm.
    """
    try:
        yield
    except ColorizerError as error:
        # Perhaps a library's error, in words of ours.
        if error.__cause__ is None or (problem := find_problem()) is None:
            raise
        raise type(error)(f"{error} {problem}") from error
    except (OSError, MemoryError):
        raise
    except Exception as error:  # whatever libraries raise
        if (problem := find_problem()) is None:
            raise
        raise ColorizerError(problem) from error


def find_problem() -> str | None:
    """Return a sentence on an environment variable that libraries can't read; None if there is none.

    It doesn't repeat the value, which may hold a password.
    """
    for name, value in sorted(os.environ.items()):
        if wanted := _wanted(name.upper(), value):
            return f"The environment variable {name} is not {wanted}: fix or unset it."
    return None


def _wanted(name: str, value: str) -> str | None:
    """Return what the value of a variable should be, or None if it is that."""
    if _WHOLE_NUMBERS.fullmatch(name) and not re.fullmatch(r"\s*[+-]?\d+\s*", value):
        return "a whole number"
    if _NUMBERS.fullmatch(name) and not re.fullmatch(r"\s*[+-]?\d*\.?\d*(e[+-]?\d+)?\s*", value):
        return "a number"
    if not value:
        return None
    if name == "HF_ENDPOINT" and not _is_address(value, ("http", "https")):
        return "a web address, such as https://huggingface.co"
    if name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        # SOCKS needs a package of its own.
        schemes = ("http", "https", "socks5", "socks5h") if find_spec("socksio") else ("http", "https")
        if not _is_address(value if "://" in value else f"http://{value}", schemes):
            return f"the address of a proxy that can be used here, {', '.join(f'{scheme}://…' for scheme in schemes)}"
    if name in ("SSL_CERT_FILE", "SSL_CERT_DIR") and not os.path.exists(value):
        return "a path that exists"
    if name == "MPLBACKEND":
        try:
            import_module("matplotlib")
        except ValueError:
            return "a backend of matplotlib"
    return None


def _is_address(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
