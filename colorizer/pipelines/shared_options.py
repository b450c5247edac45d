"""One set of options for several models: each gets those that it takes."""

from collections.abc import Mapping

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.errors import ColorizerError


def option_names(model: ColorizerModel) -> list[str]:
    """The pipeline's options that change what this model gives: no `resolution` for a network of fixed size."""
    return ["saturation", *([] if model.is_fixed_size else ["resolution"]), *model.options]


def options_for(model: ColorizerModel, options: Mapping[str, float | str]) -> dict[str, float | str]:
    """Those of the options that this model takes."""
    return {name: value for name, value in options.items() if name in option_names(model)}


def check_options(models: Mapping[str, ColorizerModel], options: Mapping[str, float | str]) -> None:
    """Refuse an option that none of the models takes.

    Raises ColorizerError: it says which options each model has.
    """
    for option in options:
        if not any(option in option_names(model) for model in models.values()):
            known = "; ".join(f"{name} has {', '.join(option_names(model))}" for name, model in models.items())
            raise ColorizerError(f"No model here takes the option {option}: {known}.")
