"""The Gradio app: photos colorized by several approaches side by side."""

from colorizer.demo.ui import build_demo, launch_options

__all__ = ["build_demo", "launch_options"]
