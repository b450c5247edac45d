"""Builders of a run's components: accelerator, initial network, objective, optimizers, schedules and EMA."""

from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.tracking import get_available_trackers
from accelerate.utils import DistributedDataParallelKwargs, LoggerType, ProjectConfiguration
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import get_scheduler

from colorizer.approaches import create_model, get_model_class
from colorizer.approaches.base.configuration import own_fields
from colorizer.approaches.base.losses import LOSSES
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Objective
from colorizer.errors import ColorizerError, quote
from colorizer.hub.loading import fill_pretrained_parts, load_model
from colorizer.training.arguments import TrainingArguments

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta,
}


def make_accelerator(arguments: TrainingArguments) -> Accelerator:
    """Build the accelerator of a run: devices, processes, gradient accumulation and trackers.

    Raises:
        ColorizerError: a tracker is unknown or not installed, which accelerate would leave out in silence; or the device can't
            compute in the given precision.
    """
    trackers = [name for name in map(str.strip, arguments.report_to.split(",")) if name and name != "none"]
    available = [str(tracker) for tracker in get_available_trackers()]
    if missing := [name for name in trackers if name not in ("all", *available)]:
        is_known = all(name in LoggerType.list() for name in missing)
        advice = "install it" if is_known else f"known are {', '.join(LoggerType.list())}"
        raise ColorizerError(
            f"--report_to {', '.join(map(quote, missing))}: no such tracker here; {advice}, or choose among those that are "
            f"installed: {', '.join(available) or 'none'}."
        )
    logs = str(Path(arguments.output_dir) / "logs")
    # An earlier run of this process may have had another precision.
    AcceleratorState._reset_state()
    try:
        return Accelerator(
            cpu=arguments.cpu or not torch.accelerator.is_available(),
            mixed_precision=arguments.mixed_precision,
            gradient_accumulation_steps=arguments.gradient_accumulation_steps,
            log_with=trackers or None,
            project_config=ProjectConfiguration(project_dir=arguments.output_dir, logging_dir=logs),
            # A discriminator runs on real and fake before one backward. Broadcasting batch norm's statistics in between
            # would overwrite tensors that this backward needs.
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
        )
    except ValueError as error:
        raise ColorizerError(f"This precision can't be had here: {error}") from error


def photo_sizes(arguments: TrainingArguments) -> tuple[int, int, int]:
    """Return the sides, in pixels, of the stored photos, the training crops and the validation photos.

    They are known before the network is built.

    Raises:
        ColorizerError: a field of the configuration is invalid, the network works at one size only, or the stored photos
            would be smaller than the training crops.
    """
    model_class = get_model_class(arguments.approach)
    resolution = model_class.config_class.create(**arguments.model_fields).resolution
    crop_size = arguments.train_resolution or resolution
    if model_class.is_fixed_size and crop_size != resolution:
        raise ColorizerError(
            f"{arguments.approach} works at one size only: omit --train_resolution {crop_size} or set --resolution."
        )
    # Photos are stored large enough for crops of 0.8 of their side. Smaller crops are upsampled, which saves memory.
    enough_for_crops = round(crop_size / max(arguments.min_scale, 0.8)) if arguments.min_scale < 1 else crop_size
    stored = arguments.stored_resolution or enough_for_crops
    if stored < crop_size:
        raise ColorizerError(f"--stored_resolution {stored} is smaller than the training crops of {crop_size} pixels.")
    return stored, crop_size, resolution


def check_loss(arguments: TrainingArguments) -> None:
    """Check that the approach's objective supports `--loss`, before any photo is decoded.

    Raises:
        ColorizerError: it doesn't; the message names the objective.
    """
    if not arguments.loss:
        return
    model_class = get_model_class(arguments.approach)
    with torch.device("meta"):
        make_objective(model_class(model_class.config_class.create(**arguments.model_fields)), arguments)


def make_objective(network: ColorizerModel, arguments: TrainingArguments) -> Objective:
    """Return the approach's objective, with the loss of `--loss` if one is given."""
    return network.objective.with_loss(LOSSES[arguments.loss]) if arguments.loss else network.objective


def make_network(arguments: TrainingArguments, classes: list[str], say: Callable[[str], None]) -> ColorizerModel:
    """Build the network, with the weights of `pretrained_model_name_or_path` or else the approach's initial weights.

    A checkpoint without hints may initialize a network with hints, and one that predicts ab a network that predicts a
    distribution: the new layers start as those of a new network.

    Args:
        arguments: settings of the run.
        classes: names of the dataset's labels.
        say: logs a message; called for pretrained parts that stay random because the Hub can't be reached.

    Raises:
        ColorizerError: the checkpoint has another approach, other labels or other shapes.
    """
    label_fields = get_model_class(arguments.approach).fields_for(classes)
    network = create_model(arguments.approach, **(arguments.model_fields | label_fields))
    name = arguments.pretrained_model_name_or_path
    if not name:
        for message in fill_pretrained_parts(network, token=arguments.hub_token):
            say(message)
        return network
    pretrained = load_model(name)
    if pretrained.approach != arguments.approach:
        raise ColorizerError(f"{name} is a checkpoint of {pretrained.approach}, not of {arguments.approach}.")
    if differing := [field for field in label_fields if getattr(pretrained.config, field) != label_fields[field]]:
        # With the same number of labels, the weights would load without an error.
        names = "; ".join(
            f"{field} {getattr(pretrained.config, field)}, not {label_fields[field]}" for field in differing
        )
        raise ColorizerError(f"{name} was trained with labels that differ from the dataset's: {names}.")
    tensors, initial = pretrained.state_dict(), network.state_dict()
    if network.takes_hints and not pretrained.takes_hints:
        # Hint layers start at zero, as in a network that has not learned to use hints.
        tensors |= {name: tensor for name, tensor in initial.items() if name.startswith("hints.")}
    if (old := pretrained.space.output_channels) != (new := network.space.output_channels):
        both = tensors.keys() & initial.keys()
        outputs = {name for name in both if tensors[name].shape[:1] == (old,) and initial[name].shape[:1] == (new,)}
        tensors |= {name: initial[name] for name in outputs}
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        fields = {field: getattr(pretrained.config, field) for field in own_fields(type(pretrained.config))}
        raise ColorizerError(f"{name} has other shapes than the network to train. Its fields are {fields}.") from error
    if not pretrained.left_out_parts:
        network.keep_parts()
    return network


def make_optimizer(module: nn.Module, arguments: TrainingArguments) -> torch.optim.Optimizer:
    """Build the optimizer of the module's trainable weights. Its pretrained parts have a learning rate of their own.

    Raises:
        ColorizerError: the optimizer is unknown.
    """
    if arguments.optimizer not in OPTIMIZERS:
        raise ColorizerError(f"--optimizer must be one of {', '.join(OPTIMIZERS)}, not {arguments.optimizer}.")
    options = {"betas": (arguments.adam_beta1, arguments.adam_beta2)} if arguments.optimizer.startswith("adam") else {}
    parts = module.pretrained_parts if isinstance(module, ColorizerModel) and arguments.pretrained_rate != 1 else []
    pretrained = {id(weight) for part in parts for weight in part.module.parameters()}
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if id(weight) not in pretrained]},
        {
            "params": [weight for weight in weights if id(weight) in pretrained],
            "lr": arguments.learning_rate * arguments.pretrained_rate,
        },
    ]
    return OPTIMIZERS[arguments.optimizer](
        [group for group in groups if group["params"]],
        lr=arguments.learning_rate,
        weight_decay=arguments.adam_weight_decay,
        **options,
    )


def make_scheduler(
    optimizer: torch.optim.Optimizer, arguments: TrainingArguments, num_steps: int
) -> LRScheduler | ReduceLROnPlateau:
    """Build the learning-rate schedule: "plateau" or one of transformers' schedules.

    Raises:
        ColorizerError: the schedule is unknown.
    """
    if arguments.lr_scheduler == "plateau":
        return ReduceLROnPlateau(optimizer, factor=arguments.plateau_factor, patience=arguments.plateau_patience)
    try:
        return get_scheduler(arguments.lr_scheduler, optimizer, arguments.lr_warmup_steps, num_steps)
    except ValueError as error:
        raise ColorizerError(f"--lr_scheduler {arguments.lr_scheduler}: {error}, or plateau.") from error


def make_ema(network: nn.Module, decay: float) -> AveragedModel:
    """Build the EMA of the network. Its decay rises to `decay`, so that random initial weights don't dominate a short run."""

    def average(averaged: list[Tensor], current: list[Tensor], num_averaged: Tensor) -> None:
        if not averaged[0].is_floating_point():
            # Averaging integers truncates, so that counters would decrease.
            torch._foreach_copy_(averaged, current)
            return
        count = int(num_averaged)
        get_ema_multi_avg_fn(min(decay, (1 + count) / (10 + count)))(averaged, current, num_averaged)

    return AveragedModel(network, multi_avg_fn=average, use_buffers=True).requires_grad_(False)
