"""The approaches, one file each. A tenth is its file and its line in this table; our own network stands next to it."""

import logging
from importlib import import_module

from transformers import AutoConfig, AutoModel

from colorizer.approaches.base.class_check import check_class
from colorizer.approaches.base.configuration import Field, own_fields
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.errors import ColorizerError

# Name of the file and of the class in it.
APPROACHES = {
    "dense": "Dense",
    "residual_encoder": "ResidualEncoder",
    "colorful": "Colorful",
    "fusion": "Fusion",
    "cnn": "Cnn",
    "pix2pix_rgb": "Pix2PixRgb",
    "pix2pix": "Pix2Pix",
    "resnet_unet": "ResNetUNet",
    "joint": "Joint",
}

# Not one of the approaches that are compared, but what the checkpoint `default` is made of.
OWN = {"lite_unet": "LiteUNet"}


_left_out: set[str] = set()  # those whose files can't be used, once `register` has said so

logger = logging.getLogger(__name__)


def list_approaches(*, own: bool = False) -> list[str]:
    """Return the names of the approaches, with `own` that of our own network too, which trains, loads and colors like them."""
    return [name for name in (APPROACHES | OWN if own else APPROACHES) if name not in _left_out]


def get_model_class(approach: str) -> type[ColorizerModel]:
    """Return the class of an approach.

    Raises:
        ColorizerError: there is no such approach, its file can't be imported, or its class doesn't keep the contract; the
            message names the file and the fault.
    """
    classes = APPROACHES | OWN
    if approach not in classes:
        raise ColorizerError(f"There is no approach {approach!r}. There are: {', '.join(classes)}.")
    try:
        model_class = getattr(import_module(f"colorizer.approaches.{approach}"), classes[approach])
    except Exception as error:  # a file that somebody is writing raises anything
        fault = f"{type(error).__name__}: {error}"
        raise ColorizerError(f"colorizer/approaches/{approach}.py can't be used: {fault}.") from error
    check_class(model_class, approach)
    return model_class


def create_model(approach: str, **fields: Field) -> ColorizerModel:
    """Create an untrained network. `fields` are the configuration's, such as `width`; the others keep the paper's values.

    Raises:
        ColorizerError: no such approach, a field that it does not have or that has the wrong type, or a network that does
            not end its __init__ with post_init().
    """
    model_class = get_model_class(approach)
    known = own_fields(model_class.config_class)
    if unknown := sorted(set(fields) - set(known)):
        raise ColorizerError(f"{approach} has no configuration field {', '.join(unknown)}. It has: {', '.join(known)}.")
    model = model_class(model_class.config_class(**fields))
    if not model.is_initialized:
        raise ColorizerError(
            f"{model_class.__module__}.{model_class.__name__}.__init__ must end with self.post_init()."
        )
    return model


def register() -> None:
    """Register every approach with transformers' AutoConfig and AutoModel; repeating it changes nothing.

    An approach whose file can't be used is left out with a warning that names it, so that the others go on working.
    """
    for approach in APPROACHES | OWN:
        try:
            model_class = get_model_class(approach)
        except ColorizerError as error:
            logger.warning("%s It is left out.", error)
            _left_out.add(approach)
            continue
        _left_out.discard(approach)
        AutoConfig.register(model_class.config_class.model_type, model_class.config_class, exist_ok=True)
        AutoModel.register(model_class.config_class, model_class, exist_ok=True)


register()
