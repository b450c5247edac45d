"""Sub-networks that begin from published weights, stay frozen, or are left out of a network's checkpoints."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from colorizer.approaches.base import strict_loading
from colorizer.errors import CheckpointError, ColorizerError


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


class ModelOfParts(PreTrainedModel):
    """A network that says which of its parts begin from published weights, and which of them it keeps as they are."""

    is_initialized: bool = False
    """Whether `post_init` has run, with which every network's __init__ ends."""
    is_complete: bool = True
    """Whether all weights are there; not yet in a checkpoint that leaves some to the Hub and was loaded without them."""

    @property
    def pretrained_parts(self) -> list[PretrainedPart]:
        """The parts that training begins from published weights, where the Hub can be reached."""
        return []

    @property
    def frozen_parts(self) -> list[nn.Module]:
        """The parts that stay as they are: in evaluation mode and without gradients, whatever mode the rest is in."""
        return []

    @property
    def left_out_parts(self) -> list[PretrainedPart]:
        """The frozen parts that a saved checkpoint leaves out, since the Hub gives them back."""
        return []

    def keep_parts(self) -> None:
        """Let saved checkpoints carry every part: what is trained beside one that is not the Hub's needs that one."""

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode, frozen parts apart."""
        super().train(mode)
        for part in self.frozen_parts:
            part.eval().requires_grad_(False)
        return self

    def post_init(self) -> None:
        """What a network's __init__ ends with: initialize the weights, freeze what is frozen."""
        super().post_init()
        self.is_initialized = True
        self.train(self.training)
        # A checkpoint may come without them; `complete` brings them.
        self._keys_to_ignore_on_load_missing |= {f"^{re.escape(prefix)}" for prefix in self._left_out_prefixes()}

    def _left_out_prefixes(self) -> tuple[str, ...]:
        names = {id(module): name for name, module in self.named_modules()}
        return tuple(f"{names[id(part.module)]}." for part in self.left_out_parts)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike | None, *model_args: Any, **options: Any
    ) -> "Self | tuple[Self, dict[str, Any]]":
        """As transformers has it, AutoModel and pipelines included, but strict, and safetensors only.

        What the checkpoint leaves to the Hub is still missing then: see `complete`.

        Raises:
            CheckpointError: the weights are missing, a pickle or damaged, or have tensors that are missing, left over,
                misshapen or not finite; the message names the file and the fault.
            OSError: the Hub did not give the files.
        """
        loaded = strict_loading.load(super().from_pretrained, pretrained_model_name_or_path, *model_args, **options)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        model.is_complete = not model.left_out_parts
        # Loading gave every weight a gradient.
        model.train(model.training)
        return loaded

    def save_pretrained(self, *arguments: Any, **options: Any) -> None:
        """As transformers has it, without the parts that the Hub gives back."""
        prefixes = self._left_out_prefixes()
        self._keys_to_ignore_on_save = {key for key in self.state_dict() if key.startswith(prefixes)}
        super().save_pretrained(*arguments, **options)

    def complete(self, find: Callable[[PretrainedPart], Path]) -> None:
        """Bring what the checkpoint leaves to the Hub; `find` gives the folder of a part's published weights.

        Raises:
            CheckpointError: what is published there is of another layout.
        """
        for part in self.left_out_parts:
            part.fill(find(part))
        self.is_complete = True

    def check_complete(self) -> None:
        """Refuse to compute while weights are missing.

        Raises:
            ColorizerError: it names what is missing and what brings it.
        """
        if not self.is_complete:
            missing = ", ".join(part.source for part in self.left_out_parts)
            raise ColorizerError(
                f"This checkpoint of {self.config.model_type} leaves the weights of {missing} to the Hub: load it by "
                "colorizer.load_model or colorizer.pipeline, which bring them."
            )
