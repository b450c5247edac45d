"""The approaches, one file each. A tenth is its file and its name in this list."""

from importlib import import_module

from transformers import AutoConfig, AutoModel

from colorizer.errors import ColorizerError
from colorizer.modeling import ColorizerModel, Field, own_fields

# Name of the file and of the class in it.
APPROACHES = {
    "dense": "Dense",
    "residual_encoder": "ResidualEncoder",
    "colorful": "Colorful",
    "cnn": "Cnn",
    "pix2pix_rgb": "Pix2PixRgb",
    "pix2pix": "Pix2Pix",
    "resnet_unet": "ResNetUNet",
    "joint": "Joint",
}


def list_approaches() -> list[str]:
    """Names of the approaches."""
    return list(APPROACHES)


def get_model_class(approach: str) -> type[ColorizerModel]:
    """The class of an approach.

    Raises:
        ColorizerError: there is no such approach; the message lists those there are.
    """
    if approach not in APPROACHES:
        raise ColorizerError(f"There is no approach {approach!r}. There are: {', '.join(APPROACHES)}.")
    return getattr(import_module(f"colorizer.approaches.{approach}"), APPROACHES[approach])


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
    for approach in APPROACHES:
        model_class = get_model_class(approach)
        AutoConfig.register(model_class.config_class.model_type, model_class.config_class, exist_ok=True)
        AutoModel.register(model_class.config_class, model_class, exist_ok=True)


register()
