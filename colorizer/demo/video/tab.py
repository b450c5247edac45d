"""The Film tab: colorize a clip and keep its sound."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.components import CLIP_TYPES, Updates, build_tone, new_folder, uploaded_file
from colorizer.demo.photo.comparison import Settings
from colorizer.demo.stoppable import build_buttons, offer_models
from colorizer.demo.video.clips import LIMITS_TEXT, ClipStep, color_clip, playable
from colorizer.errors import ColorizerError

NOTES = (
    "The clip keeps its brightness and its sound. Colors are kept steady from frame to frame: they follow moving things, and "
    "start again at each cut."
)
_HEIGHT = 340


def build_film_tab(catalog: Catalog, tab: gr.Tab) -> list[gr.blocks.Block]:
    """Build the tab inside the current Blocks, in `tab`. Returns its controls for approach, saturation, warmth and strength."""
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            clip = gr.File(label="Clip", file_types=CLIP_TYPES, height=160, elem_id="clip")
            preview = gr.Video(
                label="Clip", height=_HEIGHT, interactive=False, buttons=[], visible=False, elem_id="clip-preview"
            )
            gr.Markdown(f"{LIMITS_TEXT} {NOTES}", elem_id="limits")
            model = gr.Dropdown(catalog.choices, value=catalog.default, label="Approach", filterable=False)
            with gr.Accordion("Options", open=False):
                tone = build_tone()
                smoothing = gr.Slider(
                    0,
                    2,
                    0.5,
                    step=0.1,
                    label="Steadiness",
                    info="Seconds over which colors are averaged; 0 = no averaging",
                )
            buttons = build_buttons("Colorize the clip")
            # Next to the button, so that it is visible when that is pressed.
            status = gr.Markdown(
                "The colored clip appears under “Colored clip”.", elem_id="video-status", min_height=60
            )
        with gr.Column(min_width=320):
            result = gr.Video(
                label="Colored clip", height=_HEIGHT, interactive=False, buttons=[], elem_id="colored-clip"
            )
            download = gr.DownloadButton("Download (MP4)", size="sm", visible=False)

    def preview_of(clip: dict[str, Any] | None) -> Updates:
        """Show the clip, or a copy that browsers play; nothing if it can't be read, which is said when it is to be colored."""
        try:
            source = uploaded_file(clip)
            file = source and str(playable(source, new_folder()))
        except ColorizerError as error:
            return {preview: gr.Video(visible=False), status: f"⚠ {error}"}
        return {preview: gr.Video(file, visible=file is not None), status: ""}

    def start(
        clip: dict[str, Any] | None, model: str, saturation: float, warmth: float, strength: float, smoothing: float
    ) -> Iterator[ClipStep]:
        settings = Settings(saturation, warmth=warmth, strength=strength)
        return color_clip(catalog, uploaded_file(clip), model, new_folder(), settings, smoothing=smoothing)

    def show(step: ClipStep) -> Updates:
        if step.result is None:
            return {}
        file = str(step.result.path)
        return {result: file, download: gr.DownloadButton(value=file, visible=True)}

    clip.change(
        preview_of,
        clip,
        [preview, status],
        preprocess=False,  # see uploaded_file
        show_progress_on=status,
        trigger_mode="always_last",
        concurrency_id="preview",
        api_visibility="private",
    )
    buttons.connect(
        start,
        show,
        [clip, model, *tone, smoothing],
        [result, download],
        status=status,
        concurrency_id="video",  # separate, so that photos need not wait for clips
    )
    offer_models(model, catalog, tab)
    return [model, *tone]
