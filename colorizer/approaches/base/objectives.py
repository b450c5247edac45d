"""Objectives: what an approach is trained for.

An objective is a frozen description; `players` makes of it, for one run, the list of those who take turns in a step. A
player has a module whose weights it trains and a loss. A regression has one player; an adversarial objective two, the
discriminator built for that run. The training loop knows players, nothing else.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from colorizer.approaches.base import losses
from colorizer.approaches.base.spaces import Space
from colorizer.approaches.blocks.patchgan import PatchGan
from colorizer.photos import bins


@dataclass
class Turn:
    """What the players of one step share."""

    source: Tensor  # (B, C, H, W), what the network saw
    prediction: Tensor  # the network's raw output, with its gradient
    target: Tensor  # (B, C, H, W) in the space's scale
    labels: Tensor | None = None  # (B,), each photo's class by its number, -1 where it has none
    scene_logits: Tensor | None = None  # (B, num_scenes) where the network classifies the scene
    global_features: Tensor | None = None  # (B, C), what it says of the photo as a whole


class Player(nn.Module):
    """One who trains a module. Its other tensors (weights of the bins, say) are saved for resuming, never published.

    The module is not registered as a part of the player: the trainer saves it, and twice would be once too often. Several
    players may train one module, each with an optimizer of its own.

    Attributes:
        starts, ends: the optimizer steps starts … ends - 1 in which it plays; to the end of the run if `ends` is None.
        settings: arguments of the run that are others for this player, such as `learning_rate`.
        note: what the log says when it begins.
    """

    def __init__(self, name: str, module: nn.Module):
        super().__init__()
        self.name = name
        self._wrapped = [module]
        self.starts = 0
        self.ends: int | None = None
        self.settings: dict[str, float] = {}
        self.note = ""

    def plays(self, step: int) -> bool:
        """Whether it takes a turn in the optimizer step that follows `step` others."""
        return self.starts <= step and (self.ends is None or step < self.ends)

    @property
    def trained(self) -> nn.Module:
        """The module whose weights this player trains."""
        return self._wrapped[0]

    def train_through(self, module: nn.Module) -> None:
        """Use this wrapper (DDP, say) of the module from now on.

        A method, not a property's setter: nn.Module would register a module that is assigned, and never call the setter.
        """
        self._wrapped[0] = module

    def loss(self, turn: Turn) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss to descend, and its parts by name for the log."""
        raise TypeError(f"{type(self).__name__} has no loss: a player defines it")


class Objective(Protocol):
    """What the trainer asks of an objective."""

    def players(self, network: nn.Module, space: Space, photos: Callable[[], Iterable[Tensor]]) -> list[Player]:
        """Those who take turns, in order. `photos()` walks over training photos, sRGB in 0…1, (B, 3, H, W)."""
        ...

    def validate(self, turn: Turn) -> Tensor:
        """The validation loss of one batch, without gradients."""
        ...


@dataclass(frozen=True)
class Regression:
    """The network descends one loss between its prediction and the target."""

    loss: Callable[[Tensor, Tensor], Tensor]

    def players(self, network: nn.Module, space: Space, photos: Callable[[], Iterable[Tensor]]) -> list[Player]:
        return [_Regressor(network, self)]

    def validate(self, turn: Turn) -> Tensor:
        return self.loss(turn.prediction, turn.target)


class _Regressor(Player):
    def __init__(self, network: nn.Module, objective: Regression):
        super().__init__("network", network)
        self.objective = objective

    def loss(self, turn: Turn) -> tuple[Tensor, dict[str, Tensor]]:
        return self.objective.validate(turn), {}


@dataclass(frozen=True)
class WithSceneClass:
    """MSE + α · cross-entropy of the scene (Iizuka et al. 2016, equation 5), the mean over the photos.

    A photo without a label has the first term alone, so that the mean is the same however a batch is shared out over
    processes. Where no photo has one, the network has no classifier and the second term drops out.
    """

    alpha: float = 1 / 300

    def players(self, network: nn.Module, space: Space, photos: Callable[[], Iterable[Tensor]]) -> list[Player]:
        player = _SceneLearner(network, self)
        if not network.scenes:
            player.note = "The photos have no labels: training without the classification term."
        return [player]

    def terms(self, turn: Turn) -> tuple[Tensor, Tensor]:
        """MSE and cross-entropy, α left out, both in float32."""
        mse = losses.mse(turn.prediction, turn.target)
        if turn.scene_logits is None or turn.labels is None:
            return mse, torch.zeros_like(mse)
        return mse, losses.class_cross_entropy(turn.scene_logits, turn.labels)

    def validate(self, turn: Turn) -> Tensor:
        mse, scene = self.terms(turn)
        return mse + self.alpha * scene


class _SceneLearner(Player):
    def __init__(self, network: nn.Module, objective: WithSceneClass):
        super().__init__("network", network)
        self.objective = objective
        # Itself, whatever wraps it later: it learns here what its scenes have in common.
        self._network = [network]

    def loss(self, turn: Turn) -> tuple[Tensor, dict[str, Tensor]]:
        mse, scene = self.objective.terms(turn)
        if turn.scene_logits is None or turn.labels is None:
            return mse, {}
        self._network[0].learn_scenes(turn.global_features.detach(), turn.labels)
        return mse + self.objective.alpha * scene, {"mse": mse, "scene": scene}


@dataclass(frozen=True)
class SoftBins:
    """Cross-entropy over the bins of the ab plane, with class rebalancing or without (Zhang et al. 2016, section 2.2)."""

    rebalance: bool = True
    uniform: float = 0.5
    prior_sigma: float = 5.0
    num_neighbors: int = 5
    sigma: float = 5.0

    def players(self, network: nn.Module, space: Space, photos: Callable[[], Iterable[Tensor]]) -> list[Player]:
        return [_BinClassifier(network, self, self.weights(space, photos) if self.rebalance else None)]

    def weights(self, space: Space, photos: Callable[[], Iterable[Tensor]]) -> Tensor:
        """The rebalancing weights (Q,) of the photos' own colors."""
        centers = bins.bin_centers()
        counts = torch.zeros(len(centers))
        for rgb in photos():
            # Every fourth pixel each way, as the network is trained on them.
            ab = space.split(rgb[..., ::4, ::4])[1].cpu()
            _, index = bins.nearest_bins(ab, centers)
            counts += torch.bincount(index.flatten(), minlength=len(centers))
        return bins.rebalancing_weights(counts, centers, uniform=self.uniform, sigma=self.prior_sigma)

    def cross_entropy(self, turn: Turn, weights: Tensor | None) -> Tensor:
        stride = turn.target.shape[-1] // turn.prediction.shape[-1]
        # Subsampled, not averaged: averaging mixes the colors at every edge into ones that are not in the photo.
        ab = turn.target[..., stride // 2 :: stride, stride // 2 :: stride]
        centers = bins.bin_centers().to(ab.device)
        return losses.soft_bin_cross_entropy(
            turn.prediction, ab, centers, weights, num_neighbors=self.num_neighbors, sigma=self.sigma
        )

    def validate(self, turn: Turn) -> Tensor:
        return self.cross_entropy(turn, None)


class _BinClassifier(Player):
    def __init__(self, network: nn.Module, objective: SoftBins, weights: Tensor | None):
        super().__init__("network", network)
        self.objective = objective
        self.register_buffer("weights", weights)

    def loss(self, turn: Turn) -> tuple[Tensor, dict[str, Tensor]]:
        return self.objective.cross_entropy(turn, self.weights), {}


@dataclass(frozen=True)
class Adversarial:
    """Conditional GAN + `l1` · L1: Isola et al., CVPR 2017, section 3.1. The discriminator sees (input, output)."""

    l1: float = 100.0
    gan: float = 1.0
    width: float = 1.0

    def players(self, network: nn.Module, space: Space, photos: Callable[[], Iterable[Tensor]]) -> list[Player]:
        discriminator = PatchGan(space.input_channels + space.output_channels, width=self.width)
        critic = _Critic(discriminator)
        return [critic, _Generator(network, self, critic)]

    def validate(self, turn: Turn) -> Tensor:
        """L1 alone: a discriminator's opinion of one step can't be compared with its opinion of another."""
        return losses.l1(turn.prediction, turn.target)


class _Critic(Player):
    def __init__(self, discriminator: nn.Module):
        super().__init__("discriminator", discriminator)

    def loss(self, turn: Turn) -> tuple[Tensor, dict[str, Tensor]]:
        real = losses.adversarial(self.trained(torch.cat((turn.source, turn.target), 1)), True)
        fake = losses.adversarial(self.trained(torch.cat((turn.source, turn.prediction.detach()), 1)), False)
        return (real + fake) / 2, {"real": real, "fake": fake}


class _Generator(Player):
    def __init__(self, network: nn.Module, objective: Adversarial, critic: _Critic):
        super().__init__("generator", network)
        self.objective = objective
        self._critic = [critic]

    def loss(self, turn: Turn) -> tuple[Tensor, dict[str, Tensor]]:
        discriminator = self._critic[0].trained
        if isinstance(discriminator, DistributedDataParallel):
            # Through the wrapper, DDP would wait for gradients of weights that are frozen here.
            discriminator = discriminator.module
        discriminator.requires_grad_(False)
        try:
            gan = losses.adversarial(discriminator(torch.cat((turn.source, turn.prediction), 1)), True)
        finally:
            discriminator.requires_grad_(True)
        l1 = losses.l1(turn.prediction, turn.target)
        return self.objective.gan * gan + self.objective.l1 * l1, {"gan": gan, "l1": l1}


@dataclass(frozen=True)
class Stage:
    """A part of a run: an objective for `num_steps` optimizer steps, in the last stage for all that remain.

    settings: arguments of the run that are others in this stage, such as `learning_rate`.
    """

    objective: Objective
    num_steps: int | None = None
    settings: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Staged:
    """Objectives one after the other, each with players of its own; a stage of no steps is left out."""

    stages: tuple[Stage, ...]

    def players(self, network: nn.Module, space: Space, photos: Callable[[], Iterable[Tensor]]) -> list[Player]:
        players: list[Player] = []
        start = 0
        for stage in self.stages:
            if stage.num_steps == 0:
                continue
            end = None if stage.num_steps is None else start + stage.num_steps
            members = stage.objective.players(network, space, photos)
            for player in members:
                player.starts, player.ends, player.settings = start, end, dict(stage.settings)
            members[-1].note = stage.note
            players += members
            start = end
        return players

    def validate(self, turn: Turn) -> Tensor:
        """The last stage's loss throughout, so that one curve shows the whole run."""
        return self.stages[-1].objective.validate(turn)
