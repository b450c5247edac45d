"""Endpoint `/hint` for `gradio_client` and the page "Use via API"."""

from typing import Any

import gradio as gr

from colorizer.demo.components import in_turn, new_folder, uploaded_file
from colorizer.demo.photo.canvas import Studio
from colorizer.demo.photo.history import MAX_HINTS
from colorizer.server.fair_turns import AT_ONCE, photo_cost


class Hints(gr.JSON):
    """Input for hints. Of `gr.JSON`, Gradio says the type `{}`, which is no JSON schema."""

    is_template = True  # the page draws it as a JSON

    def api_info(self) -> dict[str, Any]:
        """Return the JSON schema of the hints."""
        place, level = {"type": "number"}, {"type": "number", "minimum": 0, "maximum": 255}
        color = {"type": "array", "items": level, "minItems": 3, "maxItems": 3}
        hint = {"type": "array", "prefixItems": [place, place, color], "minItems": 3, "maxItems": 3}
        return {"type": "array", "items": hint, "maxItems": MAX_HINTS}


def build_hint_endpoint(studio: Studio) -> None:
    """Add `/hint` to the current Blocks."""
    with gr.Row(visible=False):
        photo = gr.Image(label="Photo, of any size")
        hints = Hints(
            label=f"List of up to {MAX_HINTS} hints [x, y, [r, g, b]]: a pixel, counted from the top left corner, and "
            "its color 0…255"
        )
        model = gr.Dropdown(
            studio.catalog.names,
            value=studio.catalog.default,
            allow_custom_value=True,
            label="Model (optional; default: the first choice)",
        )
        colored = gr.Image(format="png", label="Colored photo: PNG at its original size")
        trigger = gr.Button()

    def hint(photo: dict[str, Any] | None, hints: Any, model: str | None = None) -> str:
        """Colorize a photo with one model and color hints. Returns a PNG of the photo's original size.

        Args:
            photo: the photo, of any size
            hints: list of [x, y, [r, g, b]]: a pixel, counted from the top left corner, and its color 0…255
            model: the network that predicts the other colors; the best one by default
        """
        with in_turn(photo_cost(uploaded_file(photo))):
            hinting = studio.open(uploaded_file(photo)).with_hints(hints)
            return str(studio.save(hinting, model or studio.catalog.default or "", new_folder()))

    trigger.click(
        hint,
        [photo, hints, model],
        colored,
        api_name="hint",
        preprocess=False,  # see uploaded_file
        concurrency_id="network",
        concurrency_limit=AT_ONCE,
    )
