"""Classes that transformers' own `pipeline("image-colorization", …)` needs to load and to batch our models."""

from typing import Any

from transformers import AutoModel as TransformersAutoModel
from transformers.image_processing_utils import BaseImageProcessor

from colorizer.errors import ColorizerError
from colorizer.hub.loading import complete


class NoImageProcessor(BaseImageProcessor):
    """transformers batches only pipelines that have an image processor; reading and resizing is `preprocess`'s."""

    model_input_names = ("lightness",)


class AutoModel(TransformersAutoModel):
    """For `transformers.pipeline`, which catches every ValueError and says nothing but that no class could load the model.

    A checkpoint that is refused goes on in the model's place, and the pipeline raises it. The name is what a pipeline that is
    saved says of its model's class, to be found in transformers when it is loaded.
    """

    @classmethod
    def from_pretrained(cls, *arguments: Any, **options: Any) -> Any:
        """The model, or the ColorizerError that its checkpoint raised."""
        try:
            model = super().from_pretrained(*arguments, **options)
            complete(model, token=options.get("token"), cache_dir=options.get("cache_dir"))
        except ColorizerError as error:
            return error
        return model
