"""The Learn tab: how each approach works, how its checkpoints were trained, and how good they are."""

from pathlib import Path

import gradio as gr

from colorizer.atomic_write import copy_file
from colorizer.demo.components import new_folder
from colorizer.demo.learn.lessons import Lesson, lessons, measured, photo_terms, results_picture

INTRODUCTION = """A gray photo shows how bright each place is, but its colors are lost. The approaches here learned from color
photos which colors are likely where. They differ in the **color space** they predict in and in the **objective** they were
trained to minimize. The descriptions below come from their code and the records of their training."""


def build_learn_tab() -> None:
    """Build the tab inside the current Blocks. It is static: no events."""
    # Gradio only serves files from its own folder.
    folder = new_folder("learn")
    gr.Markdown(INTRODUCTION)
    gr.Markdown("## The approaches")
    for lesson in lessons():
        _build_lesson(lesson, folder)
    if (picture := results_picture()) is not None:
        gr.Markdown("## Samples")
        _show(picture, "Photos colored by each checkpoint of the package", folder / picture.name)
    if table := measured():
        gr.Markdown("## Results")
        gr.Markdown(table, elem_classes="wide")
    if terms := photo_terms():
        with gr.Accordion("Training photos: sources and terms of use", open=False, elem_classes="folded"):
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
