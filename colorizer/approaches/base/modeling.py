"""The one contract: a `ColorizerModel` maps lightness to ab, both in CIE units, whatever it computes inside."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from transformers import initialization as init
from transformers.utils import ModelOutput

from colorizer.approaches.base.configuration import ColorizerConfig, Field, approach_of, own_fields
from colorizer.approaches.base.objectives import Objective, StepInputs
from colorizer.approaches.base.option import Option
from colorizer.approaches.base.pretrained_parts import ModelOfParts
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import Space, grade, ungrade
from colorizer.approaches.blocks.hint_input import HintConvolution
from colorizer.errors import ColorizerError


@dataclass
class ColorizerOutput(ModelOutput):
    """What a network says of a photo.

    ab: (B, 2, H, W) in CIE units, float32; None if it was not asked for.
    prediction: the network's own output in its space's scale, which training compares with the target.
    logits: (B, C, h, w) where the approach's space has a distribution over colors.
    scene_logits: (B, num_scenes) where the approach classifies the scene.
    global_features: (B, C), what such an approach says of the photo as a whole, and colors it by.
    """

    ab: Tensor | None = None
    prediction: Tensor | None = None
    logits: Tensor | None = None
    scene_logits: Tensor | None = None
    global_features: Tensor | None = None


class ColorizerModel(ModelOfParts):
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
    cites: ClassVar[str] = ""
    """What `paper_url` is about, if it is not the approach's own paper."""

    size_multiple: int = 1
    """Height and width of the lightness must be multiples of it."""
    network_options: ClassVar[tuple[Option, ...]] = ()
    """The options that `predict` or `compute` takes, besides those of its space."""
    is_fixed_size: ClassVar[bool] = False
    """Whether the network takes config.resolution × config.resolution and nothing else."""
    num_frozen_features: int = 0
    """How many numbers `frozen_features` says of a photo."""

    def __init__(self, config: ColorizerConfig):
        super().__init__(config)
        self.options = self.options_for(vars(config))

    @property
    def approach(self) -> str:
        """The approach's name, the same in file, card, recipe and command."""
        return approach_of(self.config.model_type)

    @classmethod
    def options_for(cls, config: Mapping[str, object]) -> dict[str, Option]:
        """Return the options of inference by name, each with the default of the checkpoint that has this configuration."""
        declared = (*cls.space.options, *cls.network_options)
        return {option.name: replace(option, default=config.get(option.name, option.default)) for option in declared}

    @classmethod
    def can_take_hints(cls) -> bool:
        """Whether checkpoints of the approach can be trained to take color hints."""
        return "hints" in own_fields(cls.config_class)

    @property
    def scenes(self) -> tuple[str, ...]:
        """Names of the scenes that `scene_logits` are of, in their order."""
        return ()

    @property
    def takes_hints(self) -> bool:
        """Whether this checkpoint was trained to take color hints."""
        return getattr(self.config, "hints", False)

    def frozen_features(self, lightness: Tensor) -> Tensor | None:
        """What frozen parts say of each photo as a whole, (B, num_frozen_features) float32, without gradient.

        Of the lightness alone, whoever is beside it in the batch: training may compute it once a photo, and give it to
        `forward` whenever the photo comes by.
        """
        return None

    @classmethod
    def fields_for(cls, classes: list[str]) -> dict[str, Field]:
        """The configuration fields that follow from the names of a dataset's labels, none of them if it has no labels."""
        return {}

    @classmethod
    def describe(cls, config: Mapping[str, object]) -> str:
        """What cards and app say of a network in a line, given what its config.json holds: the class's first one."""
        return inspect.getdoc(cls).split("\n")[0]

    def predict(self, source: Tensor) -> Tensor:
        """The space's encoded lightness (B, C, H, W) to the network's output in the space's scale."""
        raise TypeError(f"{type(self).__name__} has no predict: an approach defines it")

    def compute(self, source: Tensor, **options: float | str | Tensor | None) -> ColorizerOutput:
        """The network's output, not decoded; an approach that has more to say than `predict` overrides this.

        `options` are those that the network takes and its space does not, `hints` where there are any, and `features`, what
        the frozen parts say where there are such.
        """
        return ColorizerOutput(prediction=self.predict(source, **options))

    def forward(
        self,
        lightness: Tensor,
        *,
        hints: Tensor | None = None,
        features: Tensor | None = None,
        decode: bool = True,
        **options: float | str | None,
    ) -> ColorizerOutput:
        """Colorize.

        Args:
            lightness: (B, 1, H, W), CIE L in 0…100, H and W multiples of `size_multiple`.
            hints: (B, 3, H, W), CIE a*, b* of the pixels whose color is known, 0 elsewhere, and a mask, 1 at those pixels and
                0 elsewhere.
            features: what `frozen_features` gives of the lightness, where it is known already.
            decode: off in training, which needs the prediction and not the ab.
            options: those of `options`; each overrides the checkpoint's own value.

        Raises:
            ColorizerError: the shape is not one that the network takes, an option is not the approach's, it takes no hints, or
                weights are missing.
        """
        self.check_options(options)
        self._check_size(lightness)
        self.check_complete()
        if hints is not None:
            self._check_hints(hints, lightness)
        options = {name: option.default for name, option in self.options.items()} | options
        decoding = {option.name: options.pop(option.name) for option in self.space.options}
        features = self.frozen_features(lightness) if features is None else features
        if hints is not None and not self.training:
            # A color that is given comes out as it is.
            hints = torch.cat((ungrade(hints[:, :2], self.config.gain, self.config.chroma_power), hints[:, 2:]), 1)
        given = {"hints": hints, "features": features}
        options |= {name: tensor for name, tensor in given.items() if tensor is not None}
        output = self.compute(self.space.encode(lightness).to(self.dtype), **options)
        if self.space.has_distribution:
            output.logits = output.prediction
        if decode:
            output.ab = self.decode(lightness, output.prediction, **decoding)
        return output

    def decode(self, lightness: Tensor, prediction: Tensor, **options: float | str) -> Tensor:
        """Convert a prediction to CIE ab (B, 2, H, W), float32, graded; `options` are the space's."""
        with torch.autocast(lightness.device.type, enabled=False):
            return self._grade(self.space.join(lightness.float(), prediction.float(), **options))

    def draw(self, logits: Tensor, uniforms: Tensor, **options: float | str) -> Tensor:
        """Draw one of the likely colorings of a photo, CIE ab (2, h, w), graded: see `Space.draw`."""
        return self._grade(self.space.draw(logits, uniforms, **options)[None])[0]

    def _grade(self, ab: Tensor) -> Tensor:
        return grade(ab, self.config.gain, self.config.chroma_power)

    def rank_scenes(self, output: ColorizerOutput) -> list[dict[str, float] | None]:
        """Each photo's scenes with their probabilities, the likeliest first; None where the network tells no scenes."""
        if output.scene_logits is None:
            return [None] * len(output.prediction)
        probabilities = output.scene_logits.float().softmax(1).tolist()
        ranked = [sorted(zip(self.scenes, row, strict=True), key=lambda pair: -pair[1]) for row in probabilities]
        return [dict(pairs) for pairs in ranked]

    def step_inputs(
        self, output: ColorizerOutput, lightness: Tensor, target: Tensor, labels: Tensor | None = None
    ) -> StepInputs:
        """Gather the inputs of the objective's losses in one step, given this network's output for the lightness."""
        source = self.space.encode(lightness)
        return StepInputs(source, output.prediction, target, labels, output.scene_logits, output.global_features)

    def check_options(self, options: Mapping[str, float | str | None]) -> None:
        """Refuse options that the approach does not have, and values that an option does not take.

        Raises:
            ColorizerError: it names the options, or the values, that there are.
        """
        own = self.options
        if unknown := sorted(set(options) - set(own)):
            has = f"it has {', '.join(own)}" if own else "it has none of its own"
            raise ColorizerError(f"{self.approach} does not take the option {', '.join(unknown)}: {has}.")
        for name, value in options.items():
            own[name].check(value, self.approach)

    def check_takes_hints(self) -> None:
        """Refuse hints where the network has no use for them.

        Raises:
            ColorizerError: it names the approaches that can be trained to take hints.
        """
        if not self.takes_hints:
            # Every approach registers itself as a subclass when it is imported, and no list of them is below this module.
            able = [
                approach_of(model_class.config_class.model_type)
                for model_class in ColorizerModel.__subclasses__()
                if model_class.can_take_hints()
            ]
            this = "This checkpoint of " if self.can_take_hints() else ""
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
