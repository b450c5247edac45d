"""Gradio app that colorizes photos with several approaches side by side."""

import os
from types import ModuleType

import wrapt

from colorizer.server.own_folder import own_folder


def _leave_stubs_alone(component_meta: ModuleType) -> None:
    """Keep Gradio from writing type stubs for its components, which takes half of its import time at every start."""
    if hasattr(component_meta, "create_or_modify_pyi"):
        component_meta.create_or_modify_pyi = lambda component_class, class_name, events: None


# Before the first import of Gradio, below.
wrapt.register_post_import_hook(_leave_stubs_alone, "gradio.component_meta")
if not os.environ.get("GRADIO_TEMP_DIR"):
    os.environ["GRADIO_TEMP_DIR"] = str(own_folder())

from colorizer.demo.ui import build_demo, launch_options  # noqa: E402

__all__ = ["build_demo", "launch_options"]
