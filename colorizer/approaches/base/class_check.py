"""Check that the class of an approach fulfills the contract, before anything is trained with it."""

from collections.abc import Mapping

from colorizer.approaches.base.configuration import Field, model_type_of, own_fields
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.option import RESERVED, Option
from colorizer.approaches.base.spaces import Space
from colorizer.errors import ColorizerError

REQUIRED = ("title", "plain_name", "plain_text", "authors", "year", "paper_url", "space", "objective", "recipe")


def check_class(model_class: type[ColorizerModel], approach: str) -> None:
    """Reject a class that doesn't fulfill the contract for the approach called `approach`.

    Raises:
        ColorizerError: something is missing or wrong; the message lists everything.
    """
    faults = [f"{name} is missing" for name in REQUIRED if not hasattr(model_class, name)]
    config_class, expected = model_class.config_class, model_type_of(approach)
    if config_class.model_type != expected:
        faults.append(f"{config_class.__name__}.model_type is {config_class.model_type!r} and must be {expected!r}")
    if model_class.predict is ColorizerModel.predict and model_class.compute is ColorizerModel.compute:
        faults.append("it defines neither predict nor compute")
    options = (*getattr(model_class, "space", Space).options, *model_class.network_options)
    faults += [fault for option in options if (fault := _option_fault(option, own_fields(config_class)))]
    names = [option.name for option in options if isinstance(option, Option)]
    faults += [f"it has two options called {name!r}" for name in sorted(set(names)) if names.count(name) > 1]
    if faults:
        raise ColorizerError(f"{model_class.__module__}.{model_class.__name__}: {'; '.join(faults)}.")


def _option_fault(option: object, fields: Mapping[str, Field]) -> str | None:
    if not isinstance(option, Option):
        return f"{option!r} is not an Option"
    if not option.name.isidentifier():
        return f"the name of its option {option.name!r} is not an identifier"
    if option.name in RESERVED:
        return f"the name of its option {option.name!r} has another meaning in a call"
    if option.choices is None and not option.low < option.high:
        return f"the range of its option {option.name!r} is empty"
    if option.choices is None and option.default is None and option.name not in fields:
        return f"its option {option.name!r} needs a default, its own or a configuration field of that name"
    return None
