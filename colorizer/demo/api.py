"""Endpoints `/colorize`, `/compare` and `/video` for `gradio_client` and the page "Use via API"."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.demo.catalog import Catalog
from colorizer.demo.components import in_turn, new_folder, tell_caller, uploaded_file
from colorizer.demo.photo import run
from colorizer.demo.photo.comparison import Settings, check_total_pixels
from colorizer.demo.photo.downloads import MAX_ZIP_PIXELS, gallery
from colorizer.demo.video.clips import LIMITS_TEXT, color_clip
from colorizer.photos.files.reading import read_size
from colorizer.pipelines.options import parse_options
from colorizer.server.fair_turns import AT_ONCE, photo_cost


def build_endpoints(catalog: Catalog) -> None:
    """Add the endpoints to the current Blocks. An MCP server shows the names and docstrings of their functions.

    They use hidden components, not `gr.api`: that accepts any path on the server as a photo, a component only what the
    caller uploaded.
    """
    with gr.Row(visible=False):
        photo = gr.Image(label="Photo, of any size")
        model = gr.Dropdown(
            catalog.names,
            value=catalog.default,
            allow_custom_value=True,
            label="Model (optional; default: the first choice)",
        )
        models = gr.Dropdown(
            catalog.names,
            value=catalog.names,
            multiselect=True,
            allow_custom_value=True,
            label="Models (optional; default: all)",
        )
        saturation = gr.Number(1.0, label="Saturation: 0 (gray) to 10, 1 = as predicted")
        resolution = gr.Number(
            None, precision=0, label="Working resolution in pixels (optional; default: the model's own)"
        )
        seed = gr.Number(
            None,
            precision=0,
            label="Seed (optional): draws one of several possible colorings; default: the most likely one",
        )
        options = gr.Textbox(
            "", label="Options of the approach, such as temperature=0.5 or scene=church, separated by commas"
        )
        colored = gr.Image(format="png", label="Colored photo: PNG at its original size")
        pictures = gr.Gallery(format="png", label="Photo colored by each model, with the time taken as caption")
        clip = gr.Video(label=f"Clip. {LIMITS_TEXT}")
        colored_clip = gr.Video(label="Colored clip: MP4 with its sound")
        colorize_trigger, compare_trigger, video_trigger = gr.Button(), gr.Button(), gr.Button()

    def colorize(
        photo: dict[str, Any] | None,
        model: str | None,
        saturation: float | None,
        resolution: int | None = None,
        seed: int | None = None,
        options: str | None = "",
    ) -> str:
        """Colorize a photo with one model. Returns a PNG of the photo's original size.

        Args:
            photo: the photo, of any size; if it has colors, only its lightness is used
            model: the network that predicts the colors; the best one by default
            saturation: 0 (gray) to 10; 1 leaves the colors as predicted
            resolution: size in pixels at which colors are predicted; by default the model's own
            seed: draws one of the possible colorings, if the model predicts several; by default the most likely one
            options: the model's own options as NAME=VALUE, separated by commas, such as temperature=0.5
        """
        name = model or catalog.default or ""
        given = _parse(options, catalog.pipeline(name).model)
        settings = Settings(saturation, given, resolution, seed=seed)
        source = uploaded_file(photo)
        with in_turn(photo_cost(source)):
            return str(run.colorize(catalog, source, name, settings, new_folder(), tell_caller))

    def compare(photo: dict[str, Any] | None, models: list[str] | None) -> list[tuple[str, str]]:
        """Colorize a photo with several models. Returns a gallery of their results, with the time each took.

        Args:
            photo: the photo, of any size
            models: the networks that predict the colors; all by default
        """
        source, names = uploaded_file(photo), catalog.check_choice(models or catalog.names)
        # Before it waits for its turn, where the header tells the size.
        if source and (size := read_size(source, name=Path(source).name)):
            check_total_pixels(len(names), size, MAX_ZIP_PIXELS)
        with in_turn(photo_cost(source, num_saved=len(names))):
            *_, comparison = run.compare(
                catalog, source, names, Settings(), new_folder(), max_total_pixels=MAX_ZIP_PIXELS
            )
            pictures = gallery(comparison)
        tell_caller(comparison.notes)
        return pictures

    def video(clip: dict[str, Any] | None, model: str | None) -> Iterator[str | None]:
        """Colorize a clip with one model, without flicker. Returns an MP4 with the clip's sound.

        Args:
            clip: the clip, within the limits that the app states
            model: the network that predicts the colors; the best one by default
        """
        for step in color_clip(catalog, uploaded_file(clip), model or catalog.default or "", new_folder()):
            # None until the clip is complete. Only between two yields does Gradio notice that a caller canceled or left.
            if step.result:
                tell_caller(step.result.notes)
            yield str(step.result.path) if step.result else None

    colorize_trigger.click(
        colorize,
        [photo, model, saturation, resolution, seed, options],
        colored,
        api_name="colorize",
        preprocess=False,  # see uploaded_file
        concurrency_id="network",
        concurrency_limit=AT_ONCE,
    )
    compare_trigger.click(
        compare,
        [photo, models],
        pictures,
        api_name="compare",
        preprocess=False,
        concurrency_id="network",
        concurrency_limit=AT_ONCE,
    )
    video_trigger.click(
        video,
        [clip, model],
        colored_clip,
        api_name="video",
        preprocess=False,
        concurrency_id="video",
    )


def _parse(options: str | None, model: ColorizerModel) -> dict[str, float | str]:
    return parse_options([text for text in (options or "").split(",") if text.strip()], [model])
