"""Run a fuzzer's inputs in a child process, each within a budget of time and memory, and report on each.

A fuzzer is a module with two functions. `prepare(folder)` makes the good inputs and returns them. `attempt(prepared, random)`
makes a bad one from them, with the given generator of random numbers alone, and tries it: it returns if the input is accepted
and the result is right, raises ColorizerError or Refused if it is refused, and anything else is a fault.
"""

import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

REPOSITORY = Path(__file__).parents[2]
KINDS = ("photos", "checkpoints", "arguments", "endpoints", "clips")
START_SECONDS = 150.0


@dataclass(frozen=True)
class Budget:
    """Upper limits for one input. `seconds` are those in which it is computed; `patience` is by the clock."""

    seconds: float = 10.0
    megabytes: float = 1500.0
    patience: float = 60.0


@dataclass(frozen=True)
class Result:
    """Result of one input. verdict: "held", "refused" or "fault"; text: the message or the traceback."""

    seed: int
    verdict: str
    seconds: float
    megabytes: float
    text: str = ""


def run(kind: str, seeds: Iterable[int], budget: Budget | None = None) -> Iterator[Result]:
    """Try the inputs of these seeds, and yield the result of each. `kind` is one of KINDS, or a module's full name."""
    budget, module = budget or Budget(), kind if "." in kind else f"tests.robustness.{kind}"
    child: _Child | None = None
    try:
        for seed in seeds:
            child = child or _Child(module, budget)
            result = child.attempt(seed)
            if not child.is_usable:  # the next input gets a new one
                child.end()
                child = None
            yield result
    finally:
        if child is not None:
            child.end()


class _Child:
    def __init__(self, module: str, budget: Budget) -> None:
        self._budget = budget
        self._folder = tempfile.TemporaryDirectory(prefix="robustness-", ignore_cleanup_errors=True)
        places = ("HOME", "TMPDIR", "HF_HOME", "XDG_CACHE_HOME", "GRADIO_TEMP_DIR")
        environment = dict.fromkeys(places, self._folder.name)
        environment |= {"OMP_NUM_THREADS": "1", "COLUMNS": "100", "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.robustness.child", module, self._folder.name, str(budget.megabytes)],
            cwd=REPOSITORY,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.is_usable = True
        self._selector, self._unread = selectors.DefaultSelector(), b""
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        if self._read(START_SECONDS) != b"ready":
            text = self._output()
            self.end()
            raise RuntimeError(f"{module} did not start: {text}")

    def attempt(self, seed: int) -> Result:
        self._process.stdin.write(b"%d\n" % seed)
        self._process.stdin.flush()
        line = self._read(self._budget.patience)
        self.is_usable = bool(line)
        if line is None:
            text = f"no result after {self._budget.patience:g} seconds"
            return Result(seed, "fault", self._budget.patience, 0.0, text)
        if not line:
            return Result(seed, "fault", 0.0, 0.0, f"the process ended with {self._process.wait()}: {self._output()}")
        result = Result(seed, **json.loads(line))
        for name in ("seconds", "megabytes"):
            if getattr(result, name) > getattr(self._budget, name):
                self.is_usable = False
                text = f"{getattr(result, name):.1f} {name} ({result.verdict}: {result.text})"
                return Result(seed, "fault", result.seconds, result.megabytes, text)
        return result

    def end(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._selector.close()
        self._folder.cleanup()

    def _output(self) -> str:
        """Return the end of what the process printed."""
        path = Path(self._folder.name, "output")
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def _read(self, seconds: float) -> bytes | None:
        """Return the next line without its end, b"" if there will be none, and None if it takes longer."""
        while b"\n" not in self._unread:
            if not self._selector.select(seconds):
                return None
            if not (part := os.read(self._process.stdout.fileno(), 2**16)):
                return b""
            self._unread += part
        line, self._unread = self._unread.split(b"\n", 1)
        return line


@dataclass
class Tally:
    """Counts of results, the faults, and the worst of all."""

    tried: int = 0
    held: int = 0
    refused: int = 0
    faults: tuple[Result, ...] = ()
    seconds: float = 0.0
    megabytes: float = 0.0

    def add(self, result: Result) -> Self:
        self.tried += 1
        self.held += result.verdict == "held"
        self.refused += result.verdict == "refused"
        self.faults += (result,) if result.verdict == "fault" else ()
        self.seconds = max(self.seconds, result.seconds)
        self.megabytes = max(self.megabytes, result.megabytes)
        return self
