"""Training objectives.

An objective is a frozen description. Its `players` builds the players of one run, in the order in which they act in each
step. A player has a loss and a module whose weights it trains. A regression has one player. An adversarial objective has two,
with a discriminator built for that run. The training loop only handles players.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from colorizer.approaches.base import losses
from colorizer.approaches.base.spaces import Space, device_centers
from colorizer.approaches.base.summaries import summarize
from colorizer.approaches.blocks.patchgan import PatchGan
from colorizer.errors import ColorizerError
from colorizer.photos import bins


@dataclass
class StepInputs:
    """Inputs of the losses in one step, shared by its players."""

    source: Tensor  # (B, C, H, W), the network's input
    prediction: Tensor  # the network's raw output, with its gradient
    target: Tensor  # (B, C, H, W) in the space's scale
    labels: Tensor | None = None  # (B,), each photo's class index, -1 where it has none
    scene_logits: Tensor | None = None  # (B, num_scenes) where the network classifies the scene
    global_features: Tensor | None = None  # (B, C), the network's image-level features


# The loss to minimize, and its parts by name for the log.
Loss = tuple[Tensor, dict[str, Tensor]]
# Loss between a prediction and its target, (B, C, H, W) in the space's scale.
ColorLoss = Callable[[Tensor, Tensor], Tensor]
# Returns an iterable of batches of training photos, sRGB in 0…1, (B, 3, H, W).
Photos = Callable[[], Iterable[Tensor]]


@dataclass(eq=False)
class Player:
    """A module, its loss and its optimizer in a run. Several players may train one module, each with its own optimizer.

    Attributes:
        name: prefix of its losses in the log.
        trained: the module whose weights it trains; the run wraps it, for example in DDP.
        loss: maps the inputs of a step to the loss and its parts.
        saved: other tensors of the loss, such as the weights of bins, as buffers; saved for resuming, never published.
        starts, ends: active in the optimizer steps starts … ends - 1; to the end of the run if `ends` is None.
        settings: run arguments that differ for this player, such as `learning_rate`.
        note: message for the log when it becomes active.
    """

    name: str
    trained: nn.Module
    loss: Callable[[StepInputs], Loss]
    saved: nn.Module = field(default_factory=nn.Module)
    starts: int = 0
    ends: int | None = None
    settings: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def is_active(self, step: int) -> bool:
        """Return whether it is active in the optimizer step with the index `step`."""
        return self.starts <= step and (self.ends is None or step < self.ends)


def function_of(loss: ColorLoss) -> Callable[..., Tensor]:
    """Return the function of a loss, unwrapping a partial; its name appears in logs and tables."""
    return getattr(loss, "func", loss)


class Objective(Protocol):
    """Interface of an objective for the trainer."""

    def players(self, network: nn.Module, space: Space, photos: Photos) -> list[Player]:
        """Build the players of a run in the order in which they act; `photos` is for statistics of the training photos."""
        ...

    def validate(self, inputs: StepInputs) -> Tensor:
        """Return the validation loss of one batch, without gradients."""
        ...

    def with_loss(self, loss: ColorLoss) -> "Objective":
        """Return the objective with another loss between the predicted and the true colors.

        Raises:
            ColorizerError: the objective has no such loss, for example a classification.
        """
        raise ColorizerError(
            f"{type(self).__name__} has no loss between colors that --loss could replace: leave it out."
        )

    def describe(self) -> str:
        """Return its name for a table."""
        return type(self).__name__

    def explain(self) -> str:
        """Return a sentence on the minimized loss, with its numbers."""
        return f"{self.describe()}. {summarize(type(self), vars(self))}"


@dataclass(frozen=True)
class Regression(Objective):
    """Single loss between the network's prediction and the target."""

    loss: ColorLoss

    def players(self, network: nn.Module, space: Space, photos: Photos) -> list[Player]:
        return [Player("network", network, lambda inputs: (self.validate(inputs), {}))]

    def validate(self, inputs: StepInputs) -> Tensor:
        return self.loss(inputs.prediction, inputs.target)

    def with_loss(self, loss: ColorLoss) -> "Regression":
        return Regression(loss)

    def describe(self) -> str:
        return f"{type(self).__name__}: `{function_of(self.loss).__name__}`"

    def explain(self) -> str:
        return summarize(function_of(self.loss), getattr(self.loss, "keywords", {}))


@dataclass(frozen=True)
class WithSceneClass(Objective):
    """MSE + α · cross-entropy of the scene (Iizuka et al. 2016, equation 5), the mean over the photos.

    A photo without a label contributes only the first term, so that the mean doesn't depend on how a batch is split over
    processes. If no photo has a label, the network has no classifier and the second term is dropped.
    """

    alpha: float = 1 / 300
    loss: ColorLoss = losses.mse

    def players(self, network: nn.Module, space: Space, photos: Photos) -> list[Player]:
        def loss(inputs: StepInputs) -> Loss:
            color, scene = self.terms(inputs)
            if inputs.scene_logits is None or inputs.labels is None:
                return color, {}
            # Called on the network itself, not on its wrapper.
            network.learn_scenes(inputs.global_features.detach(), inputs.labels)
            return color + self.alpha * scene, {function_of(self.loss).__name__: color, "scene": scene}

        note = "" if network.scenes else "The photos have no labels: training without the classification term."
        return [Player("network", network, loss, note=note)]

    def terms(self, inputs: StepInputs) -> tuple[Tensor, Tensor]:
        """Return the color loss and the scene's cross-entropy without the factor α, both in float32."""
        color = self.loss(inputs.prediction, inputs.target)
        if inputs.scene_logits is None or inputs.labels is None:
            return color, torch.zeros_like(color)
        return color, losses.class_cross_entropy(inputs.scene_logits, inputs.labels)

    def validate(self, inputs: StepInputs) -> Tensor:
        color, scene = self.terms(inputs)
        return color + self.alpha * scene

    def with_loss(self, loss: ColorLoss) -> "WithSceneClass":
        return replace(self, loss=loss)


@dataclass(frozen=True)
class SoftBins(Objective):
    """Cross-entropy over the bins of the ab plane, with or without class rebalancing (Zhang et al. 2016, section 2.2)."""

    rebalance: bool = True
    uniform: float = 0.5
    prior_sigma: float = 5.0
    num_neighbors: int = 5
    sigma: float = 5.0

    def players(self, network: nn.Module, space: Space, photos: Photos) -> list[Player]:
        saved = nn.Module()
        saved.register_buffer("weights", self.weights(space, photos) if self.rebalance else None)
        return [Player("network", network, lambda inputs: (self.cross_entropy(inputs, saved.weights), {}), saved)]

    def weights(self, space: Space, photos: Photos) -> Tensor:
        """Compute the rebalancing weights (Q,) from the colors of the training photos."""
        centers = bins.bin_centers()
        counts = torch.zeros(len(centers))
        for rgb in photos():
            # Every fourth pixel in each direction, as in training.
            ab = space.split(rgb[..., ::4, ::4])[1].cpu()
            _, index = bins.nearest_bins(ab, centers)
            counts += torch.bincount(index.flatten(), minlength=len(centers))
        return bins.rebalancing_weights(counts, centers, uniform=self.uniform, sigma=self.prior_sigma)

    def cross_entropy(self, inputs: StepInputs, weights: Tensor | None) -> Tensor:
        stride = inputs.target.shape[-1] // inputs.prediction.shape[-1]
        # Subsampled, not averaged: averaging would mix the colors at every edge into ones that are not in the photo.
        ab = inputs.target[..., stride // 2 :: stride, stride // 2 :: stride]
        return losses.soft_bin_cross_entropy(
            inputs.prediction,
            ab,
            device_centers(ab.device),
            weights,
            num_neighbors=self.num_neighbors,
            sigma=self.sigma,
        )

    def validate(self, inputs: StepInputs) -> Tensor:
        return self.cross_entropy(inputs, None)


@dataclass(frozen=True)
class Adversarial(Objective):
    """Conditional GAN + `l1` · L1: Isola et al., CVPR 2017, section 3.1. The discriminator takes (input, output)."""

    l1: float = 100.0
    gan: float = 1.0
    width: float = 1.0
    loss: ColorLoss = losses.l1

    def players(self, network: nn.Module, space: Space, photos: Photos) -> list[Player]:
        module = PatchGan(space.input_channels + space.output_channels, width=self.width)
        # Both losses look up the discriminator when they run, since the run wraps it later.
        discriminator = Player(
            "discriminator", module, lambda inputs: discriminator_loss(discriminator.trained, inputs)
        )
        generator = Player("generator", network, lambda inputs: self.generator_loss(discriminator.trained, inputs))
        return [discriminator, generator]

    def generator_loss(self, discriminator: nn.Module, inputs: StepInputs) -> Loss:
        if isinstance(discriminator, DistributedDataParallel):
            # The wrapper would make DDP wait for gradients of weights that are frozen here.
            discriminator = discriminator.module
        discriminator.requires_grad_(False)
        try:
            gan = losses.adversarial(discriminator(torch.cat((inputs.source, inputs.prediction), 1)), True)
        finally:
            discriminator.requires_grad_(True)
        color = self.loss(inputs.prediction, inputs.target)
        return self.gan * gan + self.l1 * color, {"gan": gan, function_of(self.loss).__name__: color}

    def validate(self, inputs: StepInputs) -> Tensor:
        """Return L1 alone: a discriminator's output at one step can't be compared with its output at another."""
        return self.loss(inputs.prediction, inputs.target)

    def with_loss(self, loss: ColorLoss) -> "Adversarial":
        return replace(self, loss=loss)


def discriminator_loss(discriminator: nn.Module, inputs: StepInputs) -> Loss:
    real = losses.adversarial(discriminator(torch.cat((inputs.source, inputs.target), 1)), True)
    fake = losses.adversarial(discriminator(torch.cat((inputs.source, inputs.prediction.detach()), 1)), False)
    return (real + fake) / 2, {"real": real, "fake": fake}


@dataclass(frozen=True)
class Stage:
    """Stage of a run: an objective for `num_steps` optimizer steps; in the last stage, for all that remain.

    settings: run arguments that differ in this stage, such as `learning_rate`.
    """

    objective: Objective
    num_steps: int | None = None
    settings: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Staged(Objective):
    """Objectives one after the other, each with its own players; a stage of zero steps is skipped."""

    stages: tuple[Stage, ...]

    def players(self, network: nn.Module, space: Space, photos: Photos) -> list[Player]:
        players: list[Player] = []
        start = 0
        for stage in self.stages:
            if stage.num_steps == 0:
                continue
            end = None if stage.num_steps is None else start + stage.num_steps
            members = stage.objective.players(network, space, photos)
            for player in members:
                player.starts, player.ends, player.settings = start, end, stage.settings
            members[-1].note = stage.note
            players += members
            start = end
        return players

    def validate(self, inputs: StepInputs) -> Tensor:
        """Return the last stage's loss in all stages, so that one curve covers the whole run."""
        return self.stages[-1].objective.validate(inputs)

    def with_loss(self, loss: ColorLoss) -> "Staged":
        return Staged(tuple(replace(stage, objective=stage.objective.with_loss(loss)) for stage in self.stages))

    def describe(self) -> str:
        return ", then ".join(stage.objective.describe() for stage in self.stages)

    def explain(self) -> str:
        return " Then: ".join(stage.objective.explain() for stage in self.stages)
