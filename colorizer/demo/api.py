"""The named endpoints, `/colorize`, `/compare` and `/video`, for `gradio_client` and the page "Use via API"."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.compare import run
from colorizer.demo.compare.comparison import Settings
from colorizer.demo.compare.downloads import gallery
from colorizer.demo.components import errors_for_caller, new_folder, uploaded_file
from colorizer.demo.video.clips import LIMITS_IN_WORDS, color_clip


def build_endpoints(catalog: Catalog) -> None:
    """Add the endpoints to the current Blocks. Their functions have the names and texts that an MCP server tells of them.

    They hang on hidden components instead of `gr.api`, since that takes any path of the server for a photo; a
    component takes only what the caller uploaded.
    """
    with gr.Row(visible=False):
        photo = gr.Image(label="Photo, of any size")
        model = gr.Dropdown(
            catalog.names, value=catalog.default, allow_custom_value=True, label="Model; the first choice if not given"
        )
        models = gr.Dropdown(
            catalog.names,
            value=catalog.names,
            multiselect=True,
            allow_custom_value=True,
            label="Models; all if not given",
        )
        saturation = gr.Number(1.0, label="Saturation, 0 (gray) to 10; 1 = as predicted")
        resolution = gr.Number(None, precision=0, label="Working resolution in pixels; the model's own if not given")
        seed = gr.Number(
            None,
            precision=0,
            label="Seed, of a model with a distribution of colors: draws one answer; what is likeliest if not given",
        )
        colored = gr.Image(format="png", label="The photo in color, as PNG at its own size")
        pictures = gr.Gallery(format="png", label="The photo in color by each model, with its time as caption")
        clip = gr.Video(label=f"Clip. {LIMITS_IN_WORDS}")
        colored_clip = gr.Video(label="The clip in color, as MP4 with its sound")
        colorize_trigger, compare_trigger, video_trigger = gr.Button(), gr.Button(), gr.Button()

    def colorize(
        photo: dict[str, Any] | None,
        model: str | None,
        saturation: float,
        resolution: int | None = None,
        seed: int | None = None,
    ) -> str:
        """Colorize a photo by one model; answers a PNG of the photo's own size.

        Args:
            photo: the photo, of any size; of a color photo, too, only the lightness is used
            model: which network guesses the colors; the best unless given
            saturation: 0 (gray) to 10; 1 leaves the colors as predicted
            resolution: size in pixels at which colors are predicted; the model's own unless given
            seed: of a model with a distribution of colors, draws one answer; what is likeliest unless given
        """
        with errors_for_caller():
            settings = Settings(saturation, resolution=resolution, seed=seed)
            return str(
                run.colorize(catalog, uploaded_file(photo), model or catalog.default or "", settings, new_folder())
            )

    def compare(photo: dict[str, Any] | None, models: list[str] | None) -> list[tuple[str, str]]:
        """Colorize a photo by several models; answers a gallery with each model's result and time.

        Args:
            photo: the photo, of any size
            models: which networks guess the colors; all unless given
        """
        with errors_for_caller():
            *_, comparison = run.compare(
                catalog, uploaded_file(photo), models or catalog.names, Settings(), new_folder()
            )
            return gallery(comparison)

    def video(clip: dict[str, Any] | None, model: str | None) -> Iterator[str | None]:
        """Colorize a clip by one model, its colors held steady; answers an MP4 with the clip's sound.

        Args:
            clip: the clip, within the limits that the app states
            model: which network guesses the colors; the best unless given
        """
        with errors_for_caller():
            for step in color_clip(catalog, uploaded_file(clip), model or catalog.default or "", new_folder()):
                # Nothing as long as the clip is not whole: between two answers a caller who cancels, or has gone, is heard.
                yield str(step.result.path) if step.result else None

    colorize_trigger.click(
        colorize,
        [photo, model, saturation, resolution, seed],
        colored,
        api_name="colorize",
        preprocess=False,  # see uploaded_file
        concurrency_id="network",
    )
    compare_trigger.click(
        compare,
        [photo, models],
        pictures,
        api_name="compare",
        preprocess=False,
        concurrency_id="network",
    )
    video_trigger.click(
        video,
        [clip, model],
        colored_clip,
        api_name="video",
        preprocess=False,
        concurrency_id="video",
    )
