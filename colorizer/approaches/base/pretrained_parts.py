"""Sub-modules that start from published weights, stay frozen, or are left out of a network's checkpoints."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers import PreTrainedModel

from colorizer.approaches.base import checkpoint_files, strict_loading
from colorizer.errors import CheckpointError, ColorizerError, quote


@dataclass(frozen=True, eq=False)
class PretrainedPart:
    """Sub-module and the published weights it starts from.

    module: the module to fill.
    source: a Hub repository, "user/name", or a folder; `revision` is a branch, tag or commit.
    rename: maps a tensor's published name to its name in `module`; None skips the tensor, such as a classifier's head.
    on_missing: called if the weights can't be loaded and the module stays random, for example to unfreeze it.
    """

    module: nn.Module
    source: str
    revision: str = "main"
    rename: Callable[[str], str | None] = str
    on_missing: Callable[[], None] | None = None

    def fill(self, folder: str | os.PathLike) -> None:
        """Load the safetensors in `folder` into the module, in the module's own precision.

        Raises:
            CheckpointError: a tensor is missing, left over, or of another shape; the message names it.
        """
        # Names and shapes first: a repository may hold anything.
        files = sorted(Path(folder).glob("model*.safetensors"))
        places, shapes = {}, {}
        for file in files:
            in_file = checkpoint_files.read_shapes(file)
            places |= dict.fromkeys(in_file, file)
            shapes |= in_file
        names = {key: name for key in shapes if (name := self.rename(key)) is not None}
        own = self.module.state_dict()
        # The normalization's batch counters are unused, and older files lack them.
        counters = [name for name in own if name.endswith("num_batches_tracked")]
        expected = {name: tuple(tensor.shape) for name, tensor in own.items()}
        stored = {name: shapes[key] for key, name in names.items()}
        for fault, bad in checkpoint_files.list_faults(expected, stored, counters).items():
            raise CheckpointError(
                f"{self.source} {fault} {checkpoint_files.shorten(bad)}: these are not weights for "
                f"{type(self.module).__name__}."
            )
        for file in files:
            try:
                with safe_open(file, framework="pt") as published, torch.no_grad():
                    for key, name in names.items():
                        if places[key] == file:
                            own[name].copy_(published.get_tensor(key))
            except (SafetensorError, OSError) as error:
                raise CheckpointError(f"{self.source}: {file.name} could not be loaded: {quote(error)}.") from error


class ModelOfParts(PreTrainedModel):
    """Base class for networks with pretrained and frozen sub-modules."""

    is_initialized: bool = False
    """True once `post_init` has run, with which every network's __init__ must end."""
    is_complete: bool = True
    """False if a checkpoint leaves some weights to the Hub and they have not been loaded yet."""

    @property
    def pretrained_parts(self) -> list[PretrainedPart]:
        """Parts that training starts from published weights, if the Hub can be reached."""
        return []

    @property
    def frozen_parts(self) -> list[nn.Module]:
        """Parts that stay in evaluation mode and without gradients, whatever mode the rest is in."""
        return []

    @property
    def left_out_parts(self) -> list[PretrainedPart]:
        """Frozen parts that are not stored in a checkpoint, since they can be loaded from the Hub."""
        return []

    def keep_parts(self) -> None:
        """Store every part in saved checkpoints, because one of them differs from the Hub's and the rest depends on it."""

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        for part in self.frozen_parts:
            part.eval().requires_grad_(False)
        return self

    def post_init(self) -> None:
        """Initialize the weights and freeze the frozen parts; every network's __init__ must end with it."""
        super().post_init()
        self.is_initialized = True
        self.train(self.training)
        # A checkpoint may lack these parts; `complete` loads them.
        self._keys_to_ignore_on_load_missing |= {f"^{re.escape(prefix)}" for prefix in self._left_out_prefixes()}

    def _left_out_prefixes(self) -> tuple[str, ...]:
        names = {id(module): name for name, module in self.named_modules()}
        return tuple(f"{names[id(part.module)]}." for part in self.left_out_parts)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike | None, *model_args: Any, **options: Any
    ) -> "Self | tuple[Self, dict[str, Any]]":
        """Load as transformers does (also for AutoModel and pipelines), but strictly, and from safetensors only.

        Weights that the checkpoint leaves to the Hub are still missing afterwards: see `complete`.

        Raises:
            CheckpointError: the weights are missing, a pickle or damaged, or have tensors that are missing, left over,
                misshapen or not finite; the message names the file and the fault.
            OSError: the files can't be loaded from the Hub.
        """
        loaded = strict_loading.load(
            cls, super().from_pretrained, pretrained_model_name_or_path, *model_args, **options
        )
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        model.is_complete = not model.left_out_parts
        # Loading has turned on every weight's gradient.
        model.train(model.training)
        return loaded

    def save_pretrained(self, *arguments: Any, **options: Any) -> None:
        """Save as transformers does, but without the parts that can be loaded from the Hub."""
        prefixes = self._left_out_prefixes()
        self._keys_to_ignore_on_save = {key for key in self.state_dict() if key.startswith(prefixes)}
        super().save_pretrained(*arguments, **options)

    def complete(self, find: Callable[[PretrainedPart], Path]) -> None:
        """Load the weights that the checkpoint leaves to the Hub; `find` returns the folder of a part's published weights.

        Raises:
            CheckpointError: the published weights have another layout.
        """
        for part in self.left_out_parts:
            part.fill(find(part))
        self.is_complete = True

    def check_complete(self) -> None:
        """Raise an error while weights are missing.

        Raises:
            ColorizerError: weights are missing; the message names them and how to load them.
        """
        if not self.is_complete:
            missing = ", ".join(part.source for part in self.left_out_parts)
            raise ColorizerError(
                f"This checkpoint of {self.config.model_type} leaves the weights of {missing} to the Hub: load it with "
                "colorizer.load_model or colorizer.pipeline, which download them."
            )
