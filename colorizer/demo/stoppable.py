"""Stop work that goes on in steps, without waiting for the step that it is at."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.components import QUIET, Updates

T = TypeVar("T")

_LOOK = 0.05  # seconds between two looks at the sign


class StopSign:
    """Raised by one event of a visitor's page, seen by another."""

    def __init__(self) -> None:
        self.is_raised = False


def until_stopped(steps: Iterator[T], sign: StopSign) -> Iterator[T]:
    """The steps as they come; none any more as soon as the sign is raised.

    The step that is being computed then ends by itself, unseen, and is the last. Gradio's own way, to cancel the event, can
    come in the midst of an answer to the page, which then shows an error or loses what the button says.
    """
    pool = ThreadPoolExecutor(1)
    end = object()
    try:
        while not sign.is_raised:
            # In this context, by which Gradio knows whose progress it is.
            work = pool.submit(copy_context().run, next, steps, end)
            while not work.done() and not sign.is_raised:
                wait([work], timeout=_LOOK)
            if sign.is_raised or (step := work.result()) is end:
                return
            yield step
    finally:
        pool.submit(steps.close)
        pool.shutdown(wait=False)


@dataclass(frozen=True)
class RunButtons:
    """One of the two buttons is to be seen. sign: the `StopSign` of the run that goes on."""

    begin: gr.Button
    stop: gr.Button
    sign: gr.State

    @property
    def at_rest(self) -> Updates:
        """Updates for when a run is over, however it ended."""
        return {self.begin: gr.Button(visible=True), self.stop: gr.Button(visible=False)}

    def connect(
        self,
        run: Callable[..., Iterator[Updates]],
        inputs: Sequence[gr.blocks.Block],
        outputs: Sequence[gr.blocks.Block],
        *,
        status: gr.Markdown,
        concurrency_id: str,
        at_once: Callable[[], Updates] = dict,
    ) -> None:
        """Let `run`, which takes the inputs and the sign, and yields updates of buttons, status and outputs, begin and stop.

        at_once: further updates for the moment when the button was pressed. Progress shows over the status. Runs of one
        concurrency id wait for each other.
        """

        def begin() -> Updates:
            return {
                self.begin: gr.Button(visible=False),
                self.stop: gr.Button("Stop", visible=True, interactive=True),
                self.sign: StopSign(),
                **at_once(),
            }

        self.begin.click(begin, None, [self.begin, self.stop, self.sign, *at_once()], **QUIET).then(
            run,
            [*inputs, self.sign],
            [self.begin, self.stop, status, *outputs],
            preprocess=False,  # see uploaded_file
            show_progress_on=status,
            concurrency_id=concurrency_id,
            api_visibility="private",
        )
        self.stop.click(_raise, self.sign, self.stop, **QUIET)


def build_buttons(label: str) -> RunButtons:
    """Build the buttons inside the current Blocks."""
    button = gr.Button(label, variant="primary", size="lg")
    return RunButtons(button, gr.Button("Stop", variant="stop", size="lg", visible=False), gr.State())


def offer_models(model: gr.Dropdown, catalog: Catalog, tab: gr.Tab) -> None:
    """Let the tab, whenever it is opened, offer what visitors have added in another."""
    tab.select(lambda: gr.Dropdown(choices=catalog.names), None, model, **QUIET)


def _raise(sign: StopSign) -> gr.Button:
    """The run then ends by itself."""
    sign.is_raised = True
    return gr.Button("Stopping …", interactive=False)
