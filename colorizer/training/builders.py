"""What a run is built of: processes and devices, the network it starts from, optimizers, schedules, averaged weights."""

from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, ProjectConfiguration
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import get_scheduler

from colorizer.approaches import create_model, get_model_class
from colorizer.approaches.base.configuration import own_fields
from colorizer.approaches.base.losses import LOSSES
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Objective
from colorizer.errors import ColorizerError
from colorizer.hub.loading import fill_pretrained_parts, load_model
from colorizer.training.arguments import TrainingArguments

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta,
}


def make_accelerator(arguments: TrainingArguments) -> Accelerator:
    """Build the accelerator of a run: devices, processes, accumulated gradients, trackers."""
    trackers = [name for name in arguments.report_to.split(",") if name and name != "none"]
    logs = str(Path(arguments.output_dir) / "logs")
    return Accelerator(
        cpu=arguments.cpu or not torch.accelerator.is_available(),
        gradient_accumulation_steps=arguments.gradient_accumulation_steps,
        log_with=trackers or None,
        project_config=ProjectConfiguration(project_dir=arguments.output_dir, logging_dir=logs),
        # A discriminator sees real and fake before one backward; broadcasting batch norm's statistics in between would
        # overwrite what the first pass needs.
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
    )


def photo_sizes(arguments: TrainingArguments) -> tuple[int, int, int]:
    """Sides of the photos that are kept, of the crops of them that are learned from, and of the photos to validate on, known
    before the network is built.

    Raises:
        ColorizerError: a field of the configuration has a value that it can't have, the network learns at one size only, or
            photos would be kept smaller than what is learned from.
    """
    model_class = get_model_class(arguments.approach)
    resolution = model_class.config_class(**arguments.model_fields).resolution
    learned = arguments.train_resolution or resolution
    if model_class.is_fixed_size and learned != resolution:
        raise ColorizerError(
            f"{arguments.approach} works at one size alone: leave out --train_resolution {learned}, or give --resolution."
        )
    # Crops of a share of the photo need room; with the smallest they are enlarged a little, which saves memory.
    room = round(learned / max(arguments.min_scale, 0.8)) if arguments.min_scale < 1 else learned
    stored = arguments.stored_resolution or room
    if stored < learned:
        raise ColorizerError(f"--stored_resolution {stored} is less than the {learned} pixels that are learned from.")
    return stored, learned, resolution


def check_loss(arguments: TrainingArguments) -> None:
    """Refuse a `--loss` that the approach's objective can't take, before any photo is decoded.

    Raises:
        ColorizerError: it names the objective.
    """
    if not arguments.loss:
        return
    model_class = get_model_class(arguments.approach)
    with torch.device("meta"):
        make_objective(model_class(model_class.config_class(**arguments.model_fields)), arguments)


def make_objective(network: ColorizerModel, arguments: TrainingArguments) -> Objective:
    """Return the approach's objective, with the loss that the run chooses."""
    return network.objective.with_loss(LOSSES[arguments.loss]) if arguments.loss else network.objective


def make_network(arguments: TrainingArguments, classes: list[str], say: Callable[[str], None]) -> ColorizerModel:
    """The network asked for, with the weights of `pretrained_model_name_or_path`, or those that the approach begins from.

    A checkpoint that takes no hints may start a network that does.

    `classes` are the names of the dataset's labels; `say` hears of parts that stay at random since there is no Hub.

    Raises:
        ColorizerError: the checkpoint is of another approach or of another width.
    """
    following = get_model_class(arguments.approach).fields_for(classes)
    network = create_model(arguments.approach, **(arguments.model_fields | following))
    name = arguments.pretrained_model_name_or_path
    if not name:
        for message in fill_pretrained_parts(network, token=arguments.hub_token):
            say(message)
        return network
    pretrained = load_model(name)
    if pretrained.approach != arguments.approach:
        raise ColorizerError(f"{name} is a checkpoint of {pretrained.approach}, not of {arguments.approach}.")
    if differing := [field for field in following if getattr(pretrained.config, field) != following[field]]:
        # Equal in number, they would fit without a word.
        names = "; ".join(f"{field} {getattr(pretrained.config, field)}, not {following[field]}" for field in differing)
        raise ColorizerError(f"{name} was trained with other labels than the dataset has: {names}.")
    tensors = pretrained.state_dict()
    if network.takes_hints and not pretrained.takes_hints:
        # What takes the hints starts at zero, as in a network that has not learnt to use them.
        tensors |= {name: tensor for name, tensor in network.state_dict().items() if name.startswith("hints.")}
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        fields = {field: getattr(pretrained.config, field) for field in own_fields(type(pretrained.config))}
        raise ColorizerError(f"{name} has other shapes than the network asked for. Its fields are {fields}.") from error
    if not pretrained.left_out_parts:
        network.keep_parts()
    return network


def make_optimizer(module: nn.Module, arguments: TrainingArguments) -> torch.optim.Optimizer:
    """The optimizer asked for, over the module's trainable weights; those of its pretrained parts at a rate of their own.

    Raises:
        ColorizerError: there is no such optimizer.
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
        if not averaged[0].is_floating_point():
            # The mean of two counts, cut to a whole number, would count down.
            torch._foreach_copy_(averaged, current)
            return
        count = int(num_averaged)
        get_ema_multi_avg_fn(min(decay, (1 + count) / (10 + count)))(averaged, current, num_averaged)

    return AveragedModel(network, multi_avg_fn=average, use_buffers=True).requires_grad_(False)
