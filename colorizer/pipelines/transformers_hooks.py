"""Classes that transformers' own `pipeline("image-colorization", …)` needs to load and batch our models."""

from typing import Any

from transformers import AutoModel as TransformersAutoModel
from transformers.image_processing_utils import BaseImageProcessor

from colorizer.errors import ColorizerError
from colorizer.hub.loading import complete


class NoImageProcessor(BaseImageProcessor):
    """Placeholder: transformers only batches pipelines with an image processor. `preprocess` reads and resizes."""

    model_input_names = ("lightness",)


class AutoModel(TransformersAutoModel):
    """Model class for `transformers.pipeline`, which catches every ValueError and only reports that no class fits.

    The error of a rejected checkpoint is returned in place of the model, and the pipeline raises it. The class needs this name:
    a saved pipeline stores it, and transformers looks it up in its own module when loading.
    """

    @classmethod
    def from_pretrained(cls, *arguments: Any, **options: Any) -> Any:
        """Return the model, or the ColorizerError that its checkpoint raised."""
        try:
            model = super().from_pretrained(*arguments, **options)
            complete(model, cache_dir=options.get("cache_dir"))
        except ColorizerError as error:
            return error
        return model
