"""Limits on what a network may ask of the machine, found on the meta device, where nothing is allocated or computed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from colorizer.errors import CheckpointError, ColorizerError, quote

MAX_MODULES = 5_000
MAX_WEIGHTS = 2**31
# For one photo at the network's resolution: colorful at four times the paper's width, or resnet_unet at 1024 pixels.
MAX_OPERATIONS = 1.5e12
MAX_RESULT_BYTES = 2**33
"""Bound of all intermediate results together; at any time, a network holds a small part of them."""


def build_skeleton(make: Callable[[], nn.Module]) -> nn.Module:
    """Build a network without memory for its weights.

    Raises:
        CheckpointError: it can't be built, or has too many layers or weights; counted while it is built, since that alone
            could take forever.
    """
    try:
        with torch.device("meta"), _limited():
            return make()
    except CheckpointError:
        raise
    except Exception as error:  # whatever torch and transformers raise on sizes from anywhere
        reason = str(error) if isinstance(error, ColorizerError) else f"{quote(error)}."
        raise CheckpointError(f"The network can't be built: {reason}") from error


@contextmanager
def _limited() -> Iterator[None]:
    thread = threading.get_ident()
    counts = {"modules": 0, "weights": 0}

    def count(kind: str, number: int, limit: int) -> None:
        # The hooks are called for networks of other threads, too.
        if threading.get_ident() == thread:
            counts[kind] += number
            if counts[kind] > limit:
                raise CheckpointError(f"The network has more than {limit:,} {kind}: it is too large to be loaded.")

    def count_module(parent: nn.Module, name: str, child: nn.Module | None) -> None:
        count("modules", 1, MAX_MODULES)

    def count_weights(parent: nn.Module, name: str, tensor: Tensor | None) -> None:
        count("weights", 0 if tensor is None else tensor.numel(), MAX_WEIGHTS)

    hooks = (
        registration.register_module_module_registration_hook(count_module),
        registration.register_module_parameter_registration_hook(count_weights),
        registration.register_module_buffer_registration_hook(count_weights),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def check_cost(run: Callable[[], object]) -> None:
    """Run a network on the meta device, and count what it would compute.

    Raises:
        CheckpointError: it would take too long or too much memory, or fails.
    """
    try:
        with torch.no_grad(), torch.device("meta"), _Cost():
            run()
    except CheckpointError:
        raise
    except Exception as error:
        # A network that looks at values can't be counted.
        if "meta" not in str(error):
            raise CheckpointError(f"The network fails on a photo of its own resolution: {quote(error)}.") from error


class _Cost(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.operations = self.num_bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if count := flop_registry.get(function._overloadpacket):
            self.operations += count(*args, **kwargs, out_val=result)
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, Tensor):
                self.num_bytes += tensor.numel() * tensor.element_size()
        if self.operations > MAX_OPERATIONS or self.num_bytes > MAX_RESULT_BYTES:
            raise CheckpointError("The network takes too much time or memory per photo at this resolution.")
        return result
