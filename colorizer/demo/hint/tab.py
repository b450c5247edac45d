"""The Hint tab: click on a photo, pick a color, and the photo is recolored."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.components import Updates, build_examples, build_photo, errors_for_caller, new_folder, uploaded_file
from colorizer.demo.hint.canvas import Studio, View
from colorizer.demo.hint.color_suggestions import parse_color
from colorizer.demo.hint.history import MAX_HINTS, Hinting
from colorizer.demo.stoppable import offer_models
from colorizer.errors import ColorizerError
from colorizer.pipelines.hint_propagation import REACH

REACHES = [("Near", 0.04), ("Medium", REACH), ("Far", 0.2)]
FIRST = "Choose a photo first."
# Buttons, so that the keyboard can reach them. Clicks between them do nothing.
SWATCHES = """<div role="group" aria-label="Colors for the chosen place">{{#each value}}
<button type="button" data-color="{{color}}">
<span style="background: {{color}}"></span>{{name}} <small>{{reason}}</small></button>{{/each}}</div>"""
PICK = """element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-color]");
  if (button) trigger("click", { color: button.dataset.color });
});"""


def build_hint_tab(catalog: Catalog, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks, with the endpoint `/hint`."""
    studio = Studio(catalog)
    session = gr.State(Hinting(), time_to_live=3600)
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320, scale=2):
            photo = build_photo("Photo", "The photo to color with hints", 240, buttons=())
            with gr.Accordion("Or try one of these") as offer:
                build_examples(photo, show_label=False, elem_classes="examples")
            model = gr.Dropdown(
                catalog.names,
                value=catalog.default,
                label="Approach",
                info="Your hints stay when you change it.",
                filterable=False,
                elem_id="hint-model",
            )
        with gr.Column(min_width=320, scale=3):
            status = gr.Markdown(FIRST, elem_id="hint-status")
            with gr.Column(visible=False) as workplace:
                canvas = gr.Image(
                    label="Colored photo",
                    show_label=False,
                    interactive=False,
                    format="jpeg",
                    buttons=["fullscreen"],
                    alt_text="The colored photo; dots are hints, the ring is the chosen place",
                    elem_id="hint-canvas",
                )
                swatches = gr.HTML(
                    [], html_template=SWATCHES, js_on_load=PICK, apply_default_css=False, elem_id="swatches"
                )
                with gr.Row(elem_id="hint-own"):
                    picker = gr.ColorPicker("#3366cc", label="Your own color", elem_id="hint-picker")
                    own = gr.Button("Use this color")
                with gr.Row(elem_id="hint-history"):
                    undo, redo, remove, clear = (
                        gr.Button(name, size="sm", min_width=50, interactive=False)
                        for name in ("Undo", "Redo", "Remove", "Clear")
                    )
                note = gr.Markdown(elem_id="hint-note")
                reach = gr.Radio(REACHES, value=REACH, label="How far a color spreads")
                with gr.Accordion("Choose a place by keyboard", open=False), gr.Row():
                    across = gr.Slider(0, 100, 50, step=1, label="From the left, in %")
                    down = gr.Slider(0, 100, 50, step=1, label="From the top, in %")
                    go = gr.Button("Choose this place")
                save = gr.Button("Save at full size", variant="primary")
                download = gr.DownloadButton("Download (PNG)", visible=False)
    outputs = [session, status, workplace, canvas, swatches, undo, redo, remove, clear, note, download]

    def show(hinting: Hinting, name: str, reach_value: float) -> Updates:
        if hinting.photo is None:
            return {session: hinting, status: FIRST, workplace: gr.Column(visible=False)}
        view = studio.view(hinting, name, new_folder(), reach_value)
        return {
            session: hinting,
            status: guidance(hinting),
            workplace: gr.Column(visible=True),
            canvas: str(view.canvas),
            swatches: swatch_values(view),
            undo: gr.Button(interactive=hinting.can_undo),
            redo: gr.Button(interactive=hinting.can_redo),
            remove: gr.Button(interactive=hinting.chosen is not None),
            clear: gr.Button(interactive=bool(hinting.hints)),
            note: followed(name, view),
            download: gr.DownloadButton(visible=False),
        }

    def start(file: dict[str, Any] | None, name: str, reach_value: float) -> Updates:
        with errors_shown_in(status) as updates:
            hinting = Hinting() if file is None else studio.open(uploaded_file(file))
            # On a phone the examples would push the photo to click on out of sight.
            updates |= {**show(hinting, name, reach_value), offer: gr.Accordion(open=file is None)}
        return updates

    def act(change: Callable[..., Hinting]) -> Callable[..., Updates]:
        """Return a handler that applies `change(hinting, event, *values)` and shows the result."""

        def handle(hinting: Hinting, name: str, reach_value: float, event: gr.EventData, *values: Any) -> Updates:
            with errors_shown_in(status) as updates:
                updates |= show(change(hinting, event, *values), name, reach_value)
            return updates

        return handle

    def choose_by_share(hinting: Hinting, _: gr.EventData, *percents: float) -> Hinting:
        x, y = (percent / 100 * (side - 1) for percent, side in zip(percents, hinting.size, strict=True))
        return hinting.choose(x, y)

    def save_photo(hinting: Hinting, name: str, reach_value: float) -> Updates:
        with errors_shown_in(status) as updates:
            path = studio.save(hinting, name, new_folder(), reach_value)
            updates[download] = gr.DownloadButton(label=f"Download {path.name}", value=str(path), visible=True)
        return updates

    settings = [session, model, reach]
    options = {"api_visibility": "private", "concurrency_id": "hint"}
    latest = options | {"trigger_mode": "always_last", "show_progress_on": status}
    # Each of two quick taps counts: "always_last" would run the second with the event data of the first.
    every = options | {"trigger_mode": "multiple"}
    offer_models(model, catalog, tab)
    # preprocess: see uploaded_file.
    photo.change(start, [photo, model, reach], [*outputs, offer], preprocess=False, **latest)
    model.change(act(lambda hinting, _: hinting), settings, outputs, show_progress_on=status, **every)
    for listen, change, values in (
        (reach.change, lambda hinting, _: hinting, []),
        (canvas.select, lambda hinting, event: studio.place(hinting, *event.index), []),
        (go.click, choose_by_share, [across, down]),
        (swatches.click, lambda hinting, event: hinting.color(parse_color(event.color)), []),
        (own.click, lambda hinting, _, code: hinting.color(parse_color(code)), [picker]),
        (undo.click, lambda hinting, _: hinting.undo(), []),
        (redo.click, lambda hinting, _: hinting.redo(), []),
        (remove.click, lambda hinting, _: hinting.remove(), []),
        (clear.click, lambda hinting, _: hinting.clear(), []),
    ):
        listen(act(change), [*settings, *values], outputs, show_progress="hidden", **every)
    save.click(save_photo, settings, [status, download], **latest)
    _build_endpoint(studio)


def guidance(hinting: Hinting) -> str:
    """Return the number of hints and what to do next."""
    if hinting.place is None:
        return "Click on the photo where a color is wrong, then pick the right color."
    done = "No hints yet." if not hinting.hints else f"{len(hinting.hints)} hint{'s' * (len(hinting.hints) > 1)}."
    if hinting.chosen is None:
        return f"{done} Now pick a color for the place with the ring."
    return f"{done} Pick another color for this place, or click on another place."


def followed(name: str, view: View) -> str:
    """Return how the approach uses hints."""
    if view.is_hinted:
        return (
            f"**{name}** was trained with hints: the network uses them, and any remaining difference spreads from each hint "
            "up to the edges in the photo."
        )
    return (
        f"**{name}** was not trained with hints: each color spreads up to the edges in the photo, on top of the network's "
        "prediction."
    )


def swatch_values(view: View) -> list[dict[str, str]]:
    """Return the suggested colors for the HTML template."""
    return [{"color": color.code, "name": color.name, "reason": color.reason} for color in view.suggestions]


@contextmanager
def errors_shown_in(status: gr.Markdown) -> Iterator[Updates]:
    """Give a dict to fill with updates. On a ColorizerError, the error is shown in `status`."""
    updates: Updates = {}
    try:
        yield updates
    except ColorizerError as error:
        gr.Warning(str(error), title="Not done")
        updates[status] = f"⚠ {error}"


def _build_endpoint(studio: Studio) -> None:
    """Add `/hint` to the current Blocks."""
    with gr.Row(visible=False):
        photo = gr.Image(label="Photo, of any size")
        hints = gr.JSON(
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
        with errors_for_caller():
            hinting = studio.open(uploaded_file(photo)).with_hints(hints)
            return str(studio.save(hinting, model or studio.catalog.default or "", new_folder()))

    trigger.click(
        hint,
        [photo, hints, model],
        colored,
        api_name="hint",
        preprocess=False,  # see uploaded_file
        concurrency_id="network",
    )
