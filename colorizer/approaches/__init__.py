"""The approaches, one file each. To add another, write its file and add a line to `APPROACHES`."""

import logging
from importlib import import_module

from transformers import AutoConfig, AutoModel

from colorizer.approaches.base.class_check import check_class
from colorizer.approaches.base.configuration import Field, own_fields
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.errors import ColorizerError, quote

# File name → name of the class in that file.
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

# Our own network, used by the checkpoint `default`. It is not one of the approaches that are compared.
OWN = {"lite_unet": "LiteUNet"}


_skipped: set[str] = set()  # approaches that `register` skipped because their files can't be used

logger = logging.getLogger(__name__)


def list_approaches(*, own: bool = False) -> list[str]:
    """Return the names of the approaches; with `own` also our own network, which trains, loads and colors like them."""
    return [name for name in (APPROACHES | OWN if own else APPROACHES) if name not in _skipped]


def get_model_class(approach: str) -> type[ColorizerModel]:
    """Return the class of an approach.

    Raises:
        ColorizerError: the approach doesn't exist, its file can't be imported, or its class violates the contract; the
            message names the file and the fault.
    """
    classes = APPROACHES | OWN
    if approach not in classes:
        raise ColorizerError(f"There is no approach {quote(approach)}. There are: {', '.join(classes)}.")
    try:
        model_class = getattr(import_module(f"colorizer.approaches.{approach}"), classes[approach])
    except Exception as error:  # a file under development can raise anything
        fault = f"{type(error).__name__}: {error}"
        raise ColorizerError(f"colorizer/approaches/{approach}.py can't be used: {fault}.") from error
    check_class(model_class, approach)
    return model_class


def create_model(approach: str, **fields: Field) -> ColorizerModel:
    """Create an untrained network. `fields` set configuration fields such as `width`; the others keep the paper's values.

    Raises:
        ColorizerError: the approach or a field doesn't exist, a field has the wrong type, or the network's __init__ doesn't
            end with post_init().
    """
    model_class = get_model_class(approach)
    known = own_fields(model_class.config_class)
    if unknown := sorted(set(fields) - set(known)):
        raise ColorizerError(f"{approach} has no configuration field {', '.join(unknown)}. It has: {', '.join(known)}.")
    model = model_class(model_class.config_class.create(**fields))
    if not model.is_initialized:
        raise ColorizerError(
            f"{model_class.__module__}.{model_class.__name__}.__init__ must end with self.post_init()."
        )
    return model


def register() -> None:
    """Register every approach with transformers' AutoConfig and AutoModel; calling it again changes nothing.

    An approach whose file can't be used is skipped with a warning that names it, so that the others keep working.
    """
    for approach in APPROACHES | OWN:
        try:
            model_class = get_model_class(approach)
        except ColorizerError as error:
            logger.warning("%s It is skipped.", error)
            _skipped.add(approach)
            continue
        _skipped.discard(approach)
        AutoConfig.register(model_class.config_class.model_type, model_class.config_class, exist_ok=True)
        AutoModel.register(model_class.config_class, model_class, exist_ok=True)


register()
