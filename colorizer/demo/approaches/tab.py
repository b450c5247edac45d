"""The Approaches tab: a time line, what each approach does to the visitor's photo, how it works, and how good it is."""

from itertools import cycle
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd
from PIL import Image

from colorizer.atomic_write import copy_file
from colorizer.demo.approaches.lessons import (
    Lesson,
    Section,
    lessons,
    measured,
    measured_curves,
    photo_terms,
    protocol,
    results_picture,
)
from colorizer.demo.catalog import Catalog
from colorizer.demo.components import file_url, new_folder
from colorizer.demo.photo.examples import ExampleFiles
from colorizer.demo.photo.session import Session
from colorizer.demo.photo.tab import PhotoTab
from colorizer.errors import ColorizerError
from colorizer.hub.run_records import publishable

INTRODUCTION = """A gray photo shows how bright each place is, but its colors are lost. The networks here learned from color
photos which colors are likely where, each in its own way. Nine of them learned the same photos, and those for half an hour at
most, to be compared; “Best guess” learned for hours, to be used. A click shows one on your photo."""
TIMELINE = """<ol class="timeline">{{#each value}}<li><button type="button" data-id="{{id}}">
<img src="" data-src="{{picture}}" alt="{{alt}}"><span><b>{{name}}</b> <small>{{year}}</small></span><span>{{text}}</span>
</button></li>{{/each}}</ol>"""
# Gradio writes the list anew when the pictures change. A click is one on the strip of the viewer.
FOLLOW = """const fill = () => {
  const root = (window.gradio_config?.root || location.origin) + "/";
  for (const image of element.querySelectorAll("img")) {
    const source = image.dataset.src;
    image.hidden = !source;
    if (source) image.src = root + source;
  }
};
fill();
watch("value", fill);
element.addEventListener("click", (event) => {
  const id = event.target.closest("button")?.dataset.id;
  if (!id) return;
  document.getElementById("tab-photo-button").click();
  [...document.querySelectorAll(".viewer .film button")].find((each) => each.dataset.id.split(",")[0] === id)?.click();
});"""
# Its height is known before its address is, so that what stands below doesn't move. A click opens it alone, to be zoomed.
FIGURE = """<figure class="figure"><a href="" target="_blank" rel="noopener"><img src="" data-src="{{value.source}}"
alt="{{value.label}}" width="{{value.width}}" style="aspect-ratio: {{value.width}} / {{value.height}}"></a></figure>"""
SHOW = """const image = element.querySelector("img");
image.src = image.parentElement.href = (window.gradio_config?.root || location.origin) + "/" + image.dataset.src;"""
# Of the curves: each readable on white and on the dark theme's gray. Gradio's own are ten, some of them pale.
COLORS = (
    *("#0d9488", "#d97706", "#2f80ed", "#ef4444", "#808080", "#65a30d"),
    *("#a855f7", "#a16207", "#ec4899", "#0891b2", "#16a34a", "#6366f1"),
)
CURVES = """How wrong the colors are on test photos as they get more colorful: lower is better, and a flat line means that bold
colors cost little. Every approach is drawn at several strengths of its colors."""


def build_approaches_tab(catalog: Catalog, photo: PhotoTab, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks, in `tab`. A checkpoint loaded here joins those of the Photo tab."""
    files, folder = ExampleFiles(), new_folder("approaches")

    def cards(session: Session | None = None) -> list[dict[str, Any]]:
        return [
            {
                "id": entry.name,
                "name": entry.plain_label,
                "year": entry.year or "",
                "text": entry.plain_text,
                "alt": f"The photo colored by {entry.plain_label}",
                "picture": _picture(session, files, entry.name),
            }
            for entry in sorted(catalog.entries, key=lambda entry: entry.year or 9999)
        ]

    gr.Markdown(INTRODUCTION)
    timeline = gr.HTML(cards(), html_template=TIMELINE, js_on_load=FOLLOW, apply_default_css=False, elem_id="timeline")
    tab.select(cards, photo.session, timeline, show_progress="hidden", api_visibility="private")
    if table := measured():
        gr.Markdown("## Measured")
        gr.Markdown(CURVES)
        curves = measured_curves(catalog)
        gr.LinePlot(
            pd.DataFrame(curves),
            x="Colorfulness",
            y="Error (ΔE2000)",
            color="Approach",
            color_map=dict(zip(dict.fromkeys(curves["Approach"]), cycle(COLORS), strict=False)),
            height=360,
            show_label=False,
            buttons=[],
            elem_id="curves",
        )
        with gr.Accordion("All measurements", open=False, elem_classes="folded"):
            gr.Markdown(table, elem_classes="wide")
    if sections := protocol():
        with gr.Accordion("Trained alike: what differs is the approach alone", open=False, elem_classes="folded"):
            for section in sections:
                _build_section(section, folder)
    gr.Markdown("## How each works")
    for lesson in lessons():
        _build_lesson(lesson, folder)
    if (picture := results_picture()) is not None:
        with gr.Accordion("The same photos by all", open=False, elem_classes="folded"):
            _show(picture, "Photos colored by each checkpoint of the package", folder / picture.name)
    if terms := photo_terms():
        with gr.Accordion("Training photos: sources and terms of use", open=False, elem_classes="folded"):
            gr.Markdown(terms, elem_classes="wide")
    _build_hub_field(catalog, photo, timeline, cards)


def problems(catalog: Catalog) -> str:
    """Return a line of Markdown for each checkpoint that can't be offered, without the server's folders."""
    return "\n\n".join(
        f"⚠ {publishable(name)} is not available: {publishable(problem)}" for name, problem in catalog.problems.items()
    )


def _build_hub_field(catalog: Catalog, photo: PhotoTab, timeline: gr.HTML, cards: Any) -> None:
    with gr.Accordion("Add a network from the Hugging Face Hub", open=False, elem_classes="folded"):
        model_id = gr.Textbox(
            label="Model on the Hugging Face Hub",
            info="Model id, with an optional revision: user/name or user/name@revision",
            placeholder="user/name",
        )
        button = gr.Button("Load", variant="primary")
        status = gr.Markdown(problems(catalog), min_height=60)
    approaches = photo.controls.approaches

    def add(session: Session, model: str, chosen: list[str]) -> dict[gr.blocks.Block, Any]:
        try:
            entry = catalog.add_from_hub(model)
        except ColorizerError as error:
            return {status: f"⚠ {error}"}
        value = [*[name for name in chosen if name != entry.name], entry.name]
        return {
            approaches: gr.CheckboxGroup(choices=catalog.choices, value=value),
            timeline: cards(session),
            model_id: "",
            status: f"{entry.plain_label} is loaded: it colors the next photo, too.",
        }

    gr.on(
        [button.click, model_id.submit],
        add,
        [photo.session, model_id, approaches],
        [approaches, timeline, model_id, status],
        show_progress_on=status,
        api_visibility="private",
    )


def _picture(session: Session | None, files: ExampleFiles, name: str) -> str:
    """Return the address of the visitor's photo in the colors of a checkpoint, or else the example's; "" if there is none."""
    if session is not None and session.results is not None:
        painted = (each for each in session.painted.values() if each.result.name == name)
        return next((file_url(each.thumbnail) for each in painted), "")
    opening = files.opening(name)
    return file_url(opening) if opening else ""


def _build_section(section: Section, folder: Path) -> None:
    gr.Markdown(section.text, elem_classes="wide")
    for label, path in section.pictures:
        gr.Markdown(f"#### {label}")
        _show(path, label, folder / f"protocol-{path.name}")


def _build_lesson(lesson: Lesson, folder: Path) -> None:
    with gr.Accordion(lesson.heading, open=False, elem_classes="folded"):
        gr.Markdown(lesson.text)
        for trained in lesson.checkpoints:
            gr.Markdown(f"### {trained.plain_name}: checkpoint `{trained.name}`")
            gr.Markdown(trained.text, elem_classes="wide")
            for label, path in trained.pictures:
                gr.Markdown(f"#### {label}")
                _show(path, f"{label}: {trained.name}", folder / f"{trained.name}-{path.name}")


def _show(picture: Path, label: str, copy: Path) -> None:
    copy_file(picture, copy)
    with Image.open(picture) as opened:
        width, height = opened.size
    value = {"source": file_url(copy), "label": label, "width": width, "height": height}
    gr.HTML(value, html_template=FIGURE, js_on_load=SHOW, apply_default_css=False)
