"""The command that started a run, launcher included, and the version of the code."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

LAUNCHERS = ("accelerate", "torchrun")


def launch_command() -> str:
    """Return the command that started this run, quoted for a shell, with a token masked.

    With a launcher, it is the launcher's own command, which holds the number of processes and their precision.
    """
    for words in _commands_above():
        # .../python .../bin/torchrun --nproc_per_node 2 script.py, or .../python -m torch.distributed.run ...
        if Path(words[1]).name in LAUNCHERS:
            return _masked([Path(words[1]).name, *words[2:]])
        if words[1:2] == ["-m"] and words[2].startswith(("accelerate.", "torch.distributed.")):
            return _masked(["python", *words[1:]])
    module = sys.modules["__main__"].__spec__
    if module is not None and module.origin == sys.argv[0]:
        return _masked(["python", "-m", module.name.removesuffix(".__main__"), *sys.argv[1:]])
    return _masked(["python", *sys.argv])


def code_version() -> str | None:
    """Return the commit of the code, followed by -dirty if files differ from it; None outside a git checkout."""
    here = Path(__file__)
    try:
        # An installed package may lie inside another project's checkout.
        _git(here.parent, "ls-files", "--error-unmatch", here.name)
        return _git(here.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=10
    ).stdout.strip()


def _commands_above() -> list[list[str]]:
    """Return the command lines of the processes above this one that name the same script, nearest first."""
    script = Path(sys.argv[0]).name
    commands = []
    try:
        for process in psutil.Process().parents():
            words = process.cmdline()
            if not any(Path(word).name == script for word in words[1:]):
                break
            commands.append(words)
    except psutil.Error:  # it has ended, or belongs to another user
        pass
    return commands


def _masked(words: Sequence[str]) -> str:
    shown, hide = [], False
    for word in words:
        shown.append("***" if hide else "--hub_token=***" if word.startswith("--hub_token=") else word)
        hide = word == "--hub_token"
    return shlex.join(shown)
