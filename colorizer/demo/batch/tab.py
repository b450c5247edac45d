"""The Album tab: colorize several files or a ZIP into one ZIP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from colorizer.demo.batch.album import FORMATS, LIMITS_TEXT, AlbumStep, color_album
from colorizer.demo.catalog import Catalog
from colorizer.demo.components import PHOTO_TYPES, Updates, build_tone, new_folder, uploaded_file
from colorizer.demo.photo.comparison import Settings
from colorizer.demo.stoppable import build_buttons, offer_models
from colorizer.server.fair_turns import LIGHT

# Of a photo of an album: heavy, so that albums and large photos take turns, and leave room for small ones.
_COST = 2 * LIGHT
FORMAT_NAMES = {"jpg": "JPEG", "png": "PNG (lossless, larger)", "webp": "WebP"}


def build_album_tab(catalog: Catalog, tab: gr.Tab) -> list[gr.blocks.Block]:
    """Build the tab inside the current Blocks, in `tab`. Returns its controls for approach, saturation, warmth and strength."""
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            files = gr.File(
                label="Photos, or a ZIP of photos",
                file_count="multiple",
                file_types=[*PHOTO_TYPES, ".zip"],
                height=220,
                elem_id="many-files",
            )
            gr.Markdown(f"{LIMITS_TEXT} Subfolders of a ZIP and camera data (EXIF) are kept.")
            model = gr.Dropdown(catalog.choices, value=catalog.default, label="Approach", filterable=False)
            with gr.Accordion("Options", open=False):
                tone = build_tone()
                file_format = gr.Radio(
                    [(FORMAT_NAMES[name], name) for name in FORMATS], value=FORMATS[0], label="Download format"
                )
            buttons = build_buttons("Colorize all")
            # Next to the button, so that it is visible when that is pressed.
            status = gr.Markdown("The colored photos appear under “Results”.", elem_id="many-status", min_height=60)
        with gr.Column(min_width=320):
            download = gr.DownloadButton("Download all (ZIP)", variant="primary", visible=False)
            gallery = gr.Gallery(
                label="Results",
                columns=3,
                height="auto",
                object_fit="cover",
                interactive=False,
                buttons=[],
                elem_id="many-results",
            )

    def start(
        files: list[dict[str, Any]] | None,
        model: str,
        saturation: float,
        warmth: float,
        strength: float,
        file_format: str,
    ) -> Iterator[AlbumStep]:
        paths = [Path(path) for file in files or [] if (path := uploaded_file(file))]
        settings = Settings(saturation, warmth=warmth, strength=strength)
        return color_album(catalog, paths, model, settings, file_format, new_folder())

    def show(step: AlbumStep) -> Updates:
        return {download: shown_download(step), gallery: [(str(path), name) for path, name in step.previews]}

    buttons.connect(
        start,
        show,
        [files, model, *tone, file_format],
        [download, gallery],
        status=status,
        concurrency_id="many",  # separate, so that single photos need not wait for albums
        concurrency_limit=4,
        cost=_COST,
    )
    offer_models(model, catalog, tab)
    return [model, *tone]


def shown_download(step: AlbumStep) -> gr.DownloadButton:
    """Return the download button, visible once there is a ZIP."""
    if step.path is None:
        return gr.DownloadButton(visible=False)
    photos = "one photo" if step.num_colored == 1 else f"{step.num_colored} photos"
    return gr.DownloadButton(f"Download {photos} (ZIP)", value=str(step.path), visible=True)
