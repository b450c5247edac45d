"""The child process of a fuzzer: `python -m tests.robustness.child MODULE FOLDER MEGABYTES`.

Reads a seed per line, and answers each with a line of JSON. What the inputs print goes to FOLDER/output.
"""

import json
import os
import re
import resource
import sys
import time
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

from colorizer.errors import ColorizerError
from tests.robustness.verdicts import Fault, Refused, check_sentence

# Memory that is asked for and never used is no fault, but the machine's limits are near.
SPARE_MEGABYTES = 3000
# Events of Python's audit, with the places of the paths that they change and of the folder's descriptor, if there is one.
CHANGES = {"os.remove": ((0, 1),), "os.rmdir": ((0, 1),), "os.mkdir": ((0, 2),), "os.rename": ((0, 2), (1, 3))}
CHANGES |= {"os.link": ((1, 3),), "os.symlink": ((1, 2),), "os.truncate": ((0, 0),)}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Guard:
    """Audit hook that forbids to change anything outside of a folder, and keeps what was tried."""

    def __init__(self, folder: str) -> None:
        self.folder, self.tried = os.path.realpath(folder), []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            paths = [(arguments[0], -1)] if isinstance(arguments[2], int) and arguments[2] & WRITES else []
        else:
            paths = [(arguments[path], arguments[folder]) for path, folder in CHANGES.get(event, ())]
        for path, folder in paths:
            if isinstance(path, str | bytes | os.PathLike) and not self._is_allowed(os.fsdecode(path), folder):
                self.tried.append(f"{event} {os.fsdecode(path)[:200]!r}")
                raise PermissionError(13, "outside of the folder")

    def _is_allowed(self, path: str, folder: Any) -> bool:
        start = f"/proc/self/fd/{folder}" if isinstance(folder, int) and folder >= 0 else os.curdir
        parent, name = os.path.split(os.path.join(start, path))
        inside = os.path.join(os.path.realpath(parent), name)
        return f"{inside}/".startswith((f"{self.folder}/", "/dev/null", "/dev/shm/", "/proc/self/"))


def status(field: str) -> float:
    """Return a field of this process's status, in MB."""
    return int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def judge(attempt: Any, prepared: Any, module: str, seed: int, guard: Guard) -> dict[str, Any]:
    """Try one input; return its verdict, what it took, and the message."""
    with suppress(OSError):  # the peak begins again; where that can't be, it is that of all inputs
        Path("/proc/self/clear_refs").write_text("5")
    guard.tried.clear()
    before, started, cpu = status("VmRSS"), time.perf_counter(), time.process_time()
    try:
        attempt(prepared, Random(f"{module} {seed}"))
        verdict, text = "held", ""
    except (ColorizerError, Refused) as error:
        verdict, text = "refused", str(error)
    except Fault as error:
        verdict, text = "fault", str(error)
    except BaseException:
        verdict, text = "fault", traceback.format_exc(limit=-12)
    # Other programs slow an input down by the clock, and threads add up.
    seconds = min(time.perf_counter() - started, time.process_time() - cpu)
    megabytes = max(0.0, status("VmHWM") - before)
    if verdict == "refused" and (problem := check_sentence(text)):
        verdict, text = "fault", f"{problem}: {text[:2000]}"
    if guard.tried:
        verdict, text = "fault", f"changed what is not its own: {'; '.join(guard.tried[:5])}; {text}"
    return {"verdict": verdict, "seconds": round(seconds, 3), "megabytes": round(megabytes, 1), "text": text[-6000:]}


def main() -> None:
    """Prepare a fuzzer, and try the seeds that are read."""
    name, folder, megabytes = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    output = os.open(os.path.join(folder, "output"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    module, guard = import_module(name), Guard(folder)
    sys.addaudithook(guard)
    prepared = module.prepare(Path(folder))
    limit = int((status("VmSize") + float(megabytes) + SPARE_MEGABYTES) * 2**20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        result = judge(module.attempt, prepared, name, int(line), guard)
        print(json.dumps(result), file=answers, flush=True)


if __name__ == "__main__":
    main()
