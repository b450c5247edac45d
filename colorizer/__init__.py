"""Photo colorization: deep-learning approaches side by side.

    from colorizer import pipeline
    pipeline()("photo.jpg").save("colored.png")

Names are imported on first use: `import colorizer` loads neither torch nor transformers.
"""

from importlib import import_module
from typing import TYPE_CHECKING

import wrapt

from colorizer.errors import (
    CheckpointError,
    ColorizerError,
    DatasetError,
    HubError,
    PhotoError,
    VideoError,
    VideoStopped,
)
from colorizer.version import __version__ as __version__

if TYPE_CHECKING:
    from colorizer.approaches import create_model, list_approaches
    from colorizer.approaches.base.configuration import ColorizerConfig
    from colorizer.approaches.base.modeling import ColorizerModel, ColorizerOutput
    from colorizer.checkpoints import list_checkpoints
    from colorizer.hub.loading import load_model, save_checkpoint
    from colorizer.pipelines.image_colorization import ColorizationPipeline, ColorizationResult, pipeline
    from colorizer.video import VideoResult, colorize_video

__all__ = [
    "CheckpointError",
    "ColorizationPipeline",
    "ColorizationResult",
    "ColorizerConfig",
    "ColorizerError",
    "ColorizerModel",
    "ColorizerOutput",
    "DatasetError",
    "HubError",
    "PhotoError",
    "VideoError",
    "VideoResult",
    "VideoStopped",
    "colorize_video",
    "create_model",
    "list_approaches",
    "list_checkpoints",
    "load_model",
    "pipeline",
    "save_checkpoint",
]

_MODULES = {
    "ColorizationPipeline": "pipelines",
    "ColorizationResult": "pipelines",
    "ColorizerConfig": "approaches.base.configuration",
    "ColorizerModel": "approaches.base.modeling",
    "ColorizerOutput": "approaches.base.modeling",
    "VideoResult": "video",
    "colorize_video": "video",
    "create_model": "approaches",
    "list_approaches": "approaches",
    "list_checkpoints": "checkpoints",
    "load_model": "hub.loading",
    "pipeline": "pipelines",
    "save_checkpoint": "hub.loading",
}


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(import_module(f"colorizer.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'colorizer' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


# Register the approaches and the task "image-colorization" when transformers' own modules load, whichever of the two
# packages is imported first.
wrapt.register_post_import_hook(
    lambda _: import_module("colorizer.approaches"), "transformers.models.auto.modeling_auto"
)
wrapt.register_post_import_hook(lambda _: import_module("colorizer.pipelines"), "transformers.pipelines")
