"""Base of every network: a `ColorizerModel` maps lightness to ab, both in CIE units, whatever it computes inside."""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

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
from colorizer.photos.color import full_precision


@dataclass
class ColorizerOutput(ModelOutput):
    """Output of a colorization network.

    ab: (B, 2, H, W) in CIE units, float32; None without decoding.
    prediction: the network's raw output in its space's scale, which training compares with the target.
    logits: (B, C, h, w) if the approach's space has a distribution over colors.
    scene_logits: (B, num_scenes) if the approach classifies the scene.
    global_features: (B, C), the image-level features of such an approach, on which its colors depend.
    """

    ab: Tensor | None = None
    prediction: Tensor | None = None
    logits: Tensor | None = None
    scene_logits: Tensor | None = None
    global_features: Tensor | None = None


class ColorizerModel(ModelOfParts):
    """Base class of every approach: turns `predict` in the approach's space into `lightness → ab` in CIE units.

    An approach defines `config_class`, `space`, `objective`, `recipe`, `predict` and the texts that cards and the app show.
    """

    config_class: ClassVar[type[ColorizerConfig]] = ColorizerConfig
    base_model_prefix = "network"
    main_input_name = "lightness"

    space: Space
    objective: Objective
    recipe: Recipe

    title: ClassVar[str]
    plain_name: ClassVar[str]
    """Short name for people who know no paper; the app shows it."""
    plain_text: ClassVar[str]
    """One sentence for them, without jargon: what it does, or what to expect."""
    authors: ClassVar[str]
    year: ClassVar[int]
    paper_url: ClassVar[str]
    cites: ClassVar[str] = ""
    """Subject of `paper_url`, if it is not the approach's own paper."""

    size_multiple: int = 1
    """Divisor that height and width of the lightness must have."""
    network_options: ClassVar[tuple[Option, ...]] = ()
    """Options of `predict` or `compute`, in addition to those of its space."""
    is_fixed_size: ClassVar[bool] = False
    """True if the network only accepts config.resolution × config.resolution."""
    num_frozen_features: int = 0
    """Number of features per photo that `frozen_features` returns."""

    def __init__(self, config: ColorizerConfig):
        super().__init__(config)
        self.space = self.space_for(vars(config))
        self.options = self.options_for(vars(config))

    @property
    def approach(self) -> str:
        """Name of the approach, the same in file, card, recipe and command."""
        return approach_of(self.config.model_type)

    @classmethod
    def space_for(cls, config: Mapping[str, object]) -> Space:
        """Return the space of a checkpoint that has this configuration: the approach's own, unless it has several."""
        return cls.space

    @classmethod
    def options_for(cls, config: Mapping[str, object]) -> dict[str, Option]:
        """Return the inference options by name, with the defaults of a checkpoint that has this configuration."""
        declared = (*cls.space_for(config).options, *cls.network_options)
        return {option.name: replace(option, default=config.get(option.name, option.default)) for option in declared}

    @classmethod
    def can_take_hints(cls) -> bool:
        """Return whether the approach can be trained to accept color hints."""
        return "hints" in own_fields(cls.config_class)

    @property
    def scenes(self) -> tuple[str, ...]:
        """Names of the scenes, in the order of `scene_logits`."""
        return ()

    @property
    def takes_hints(self) -> bool:
        """True if this checkpoint was trained to accept color hints."""
        return getattr(self.config, "hints", False)

    def frozen_features(self, lightness: Tensor) -> Tensor | None:
        """Return image-level features from frozen sub-networks, (B, num_frozen_features) float32, without gradient.

        They depend on each photo's lightness alone, not on the rest of the batch. Training may therefore cache them per photo
        and pass them to `forward`.
        """
        return None

    @classmethod
    def fields_for(cls, classes: list[str]) -> dict[str, Field]:
        """Return the configuration fields that follow from a dataset's class names; empty if it has no labels."""
        return {}

    @classmethod
    def describe(cls, config: Mapping[str, object]) -> str:
        """Return the one-line description for cards and the app, given the content of config.json."""
        return inspect.getdoc(cls).split("\n")[0]

    @classmethod
    def introduce(cls, config: Mapping[str, object]) -> tuple[str, str]:
        """Return the plain name and text for a checkpoint, given the content of its config.json.

        Checkpoints of one approach that look different need different ones.
        """
        return cls.plain_name, cls.plain_text

    def predict(self, source: Tensor) -> Tensor:
        """Predict in the space's scale from the lightness (B, C, H, W) that the space encoded."""
        raise TypeError(f"{type(self).__name__} has no predict: an approach defines it")

    def compute(self, source: Tensor, **options: float | str | Tensor | None) -> ColorizerOutput:
        """Compute the network's output without decoding it; an approach with outputs besides `predict`'s overrides this.

        `options` are the network's own options (not those of its space), `hints` if given, and `features` of frozen parts if
        the network has such parts.
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
            hints: (B, 3, H, W), CIE a*, b* of the pixels whose color is given, 0 elsewhere, and a mask, 1 at those pixels and
                0 elsewhere.
            features: output of `frozen_features` for the lightness, if already computed.
            decode: compute ab; training turns it off, since it needs only the prediction.
            options: inference options; each overrides the checkpoint's own default.

        Raises:
            ColorizerError: the shape or an option is not supported, the network accepts no hints, or weights are missing.
        """
        self.check_inputs(lightness, hints, options)
        self.check_complete()
        decoding = {option.name: options.pop(option.name) for option in self.space.options if option.name in options}
        options = self._with_defaults(options, self.network_options)
        features = self.frozen_features(lightness) if features is None else features
        if hints is not None and not self.training:
            # Undo the grading, so that hinted colors survive it.
            hints = torch.cat((ungrade(hints[:, :2], self.config.gain, self.config.chroma_power), hints[:, 2:]), 1)
        given = {"hints": hints, "features": features}
        options |= {name: tensor for name, tensor in given.items() if tensor is not None}
        output = self.compute(self.space.encode(lightness).to(self.dtype), **options)
        if self.space.has_distribution:
            output.logits = output.prediction
        if decode:
            output.ab = self.decode(lightness, output.prediction, **decoding)
        return output

    def color_one(self, resolution: int | None = None) -> ColorizerOutput:
        """Color one black photo, at the network's own resolution by default."""
        side = max(1, round((resolution or self.config.resolution) / self.size_multiple)) * self.size_multiple
        return self(torch.zeros(1, 1, side, side, device=self.device))

    def decode(self, lightness: Tensor, prediction: Tensor, **options: float | str) -> Tensor:
        """Convert a prediction to CIE ab (B, 2, H, W), float32, graded. The space's options default to the checkpoint's."""
        options = self._with_defaults(options, self.space.options)
        with full_precision(lightness):
            return self._grade(self.space.join(lightness.float(), prediction.float(), **options))

    def draw(self, logits: Tensor, uniforms: Tensor, **options: float | str) -> Tensor:
        """Draw one of the likely colorings of a photo, CIE ab (2, h, w), graded: see `Space.draw`. `options` as in `decode`."""
        options = self._with_defaults(options, self.space.options)
        return self._grade(self.space.draw(logits, uniforms, **options)[None])[0]

    def _with_defaults(self, options: Mapping[str, Any], declared: Iterable[Option]) -> dict[str, Any]:
        return {option.name: options.get(option.name, self.options[option.name].default) for option in declared}

    def _grade(self, ab: Tensor) -> Tensor:
        return grade(ab, self.config.gain, self.config.chroma_power)

    def rank_scenes(self, output: ColorizerOutput) -> list[dict[str, float] | None]:
        """Return the probability of each scene per photo, most likely first; None if the network classifies no scenes."""
        if output.scene_logits is None:
            return [None] * len(output.prediction)
        probabilities = output.scene_logits.float().softmax(1).tolist()
        ranked = [sorted(zip(self.scenes, row, strict=True), key=lambda pair: -pair[1]) for row in probabilities]
        return [dict(pairs) for pairs in ranked]

    def step_inputs(
        self, output: ColorizerOutput, lightness: Tensor, target: Tensor, labels: Tensor | None = None
    ) -> StepInputs:
        """Collect the inputs of the objective's losses for one step, given this network's output for the lightness."""
        source = self.space.encode(lightness)
        return StepInputs(source, output.prediction, target, labels, output.scene_logits, output.global_features)

    def check_inputs(self, lightness: Tensor, hints: Tensor | None, options: Mapping[str, float | str | None]) -> None:
        """Reject shapes and options that the network doesn't take; see `forward`."""
        self.check_options(options)
        self._check_size(lightness)
        if hints is not None:
            self._check_hints(hints, lightness)

    def check_options(self, options: Mapping[str, object]) -> None:
        """Reject options that the approach doesn't have, and invalid values.

        Raises:
            ColorizerError: an option or value is invalid; the message lists the valid ones.
        """
        own = self.options
        if unknown := sorted(set(options) - set(own)):
            has = f"it has {', '.join(own)}" if own else "it has none of its own, only those of all, such as saturation"
            raise ColorizerError(f"{self.approach} does not take the option {', '.join(unknown)}: {has}.")
        for name, value in options.items():
            own[name].check(value, self.approach)

    def check_takes_hints(self) -> None:
        """Raise ColorizerError if the network doesn't accept hints, with the approaches that can be trained to."""
        if not self.takes_hints:
            # Every imported approach is a subclass; this module can't import the list of approaches, which imports it.
            classes = ColorizerModel.__subclasses__()
            able = [approach_of(found.config_class.model_type) for found in classes if found.can_take_hints()]
            this = "This checkpoint of " if self.can_take_hints() else ""
            raise ColorizerError(
                f"{this}{self.approach} takes no color hints. Checkpoints of {', '.join(sorted(able))} do if they were "
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
            raise ColorizerError(f"{self.approach} takes lightness (B, 1, H, W), not {tuple(lightness.shape)}.")
        size, side = tuple(lightness.shape[-2:]), self.config.resolution
        if self.is_fixed_size and size != (side, side):
            sizes = f"{side}×{side} pixels, not {size[1]}×{size[0]}"
            raise ColorizerError(f"{self.approach} only takes {sizes}: resize the photo, or let pipeline() do it.")
        if any(side % self.size_multiple or side == 0 for side in size):
            raise ColorizerError(
                f"{self.approach} takes sides that are multiples of {self.size_multiple}, not {size[1]}×{size[0]}: "
                "resize the photo, or let pipeline() do it."
            )

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        # transformers calls this for every module, after __init__ and while loading. Its own default would initialize every
        # weight from N(0, 0.02). The functions of `init` skip tensors that a checkpoint has already filled.
        if isinstance(module, HintConvolution):
            init.zeros_(module.weight)
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            self.init_weight(module.weight)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            init.ones_(module.weight)
            init.zeros_(module.bias)
            # Buffers are created on the meta device and have no values yet.
            init.zeros_(module.running_mean)
            init.ones_(module.running_var)
            init.zeros_(module.num_batches_tracked)

    def init_weight(self, weight: Tensor) -> None:
        """Initialize one kernel or matrix; an approach with its own initialization overrides this."""
        init.kaiming_normal_(weight, nonlinearity="relu")
