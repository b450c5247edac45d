"""The approaches, one file each. A tenth is its file and its name in this list; our own network stands beside it."""

from importlib import import_module

from transformers import AutoConfig, AutoModel

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


def list_approaches(*, own: bool = False) -> list[str]:
    """Names of the approaches; with `own`, our own network too, which trains, loads and colors like them."""
    return list(APPROACHES | OWN if own else APPROACHES)


def get_model_class(approach: str) -> type[ColorizerModel]:
    """The class of an approach.

    Raises:
        ColorizerError: there is no such approach; the message lists those there are.
    """
    classes = APPROACHES | OWN
    if approach not in classes:
        raise ColorizerError(f"There is no approach {approach!r}. There are: {', '.join(classes)}.")
    return getattr(import_module(f"colorizer.approaches.{approach}"), classes[approach])


def create_model(approach: str, **fields: Field) -> ColorizerModel:
    """An untrained network. `fields` are those of the approach's configuration, such as `width`; others keep the paper's.

    Raises:
        ColorizerError: no such approach, or a field that it does not have or that has the wrong type.
    """
    model_class = get_model_class(approach)
    known = own_fields(model_class.config_class)
    if unknown := sorted(set(fields) - set(known)):
        raise ColorizerError(f"{approach} has no configuration field {', '.join(unknown)}. It has: {', '.join(known)}.")
    return model_class(model_class.config_class(**fields))


def register() -> None:
    """Make transformers' AutoConfig and AutoModel know every approach; doing it again changes nothing."""
    for approach in list_approaches(own=True):
        model_class = get_model_class(approach)
        AutoConfig.register(model_class.config_class.model_type, model_class.config_class, exist_ok=True)
        AutoModel.register(model_class.config_class, model_class, exist_ok=True)


register()
