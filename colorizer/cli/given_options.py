"""From what is named on the command line to pipelines and their options."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from colorizer.hub.model_names import model_names
from colorizer.pipelines.image_colorization import ColorizationPipeline, pipeline
from colorizer.pipelines.options import check_options, sort_options


def load_pipelines(models: Sequence[str], device: str | None) -> dict[str, ColorizationPipeline]:
    """The pipelines by the names of their models.

    Raises CheckpointError, HubError, or ColorizerError for a device that is not there.
    """
    return {name: pipeline(model, device=device) for name, model in zip(model_names(models), models, strict=True)}


def given_options(
    arguments: argparse.Namespace, pipelines: Mapping[str, ColorizationPipeline]
) -> dict[str, float | str]:
    """The options of the pipeline that the command line gives; ColorizerError for one that no model takes."""
    options = {name: getattr(arguments, name) for name in ("resolution", "saturation", "temperature", "scene")}
    options = {name: value for name, value in options.items() if value is not None}
    check_options({name: colorize.model for name, colorize in pipelines.items()}, options)
    return options


def given_wishes(arguments: argparse.Namespace, pipelines: Mapping[str, ColorizationPipeline]) -> dict[str, Any]:
    """Hints, and how many answers by which seed: what each model must take, since without it the result is another.

    Raises ColorizerError for a model that does not.
    """
    wishes = {"hints": arguments.hint, "num_images": arguments.num_images, "seed": arguments.seed}
    wishes = {name: value for name, value in wishes.items() if value is not None}
    for colorize in pipelines.values():
        sort_options(colorize.model, **wishes)
    return wishes
