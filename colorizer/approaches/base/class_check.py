"""Check that the class of an approach fulfills the contract, before anything is trained with it."""

from colorizer.approaches.base.configuration import model_type_of
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.option import RESERVED, Option
from colorizer.approaches.base.spaces import Space
from colorizer.errors import ColorizerError

REQUIRED = ("title", "authors", "year", "paper_url", "space", "objective", "recipe")


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
    for option in (*getattr(model_class, "space", Space).options, *model_class.network_options):
        if not isinstance(option, Option):
            faults.append(f"{option!r} is not an Option")
        elif option.name in RESERVED:
            faults.append(f"the name of its option {option.name!r} has another meaning in a call")
    if faults:
        raise ColorizerError(f"{model_class.__module__}.{model_class.__name__}: {'; '.join(faults)}.")
