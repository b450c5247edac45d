"""The processes of `accelerate launch` or `torchrun`, of which there is one where neither was used."""

import torch
from accelerate import PartialState


def join() -> PartialState:
    """This process's place among the others, and its device: its own GPU, or the CPU where there is none."""
    return PartialState(cpu=not torch.cuda.is_available())


def is_first() -> bool:
    """Whether this is the process that prints and writes."""
    return join().is_main_process


def leave() -> None:
    """Part from the other processes in good order, at the end of a program."""
    join().destroy_process_group()
