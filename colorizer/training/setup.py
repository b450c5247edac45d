"""What a run is built of: the network it starts from, optimizers, schedules, averaged weights."""

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import get_scheduler

from colorizer.approaches import create_model
from colorizer.errors import ColorizerError
from colorizer.loading import load_model
from colorizer.modeling import ColorizerModel, own_fields
from colorizer.training.arguments import TrainingArguments

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "rmsprop": torch.optim.RMSprop}


def make_network(arguments: TrainingArguments) -> ColorizerModel:
    """The network asked for, with random weights or those of `pretrained_model_name_or_path`.

    Raises:
        ColorizerError: the checkpoint is of another approach or of another width.
    """
    network = create_model(arguments.approach, **arguments.model_fields)
    name = arguments.pretrained_model_name_or_path
    if not name:
        return network
    pretrained = load_model(name)
    if pretrained.approach != arguments.approach:
        raise ColorizerError(f"{name} is a checkpoint of {pretrained.approach}, not of {arguments.approach}.")
    try:
        network.load_state_dict(pretrained.state_dict())
    except RuntimeError as error:
        fields = {field: getattr(pretrained.config, field) for field in own_fields(type(pretrained.config))}
        raise ColorizerError(f"{name} has other shapes than the network asked for. Its fields are {fields}.") from error
    return network


def make_optimizer(module: nn.Module, arguments: TrainingArguments) -> torch.optim.Optimizer:
    """The optimizer asked for, over the module's trainable weights.

    Raises:
        ColorizerError: there is no such optimizer.
    """
    if arguments.optimizer not in OPTIMIZERS:
        raise ColorizerError(f"--optimizer must be one of {', '.join(OPTIMIZERS)}, not {arguments.optimizer}.")
    options = {"betas": (arguments.adam_beta1, arguments.adam_beta2)} if arguments.optimizer != "rmsprop" else {}
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    return OPTIMIZERS[arguments.optimizer](
        weights, lr=arguments.learning_rate, weight_decay=arguments.adam_weight_decay, **options
    )


def make_scheduler(
    optimizer: torch.optim.Optimizer, arguments: TrainingArguments, num_steps: int
) -> LRScheduler | ReduceLROnPlateau:
    """The schedule asked for: "plateau", or one of transformers'.

    Raises:
        ColorizerError: there is no such schedule.
    """
    if arguments.lr_scheduler == "plateau":
        return ReduceLROnPlateau(optimizer, factor=arguments.plateau_factor, patience=arguments.plateau_patience)
    try:
        return get_scheduler(arguments.lr_scheduler, optimizer, arguments.lr_warmup_steps, num_steps)
    except ValueError as error:
        raise ColorizerError(f"--lr_scheduler {arguments.lr_scheduler}: {error}, or plateau.") from error


def make_ema(network: nn.Module, decay: float) -> AveragedModel:
    """Averaged weights, whose decay rises to `decay` so that a short run is not held back by its random start."""

    def average(averaged: list[Tensor], current: list[Tensor], num_averaged: Tensor) -> None:
        count = int(num_averaged)
        get_ema_multi_avg_fn(min(decay, (1 + count) / (10 + count)))(averaged, current, num_averaged)

    return AveragedModel(network, multi_avg_fn=average, use_buffers=True).requires_grad_(False)
