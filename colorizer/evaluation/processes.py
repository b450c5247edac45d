"""The processes of `accelerate launch` or `torchrun`, of which there is one where neither was used, and their threads."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from accelerate import PartialState


def join() -> PartialState:
    """This process's place among the others, and its device: its own GPU, or the CPU where there is none."""
    return PartialState(cpu=not torch.cuda.is_available())


def is_first() -> bool:
    """Whether this is the process that prints and writes."""
    return join().is_main_process


def share(places: list[int]) -> list[int]:
    """Those of the places that are this process's."""
    state = join()
    return places[state.process_index :: state.num_processes]


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
