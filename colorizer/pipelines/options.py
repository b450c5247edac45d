"""Validation of a pipeline call's options, before any photo is read."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from colorizer.approaches import get_model_class, list_approaches
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.errors import ColorizerError, check_count, check_number, quote
from colorizer.photos.merging import MAX_SATURATION
from colorizer.pipelines.hint_propagation import MAX_REACH, MIN_REACH
from colorizer.pipelines.hints import checked_hints

MAX_RESOLUTION = 4096
MAX_ASPECT = 8.0
MAX_IMAGES = 100


def sort_options(
    model: ColorizerModel,
    *,
    resolution: int | None = None,
    saturation: float | None = None,
    return_dict: bool | None = None,
    hints: list | None = None,
    hint_reach: float | None = None,
    num_images: int | None = None,
    seed: int | None = None,
    keep_color: bool | None = None,
    **options: float | str | None,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Validate the options of a call, and sort them by the pipeline's steps: preprocess, forward and postprocess.

    Raises:
        ColorizerError: the model doesn't have an option, or a value is invalid.
    """
    model.check_options(options)
    preparing, coloring, finishing = {}, dict(options), {}
    if resolution is not None:
        preparing["resolution"] = _checked_resolution(model, resolution)
    if hints is not None:
        preparing["hints"] = checked_hints(hints)
    if keep_color is not None:
        preparing["keep_color"] = bool(keep_color)
    if hint_reach is not None:
        if hint_reach != 0:
            hint_reach = check_number("hint_reach, if not 0,", hint_reach, MIN_REACH, MAX_REACH)
        preparing["hint_reach"] = finishing["hint_reach"] = hint_reach
    if num_images is not None:
        check_count("num_images", num_images, MAX_IMAGES)
        coloring["num_images"] = num_images
        finishing["as_list"] = num_images > 1
    if seed is not None:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
            raise ColorizerError(f"seed must be a whole number from 0 to 2^63 - 1, got {quote(seed)}.")
        coloring["seed"] = int(seed)
    if seed is not None or (num_images or 1) > 1:
        _check_has_distribution(model)
    if saturation is not None:
        finishing["saturation"] = check_number("saturation", saturation, 0.0, MAX_SATURATION)
    if return_dict is not None:
        coloring["has_details"] = finishing["return_dict"] = bool(return_dict)
    return preparing, coloring, finishing


def _check_has_distribution(model: ColorizerModel) -> None:
    if not model.space.has_distribution:
        able = [name for name in list_approaches() if get_model_class(name).space.has_distribution]
        raise ColorizerError(
            f"{model.approach} predicts one coloring per photo and takes no num_images or seed. Approaches with a "
            f"distribution to draw from: {', '.join(able)}."
        )


def _checked_resolution(model: ColorizerModel, resolution: int) -> int:
    check_count("resolution", resolution, high=MAX_RESOLUTION)
    if model.is_fixed_size and resolution != model.config.resolution:
        raise ColorizerError(f"{model.approach} only works at resolution {model.config.resolution}, not {resolution}.")
    return int(resolution)


def working_size(size: tuple[int, int], model: ColorizerModel, resolution: int | None = None) -> tuple[int, int]:
    """Return the height and width of `model`'s input for a photo of `size` = (width, height).

    They have the photo's aspect ratio (8 : 1 at most), the area of a square with the side `resolution`, and are multiples of
    the network's `size_multiple`. A network of fixed size gets that size.
    """
    resolution = resolution or model.config.resolution
    if model.is_fixed_size:
        return resolution, resolution
    width, height = size
    aspect = min(max(width / height, 1 / MAX_ASPECT), MAX_ASPECT)
    multiple = model.size_multiple
    return tuple(
        max(multiple, round(side / multiple) * multiple)
        for side in (resolution / aspect**0.5, resolution * aspect**0.5)
    )


def option_names(model: ColorizerModel) -> list[str]:
    """Return the pipeline's options that affect this model's result: no `resolution` for a network of fixed size."""
    return ["saturation", *([] if model.is_fixed_size else ["resolution"]), *model.options]


def options_for(model: ColorizerModel, options: Mapping[str, float | str]) -> dict[str, float | str]:
    """Return the subset of options that this model has."""
    return {name: value for name, value in options.items() if name in option_names(model)}


def check_options(models: Mapping[str, ColorizerModel], options: Mapping[str, float | str]) -> None:
    """Reject an option that none of the models has.

    Raises ColorizerError, which lists each model's options.
    """
    for option in options:
        if not any(option in option_names(model) for model in models.values()):
            known = "; ".join(f"{name} has {', '.join(option_names(model))}" for name, model in models.items())
            raise ColorizerError(f"No model here takes the option {option}: {known}.")


def parse_options(texts: Iterable[str], models: Iterable[ColorizerModel]) -> dict[str, float | str]:
    """Parse NAME=VALUE texts, options that at least one of the models has.

    Raises:
        ColorizerError: a text of another form, an option that no model has, or a value that a model does not take.
    """
    models, options = list(models), {}
    for text in texts:
        name, separator, value = (part.strip() for part in text.partition("="))
        if not separator:
            example = "such as temperature=0.5"
            raise ColorizerError(f"An option must have the form NAME=VALUE, {example}, not {quote(text)}.")
        able = [model for model in models if name in model.options]
        if not able:
            known = ", ".join(dict.fromkeys(option for model in models for option in model.options))
            raise ColorizerError(f"There is no option {quote(name)} here; there are: {known or 'none'}.")
        options[name] = able[0].options[name].parse(value)
        for model in able:
            model.options[name].check(options[name], model.approach)
    return options
