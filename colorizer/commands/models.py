"""From what is named on the command line to pipelines and their options."""

import argparse
from collections.abc import Mapping, Sequence

import torch

from colorizer.errors import ColorizerError
from colorizer.evaluation.comparison import check_options
from colorizer.evaluation.names import model_names
from colorizer.pipelines import ColorizationPipeline, pipeline


def load_pipelines(models: Sequence[str], device: str | None) -> dict[str, ColorizationPipeline]:
    """The pipelines by the names of their models.

    Raises CheckpointError, HubError, or ColorizerError for a device that is not there.
    """
    checked = check_device(device)
    return {name: pipeline(model, device=checked) for name, model in zip(model_names(models), models, strict=True)}


def check_device(device: str | None) -> torch.device | None:
    """The device as torch knows it; ColorizerError if this machine does not have it."""
    if device is None:
        return None
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ColorizerError(
            f"--device {device} can't be used here ({str(error).splitlines()[0]}): try cpu."
        ) from error
    return torch.device(device)


def given_options(arguments: argparse.Namespace, pipelines: Mapping[str, ColorizationPipeline]) -> dict[str, float]:
    """The options of the pipeline that the command line gives; ColorizerError for one that no model takes."""
    options = {name: getattr(arguments, name) for name in ("resolution", "saturation", "temperature")}
    options = {name: value for name, value in options.items() if value is not None}
    check_options({name: colorize.model for name, colorize in pipelines.items()}, options)
    return options
