"""The processes of `accelerate launch` or `torchrun`, of which there is one where neither was used, and their threads."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import gather_object

Entry = TypeVar("Entry")

_PATIENCE = timedelta(days=7)  # of a process that waits for the others, whose photos may be larger


def join() -> PartialState:
    """This process's place among the others, and its device: its own GPU, or the CPU where there is none."""
    return PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE)


def is_first() -> bool:
    """Whether this is the process that prints and writes."""
    return join().is_main_process


def share(entries: Sequence[Entry]) -> list[Entry]:
    """Those of the entries that are this process's."""
    state = join()
    return list(entries[state.process_index :: state.num_processes])


def total(count: int) -> int:
    """Return the sum of `count` over the processes; each waits for all others."""
    join()
    return sum(gather_object([count]))


def own_device() -> str | None:
    """The device of one process of several; None where there is one alone, which may take any."""
    state = join()
    return str(state.device) if state.num_processes > 1 else None


def leave() -> None:
    """Part from the other processes in good order, at the end of a program."""
    join().destroy_process_group()


@contextmanager
def photo_threads() -> Iterator[ThreadPoolExecutor]:
    """As many threads as torch has, each for a photo of its own: what a photo's metrics take stays in the cache, and
    nothing waits for the other half of an operation."""
    count = torch.get_num_threads()
    with ThreadPoolExecutor(count, "photos", initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield pool
