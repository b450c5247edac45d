"""Processes of `accelerate launch` or `torchrun` (a single one without either), and their threads."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import gather_object

Entry = TypeVar("Entry")

_TIMEOUT = timedelta(days=7)  # while waiting for other processes, whose photos may be larger


def join() -> PartialState:
    """Join the other processes, and return the state: this process's index and device (its own GPU, or the CPU)."""
    return PartialState(cpu=not torch.cuda.is_available(), timeout=_TIMEOUT)


def is_first() -> bool:
    """Return whether this is the main process, which prints and writes."""
    return join().is_main_process


def share(entries: Sequence[Entry]) -> list[Entry]:
    """Return this process's share of the entries."""
    state = join()
    return list(entries[state.process_index :: state.num_processes])


def total(count: int) -> int:
    """Return the sum of `count` over the processes, which wait for each other."""
    join()
    return sum(gather_object([count]))


def own_device() -> str | None:
    """Return this process's device if there are several processes; None for a single one, which may use any."""
    state = join()
    return str(state.device) if state.num_processes > 1 else None


def leave() -> None:
    """Shut down the process group cleanly, at the end of a program."""
    join().destroy_process_group()


@contextmanager
def photo_threads() -> Iterator[ThreadPoolExecutor]:
    """Open a pool with as many threads as torch uses, each for one photo at a time.

    A photo's data then stays in the CPU cache, and no thread waits for the other half of an operation.
    """
    count = torch.get_num_threads()
    with ThreadPoolExecutor(count, "photos", initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield pool
