"""The Learn tab: what each approach is, how its checkpoints were trained, and what was measured of them."""

from pathlib import Path

import gradio as gr

from colorizer.atomic_write import copy_file
from colorizer.demo.components import new_folder
from colorizer.demo.learn.lessons import Lesson, lessons, measured, photo_terms, results_picture

INTRODUCTION = """A gray photo holds how light each place is; which color it had is gone. The approaches here learned from color
photos which colors are likely where, each in its own way: in which **color space** it answers, and which **objective** it
descended while it learned. What follows is said by their code and by the records of their training."""


def build_learn_tab() -> None:
    """Build the tab inside the current Blocks. Nothing in it runs: all is there when the page opens."""
    # Gradio serves files from its own folder; where the package lies may be another.
    folder = new_folder("learn")
    gr.Markdown(INTRODUCTION)
    gr.Markdown("## The approaches")
    for lesson in lessons():
        _build_lesson(lesson, folder)
    if (picture := results_picture()) is not None:
        gr.Markdown("## Samples")
        _show(picture, "Photos, and what each checkpoint of the package makes of them", folder / picture.name)
    if table := measured():
        gr.Markdown("## Measured")
        gr.Markdown(table, elem_classes="wide")
    if terms := photo_terms():
        with gr.Accordion(
            "Training photos and what their terms mean for the weights", open=False, elem_classes="folded"
        ):
            gr.Markdown(terms, elem_classes="wide")


def _build_lesson(lesson: Lesson, folder: Path) -> None:
    with gr.Accordion(lesson.heading, open=False, elem_classes="folded"):
        gr.Markdown(lesson.text)
        for trained in lesson.checkpoints:
            gr.Markdown(f"### Checkpoint `{trained.name}`")
            gr.Markdown(trained.text, elem_classes="wide")
            for label, path in trained.pictures:
                gr.Markdown(f"#### {label}")
                _show(path, f"{label}: {trained.name}", folder / f"{trained.name}-{path.name}")


def _show(picture: Path, label: str, copy: Path) -> None:
    copy_file(picture, copy)
    gr.Image(
        str(copy),
        label=label,
        alt_text=label,
        show_label=False,
        interactive=False,
        buttons=["fullscreen"],
        elem_classes="wide",
    )
