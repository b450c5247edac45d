"""The one contract: a `ColorizerModel` maps lightness to ab, both in CIE units, whatever it computes inside."""

import inspect
import os
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.utils import ModelOutput

from colorizer import strictness
from colorizer.errors import CheckpointError, ColorizerError
from colorizer.nn.hints import HintConvolution
from colorizer.nn.pretrained import PretrainedPart
from colorizer.objectives import Objective, Turn
from colorizer.recipe import Recipe
from colorizer.spaces import Space


class ColorizerConfig(PreTrainedConfig):
    """What every approach's configuration has.

    width: multiplies the channels of the full network, so that one definition gives the paper's network and a small one.
    resolution: side in pixels of the square photos the network is trained on, and the pipeline's working size.
    """

    width: float = 1.0
    resolution: int = 256

    def __post_init__(self, **kwargs):
        for name, value in own_fields(type(self)).items():
            kind = type(value)
            given = getattr(self, name)
            if kind is float and isinstance(given, int) and not isinstance(given, bool):
                setattr(self, name, float(given))
            elif kind is tuple and isinstance(given, list | tuple) and all(isinstance(item, str) for item in given):
                setattr(self, name, tuple(given))  # JSON has lists alone
            elif kind is tuple:
                raise ColorizerError(f"{self.model_type}: {name} must be a list of names, not {given!r}.")
            elif not isinstance(given, kind) or (isinstance(given, bool) and kind is not bool):
                raise ColorizerError(
                    f"{self.model_type}: {name} must be {kind.__name__} such as {value!r}, not {given!r}."
                )
        for name in ("width", "resolution"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ColorizerError(f"{self.model_type}: {name} must be positive, not {getattr(self, name)!r}.")
        super().__post_init__(**kwargs)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **options: Any) -> "Self | tuple[Self, dict[str, Any]]":
        """What a config.json says; which file the weights are in is not for it to say.

        Raises:
            CheckpointError: a field has a value that it can't have.
        """
        known = {name: value for name, value in config_dict.items() if name != "transformers_weights"}
        try:
            return super().from_dict(known, **options)
        except (ValueError, TypeError, StrictDataclassError) as error:
            raise CheckpointError(f"{strictness.CONFIG}: {error}") from error


Field = int | float | bool | str | tuple[str, ...]
"""What a field of the configuration can hold."""


def own_fields(config_class: type[ColorizerConfig]) -> dict[str, Field]:
    """The configuration fields that are ours, not transformers', with their defaults."""
    names = {}
    for base in reversed(config_class.__mro__):
        if issubclass(base, ColorizerConfig):
            names |= {name: getattr(config_class, name) for name in inspect.get_annotations(base)}
    return {name: value for name, value in names.items() if name != "model_type"}


@dataclass
class ColorizerOutput(ModelOutput):
    """What a network says of a photo.

    ab: (B, 2, H, W) in CIE units, float32; None if it was not asked for.
    prediction: the network's own output in its space's scale, which training compares with the target.
    logits: (B, 313, h, w) where the approach has a distribution over bins.
    scene_logits: (B, num_scenes) where the approach classifies the scene.
    global_features: (B, C), what such an approach says of the photo as a whole, and colors it by.
    """

    ab: Tensor | None = None
    prediction: Tensor | None = None
    logits: Tensor | None = None
    scene_logits: Tensor | None = None
    global_features: Tensor | None = None


class ColorizerModel(PreTrainedModel):
    """Base of every approach: `predict` in the approach's space becomes `lightness → ab` in CIE units.

    An approach gives `config_class`, `space`, `objective`, `recipe`, `predict` and the words that cards and the app show.
    """

    config_class: ClassVar[type[ColorizerConfig]] = ColorizerConfig
    base_model_prefix = "network"
    main_input_name = "lightness"

    space: Space
    objective: Objective
    recipe: Recipe

    title: ClassVar[str]
    authors: ClassVar[str]
    year: ClassVar[int]
    paper_url: ClassVar[str]

    size_multiple: int = 1
    """Height and width of the lightness must be multiples of it."""
    network_options: ClassVar[tuple[str, ...]] = ()
    """The options that the network takes, besides its space's."""
    is_fixed_size: ClassVar[bool] = False
    """Whether the network takes config.resolution × config.resolution and nothing else."""

    @property
    def approach(self) -> str:
        """The approach's name, the same in file, card, recipe and command."""
        return self.config.model_type.removeprefix("colorizer-").replace("-", "_")

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the options that inference takes, such as `temperature`."""
        return (*self.space.options, *self.network_options)

    @property
    def default_options(self) -> dict[str, float | str | None]:
        """The options with the values that this checkpoint uses unless told otherwise."""
        return {name: getattr(self.config, name) for name in self.options}

    @property
    def option_choices(self) -> dict[str, tuple[str, ...]]:
        """The options that are not numbers, with the values that each may have besides None, the checkpoint's own."""
        return {}

    @property
    def scenes(self) -> tuple[str, ...]:
        """Names of the scenes that `scene_logits` are of, in their order."""
        return ()

    @property
    def takes_hints(self) -> bool:
        """Whether this checkpoint was made to take color hints."""
        return getattr(self.config, "hints", False)

    @property
    def pretrained_parts(self) -> list[PretrainedPart]:
        """The parts that training begins from published weights, where the Hub can be reached."""
        return []

    @property
    def frozen_parts(self) -> list[nn.Module]:
        """The parts that stay as they are: in evaluation mode and without gradients, whatever mode the rest is in."""
        return []

    def train(self, mode: bool = True) -> "ColorizerModel":
        """Set training or evaluation mode, frozen parts apart."""
        super().train(mode)
        for part in self.frozen_parts:
            part.eval().requires_grad_(False)
        return self

    def post_init(self) -> None:
        """What a network's __init__ ends with: initialize the weights, freeze what is frozen."""
        super().post_init()
        self.train(self.training)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike | None, *model_args: Any, **options: Any
    ) -> "Self | tuple[Self, dict[str, Any]]":
        """As transformers has it, AutoModel and pipelines included, but strict, and safetensors only.

        Raises:
            CheckpointError: the weights are missing, a pickle or damaged, or have tensors that are missing, left over,
                misshapen or not finite; the message names the file and the fault.
            OSError: the Hub did not give the files.
        """
        return strictness.load(super().from_pretrained, pretrained_model_name_or_path, *model_args, **options)

    @classmethod
    def fields_for(cls, classes: list[str]) -> dict[str, Field]:
        """The configuration fields that follow from the names of a dataset's labels, none of them if it has no labels."""
        return {}

    def predict(self, source: Tensor) -> Tensor:
        """The space's encoded lightness (B, C, H, W) to the network's output in the space's scale."""
        raise TypeError(f"{type(self).__name__} has no predict: an approach defines it")

    def compute(self, source: Tensor, **options: float | str | Tensor | None) -> ColorizerOutput:
        """The network's output, not decoded; an approach that has more to say than `predict` overrides this.

        `options` are those that the network takes and its space does not, and `hints` where there are any.
        """
        return ColorizerOutput(prediction=self.predict(source, **options))

    def forward(
        self, lightness: Tensor, *, hints: Tensor | None = None, decode: bool = True, **options: float | str | None
    ) -> ColorizerOutput:
        """Colorize.

        Args:
            lightness: (B, 1, H, W), CIE L in 0…100, H and W multiples of `size_multiple`.
            hints: (B, 3, H, W), CIE a*, b* of the pixels whose color is known, 0 elsewhere, and a mask, 1 at those pixels and
                0 elsewhere.
            decode: off in training, which needs the prediction and not the ab.
            options: those of `options`; each overrides the checkpoint's own value.

        Raises:
            ColorizerError: the shape is not one that the network takes, an option is not the approach's, or it takes no hints.
        """
        self.check_options(options)
        self._check_size(lightness)
        if hints is not None:
            self._check_hints(hints, lightness)
        options = self.default_options | options
        decoding = {name: options.pop(name) for name in self.space.options}
        if hints is not None:
            options["hints"] = hints
        output = self.compute(self.space.encode(lightness).to(self.dtype), **options)
        if "temperature" in decoding:
            output.logits = output.prediction
        if decode:
            with torch.autocast(lightness.device.type, enabled=False):
                output.ab = self.space.join(lightness.float(), output.prediction.float(), **decoding)
        return output

    def rank_scenes(self, output: ColorizerOutput) -> list[dict[str, float] | None]:
        """Each photo's scenes with their probabilities, the likeliest first; None where the network tells no scenes."""
        if output.scene_logits is None:
            return [None] * len(output.prediction)
        probabilities = output.scene_logits.float().softmax(1).tolist()
        ranked = [sorted(zip(self.scenes, row, strict=True), key=lambda pair: -pair[1]) for row in probabilities]
        return [dict(pairs) for pairs in ranked]

    def turn(self, output: ColorizerOutput, lightness: Tensor, target: Tensor, labels: Tensor | None = None) -> Turn:
        """What the objective's players see of a step: this network's output for the lightness, the target, the labels."""
        source = self.space.encode(lightness)
        return Turn(source, output.prediction, target, labels, output.scene_logits, output.global_features)

    def check_options(self, options: dict[str, float | str | None]) -> None:
        """Refuse options that the approach does not have, and values that are none of an option's choices.

        Raises:
            ColorizerError: it names the options, or the choices, that there are.
        """
        if unknown := sorted(set(options) - set(self.options)):
            has = f"it has {', '.join(self.options)}" if self.options else "it has none of its own"
            raise ColorizerError(f"{self.approach} does not take the option {', '.join(unknown)}: {has}.")
        for name, choices in self.option_choices.items():
            if (value := options.get(name)) is not None and value not in choices:
                known = f"there are {', '.join(choices)}" if choices else "this checkpoint knows none"
                raise ColorizerError(f"{self.approach} has no {name} {value!r}: {known}.")

    def check_takes_hints(self) -> None:
        """Refuse hints where the network has no use for them.

        Raises:
            ColorizerError: it names the approaches that can be trained to take hints.
        """
        if not self.takes_hints:
            # Every approach registers itself as a subclass when it is imported, and no list of them is below this module.
            able = [
                model_class.config_class.model_type.removeprefix("colorizer-").replace("-", "_")
                for model_class in ColorizerModel.__subclasses__()
                if "hints" in own_fields(model_class.config_class)
            ]
            this = "This checkpoint of " if self.approach in able else ""
            raise ColorizerError(
                f"{this}{self.approach} takes no color hints: checkpoints of {', '.join(sorted(able))} do if they were "
                "trained with --hints."
            )

    def _check_hints(self, hints: Tensor, lightness: Tensor) -> None:
        self.check_takes_hints()
        batch, _, height, width = lightness.shape
        if hints.shape != (batch, 3, height, width):
            raise ColorizerError(
                f"hints must have the lightness's size, ({batch}, 3, {height}, {width}), not {tuple(hints.shape)}."
            )

    def _check_size(self, lightness: Tensor) -> None:
        if lightness.ndim != 4 or lightness.shape[1] != 1:
            raise ColorizerError(
                f"{self.approach} takes lightness of shape (B, 1, H, W), not {tuple(lightness.shape)}."
            )
        size = tuple(lightness.shape[-2:])
        if self.is_fixed_size and size != (self.config.resolution, self.config.resolution):
            raise ColorizerError(
                f"{self.approach} takes {self.config.resolution}×{self.config.resolution} pixels and no other size, "
                f"not {size[1]}×{size[0]}: resize the photo, or let pipeline() do it."
            )
        if any(side % self.size_multiple or side == 0 for side in size):
            raise ColorizerError(
                f"{self.approach} takes sides that are multiples of {self.size_multiple}, not {size[1]}×{size[0]}: "
                "resize the photo, or let pipeline() do it."
            )

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        # transformers calls this for every module, after __init__ and while loading; its own default would turn every
        # weight into N(0, 0.02). The functions of `init` leave tensors alone that a checkpoint has already filled.
        if isinstance(module, HintConvolution):
            init.zeros_(module.weight)
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            self.init_weight(module.weight)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            init.ones_(module.weight)
            init.zeros_(module.bias)
            # Made on the meta device, which gives buffers no values.
            init.zeros_(module.running_mean)
            init.ones_(module.running_var)
            init.zeros_(module.num_batches_tracked)

    def init_weight(self, weight: Tensor) -> None:
        """Initialize one kernel or matrix; an approach with an initialization of its own overrides this."""
        init.kaiming_normal_(weight, nonlinearity="relu")
