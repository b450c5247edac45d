"""Parts of a network that begin from somebody's published weights, in the layout of the file that publishes them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from colorizer.errors import CheckpointError


@dataclass(frozen=True, eq=False)
class PretrainedPart:
    """A part of a network and the weights it begins from.

    module: what is filled.
    source: the Hub's repository, "user/name", or a folder; with `revision`, a branch, tag or commit.
    rename: the published name of a tensor to its name in `module`; None leaves the tensor out, as a classifier's head.
    on_missing: called where nobody gives the weights and the module stays at random, as one that is not worth freezing.
    """

    module: nn.Module
    source: str
    revision: str = "main"
    rename: Callable[[str], str | None] = str
    on_missing: Callable[[], None] | None = None

    def fill(self, folder: str | os.PathLike) -> None:
        """Fill the module with the safetensors in `folder`, in the module's own precision.

        Raises:
            CheckpointError: the files lack a tensor, have one left over, or of another shape; the message names it.
        """
        published: dict[str, Tensor] = {}
        for file in sorted(Path(folder).glob("model*.safetensors")):
            try:
                published |= load_file(file)
            except (SafetensorError, OSError) as error:
                raise CheckpointError(f"{self.source}: {file.name} is damaged or not safetensors: {error}.") from error
        tensors = {name: tensor for key, tensor in published.items() if (name := self.rename(key)) is not None}
        own = self.module.state_dict()
        # How many batches its normalization has seen is of no use, and older files don't say.
        counters = {name for name in own if name.endswith("num_batches_tracked")}
        faults = {
            "lacks": own.keys() - tensors.keys() - counters,
            "has left over": tensors.keys() - own.keys(),
            "has the wrong shape for": {
                name for name in own.keys() & tensors.keys() if own[name].shape != tensors[name].shape
            },
        }
        for fault, names in faults.items():
            if names:
                first = ", ".join(sorted(names)[:5])
                raise CheckpointError(
                    f"{self.source} {fault} {first}: it is not what {type(self.module).__name__} begins from."
                )
        with torch.no_grad():
            for name, tensor in tensors.items():
                own[name].copy_(tensor)
