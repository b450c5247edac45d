"""Pipelines and their options, as given on the command line."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from colorizer.hub.loading import model_digest
from colorizer.hub.model_names import model_names
from colorizer.photos.marks import digest
from colorizer.pipelines.image_colorization import ColorizationPipeline, pipeline
from colorizer.pipelines.options import check_options, parse_options, sort_options


def load_pipelines(models: Sequence[str], device: str | None) -> dict[str, ColorizationPipeline]:
    """Load the pipelines of models, by the models' names.

    Raises:
        CheckpointError, HubError: a model can't be loaded.
        ColorizerError: the device doesn't exist.
    """
    return {name: pipeline(model, device=device) for name, model in zip(model_names(models), models, strict=True)}


def given_options(
    arguments: argparse.Namespace, pipelines: Mapping[str, ColorizationPipeline]
) -> dict[str, float | str]:
    """Return the pipeline options that were given.

    Raises:
        ColorizerError: none of the models takes one of them, or one has a value out of its range.
    """
    given = {name: getattr(arguments, name) for name in ("resolution", "saturation", "temperature", "scene")}
    given = {name: value for name, value in given.items() if value is not None}
    models = {name: colorize.model for name, colorize in pipelines.items()}
    options = given | parse_options(arguments.option or (), models.values())
    check_options(models, options)
    return options


def given_hints_and_seed(
    arguments: argparse.Namespace, pipelines: Mapping[str, ColorizationPipeline]
) -> dict[str, Any]:
    """Return the hints, the number of colorings and their seed. Every model must take them, unlike the other options.

    Raises:
        ColorizerError: a model doesn't take one of them.
    """
    given = {"hints": arguments.hint, "num_images": arguments.num_images, "seed": arguments.seed}
    given = {name: value for name, value in given.items() if value is not None}
    for colorize in pipelines.values():
        sort_options(colorize.model, **given)
    return given


def settings_digest(colorize: ColorizationPipeline, given: Mapping[str, Any], **saving: Any) -> str:
    """Return a digest of everything besides the photo that determines a result: the model, and all options as they apply."""
    defaults = {name: option.default for name, option in colorize.model.options.items()}
    defaults |= {"resolution": colorize.model.config.resolution, "saturation": 1.0}
    for options in colorize.call_options(**given):
        defaults |= options
    # The first of several colorings are the same for any number.
    if defaults.pop("num_images", 1) > 1:
        defaults.setdefault("seed", 0)
    defaults.pop("as_list", None)
    return digest([colorize.name, model_digest(colorize.model), defaults, saving])
