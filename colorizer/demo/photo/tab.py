"""The Photo tab: a photo is colored as soon as it is chosen, in a viewer that stays in sight."""

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from colorizer.demo.components import Updates, in_turn, new_folder, uploaded_file
from colorizer.demo.photo.canvas import Studio
from colorizer.demo.photo.controls import Controls, build_adjustments, build_controls
from colorizer.demo.photo.downloads import save_all, save_result
from colorizer.demo.photo.examples import ExampleFiles, build_examples
from colorizer.demo.photo.score_table import COPY_TABLE, SCORE_TABLE, score_table
from colorizer.demo.photo.session import Session
from colorizer.demo.photo.texts import about, snippet
from colorizer.demo.photo.viewer import build_viewer, opening_value, viewer_value
from colorizer.demo.previews import PREVIEW_PIXELS
from colorizer.errors import ColorizerError
from colorizer.server.fair_turns import AT_ONCE, Stopped, photo_cost, work_cost
from colorizer.viewer.examples import EXAMPLES

# Of painting the colors of one result anew.
REPAINTING = work_cost(PREVIEW_PIXELS, num_previews=1, preview_pixels=PREVIEW_PIXELS)
# Download the file in the browser.
SAVE_FILE = """(file) => {
  if (!file) return;
  const link = document.createElement("a");
  link.href = `${file.url}?${Date.now()}`; // not the cached one from before the colors changed
  link.download = file.orig_name;
  link.click();
}"""


@dataclass(frozen=True)
class PhotoTab:
    """Parts of the tab that other tabs use: `links` are its buttons that lead to them."""

    session: gr.State
    controls: Controls
    links: dict[str, gr.Button]


def build_photo_tab(studio: Studio) -> PhotoTab:
    """Build the tab inside the current Blocks."""
    catalog, files = studio.catalog, ExampleFiles()
    session = gr.State(Session(), delete_callback=lambda session: session.forget())
    default = catalog.entry(catalog.default)
    with gr.Row(equal_height=False, elem_id="work"):
        with gr.Column(scale=3, min_width=320):
            viewer = build_viewer(opening_value(catalog, files))
        with gr.Column(scale=1, min_width=290):
            words = gr.Markdown(about(default), elem_id="about")
            with gr.Row(elem_id="links"):
                links = {
                    name: gr.Button(text, size="sm", min_width=60, elem_classes="link")
                    for name, text in (
                        ("approaches", "How it learned"),
                        ("vote", "Vote on this photo"),
                        ("album", "The same for an album"),
                    )
                }
            adjustments = build_adjustments()
            gr.Markdown("Or try an old photo whose true colors are known", elem_id="examples-title")
            build_examples(files)
            with gr.Accordion("Approaches and options", open=False, elem_id="options"):
                controls = build_controls(catalog, adjustments)
    with gr.Accordion("All numbers", open=False, elem_id="numbers") as numbers:
        table = gr.HTML(
            [["Choose a photo first."]],
            html_template=SCORE_TABLE,
            js_on_load=COPY_TABLE,
            apply_default_css=False,
            elem_classes="wide",
        )
    with gr.Accordion("In Python", open=False, elem_id="python"):
        code = gr.Code(snippet(default.name), language="python", show_label=False, interactive=False)
        gr.Markdown("Or over HTTP: [the endpoints](?view=api) of this page, also as an MCP server.")
    file = gr.File(visible=False)
    shown = [viewer, words, code]

    def show(state: Session, values: tuple[Any, ...]) -> Updates:
        comparison = state.comparison
        if comparison is None:
            return {viewer: gr.skip()}
        updates: Updates = {viewer: viewer_value(state, values)}
        if state.chosen in state.painted:
            result = state.painted[state.chosen].result
            updates[words] = about(catalog.entry(result.name), result, comparison)
            settings = comparison.settings.for_model(catalog.pipeline(result.name).model)
            updates[code] = snippet(result.name, comparison.photo_name, settings, comparison.hints)
        return updates

    def troubled(state: Session, message: str, values: tuple[Any, ...]) -> Updates:
        """Return updates that say a problem in the viewer, once."""
        if state.comparison is None:
            return {viewer: opening_value(catalog, files) | {"message": message, "count": message}}
        state.message = message
        updates = show(state, values)
        state.message = ""
        return updates

    def recover(state: Session, seen: Any) -> None:
        """Take up the photo that the page shows, if the session is forgotten: after a restart, or since many came later."""
        kept = seen.get("keep") if isinstance(seen, dict) else None
        if state.num_arrived == 0 and isinstance(kept, dict):
            state.arrive(kept.get("path"), kept)

    def open_photo(state: Session, event: gr.EventData, *values: Any) -> Iterator[Updates]:
        example = getattr(event, "example", None)
        is_example = isinstance(example, int) and 0 <= example < len(EXAMPLES)
        state.arrive(str(files.photo(EXAMPLES[example])) if is_example else getattr(event, "path", None))
        yield from run(state, *values)

    def take_up(state: Session, event: gr.EventData) -> list[Any]:
        """Note the photo of an earlier session, and return the values of the controls from then."""
        kept = getattr(event, "keep", None)
        state.arrive(getattr(event, "path", None), kept if isinstance(kept, dict) else None)
        values = state.kept.get("values")
        is_whole = isinstance(values, list) and len(values) == len(controls.inputs)
        return values if is_whole else [gr.skip()] * len(controls.inputs)

    def again(state: Session, seen: Any) -> None:
        recover(state, seen)
        if state.comparison is not None:
            state.arrive(state.comparison.source)

    def color(state: Session, values: tuple[Any, ...]) -> Iterator[None]:
        """Color the photo that arrived, or else the opening example."""
        source = state.waiting if state.num_arrived else str(files.photo(EXAMPLES[0]))
        if state.num_arrived == 0:
            state.arrive(source)
        checked = uploaded_file({"path": source})
        if state.waiting == source:  # no newer photo came meanwhile
            state.waiting = checked
        cost = photo_cost(state.waiting, num_saved=0, num_previews=1, preview_pixels=PREVIEW_PIXELS)
        number = state.num_arrived
        steps = state.color(studio, controls.names(values), controls.settings(values), new_folder())
        with suppress(Stopped):
            while True:
                # A waiting run gives way to that of a newer photo.
                with in_turn(cost, lambda: state.num_arrived != number):
                    if next(steps, steps) is steps:
                        return
                yield

    def has_results(state: Session, seen: Any, values: tuple[Any, ...]) -> bool:
        """Return whether there is a result to work on. On the opening page there is, after coloring the example."""
        is_new = state.num_arrived == 0
        recover(state, seen)
        if is_new:
            for _ in color(state, values):
                pass
        return state.comparison is not None

    def run(state: Session, _: Any, *values: Any) -> Iterator[Updates]:
        # Gradio empties the outputs of a generator that ends without a value.
        yield {viewer: gr.skip()}
        if state.num_begun == state.num_arrived:
            return  # no photo yet, or an earlier event's run has taken it
        number = max(1, state.num_arrived)  # 1 is then the opening example
        try:
            for _ in color(state, values):
                yield show(state, values)
            # Runs are side by side: one that a newer photo has ended must not show what it knew.
            if state.comparison is not None and state.num_arrived == number:
                state.see(None)
                scores = score_table(state.scored())
                if state.num_arrived == number:  # scoring takes a while
                    yield show(state, values)
                    # Gradio sends all of the last step once more.
                    yield {table: scores}
        except ColorizerError as error:
            yield troubled(state, str(error), values)

    def handler(change: Callable[..., None]) -> Callable[..., Updates]:
        """Return a handler that applies `change(session, event, values)` and shows the result or the problem."""

        def handle(state: Session, event: gr.EventData, seen: Any, *values: Any) -> Updates:
            try:
                if not has_results(state, seen, values):
                    return {viewer: gr.skip()}
                with in_turn(REPAINTING):
                    change(state, event, values)
                return show(state, values)
            except ColorizerError as error:
                return troubled(state, str(error), values)

        return handle

    def hint(state: Session, event: gr.EventData, _: tuple[Any, ...]) -> None:
        given = {name: getattr(event, name, None) for name in ("x", "y", "from", "color")}
        state.hint(str(getattr(event, "what", "")), getattr(event, "id", None), given)

    def adjust(state: Session, seen: Any, *values: Any) -> Updates:
        return handler(lambda *_: state.adjust(*values[:3], values[4], controls.decoding_options(values)))(
            state, None, seen, *values
        )

    def score(state: Session) -> Any:
        result = state.painted.get(state.chosen)
        if result is None or result.is_scored:
            return gr.skip()
        try:
            with in_turn(REPAINTING):
                state.score()
        except ColorizerError:
            return gr.skip()  # it was said when the picture was painted
        result = state.painted[state.chosen].result
        return about(catalog.entry(result.name), result, state.comparison)

    def save(state: Session, event: gr.EventData, seen: Any, *values: Any) -> str | None:
        try:
            if not has_results(state, seen, values):
                gr.Info("The photo is still being colored: download it in a moment.")
                return None
            comparison, is_all = state.comparison, getattr(event, "what", "") == "all"
            num_saved = len(comparison.colored) if is_all else 1
            with in_turn(work_cost(math.prod(comparison.size), num_saved=num_saved)):
                if is_all:
                    return str(save_all(comparison, values[3]))
                return str(save_result(comparison, getattr(event, "id", None) or state.chosen, values[3]))
        except ColorizerError as error:
            gr.Warning(str(error), title="Download failed")
            return None

    inputs = [session, viewer, *controls.inputs]
    # At every step Gradio tells all components where progress could show that there is none: here it is one.
    quiet = {"show_progress": "hidden", "show_progress_on": words, "api_visibility": "private"}
    # Each of two quick taps counts: "always_last" would run the second with the event data of the first.
    every = quiet | {"trigger_mode": "multiple"}
    network = {"concurrency_id": "network", "concurrency_limit": AT_ONCE}
    viewer.opened(open_photo, inputs, [*shown, table], **network, **every)
    starts = [
        viewer.kept(take_up, session, controls.inputs, queue=False, **every),
        gr.on(
            [
                getattr(control, "release" if isinstance(control, gr.Slider) else "input")
                for control in controls.rerunning
            ],
            again,
            [session, viewer],
            None,
            queue=False,
            **quiet,
        ),
    ]
    for start in starts:
        start.then(run, inputs, [*shown, table], **network, **quiet)
    changes = [
        viewer.chosen(
            handler(lambda state, event, _: state.see(str(getattr(event, "id", "")))),
            inputs,
            shown,
            **network,
            **every,
        ),
        # One after the other, so that of two quick taps the second is the one that stays.
        viewer.act(handler(hint), inputs, shown, concurrency_id="hint", **every),
        gr.on(
            [
                *(slider.change for slider in adjustments),
                *(control.input for control in (controls.reach, *controls.decoding.controls)),
            ],
            adjust,
            inputs,
            shown,
            trigger_mode="always_last",
            **network,
            **quiet,
        ),
    ]
    for change in changes:
        change.then(score, session, words, **network, **quiet)
    viewer.save(save, inputs, file, **network, **every).success(
        None, file, None, js=SAVE_FILE, api_visibility="private"
    )
    numbers.expand(
        lambda state: gr.skip() if state.comparison is None else score_table(state.scored()), session, table, **quiet
    )
    return PhotoTab(session, controls, links)
