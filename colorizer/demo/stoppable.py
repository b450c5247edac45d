"""Long tasks that a visitor can stop: the Start and Stop buttons, and the loop between them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.components import QUIET, Updates, in_turn

T = TypeVar("T")

_POLL = 0.05  # seconds between two checks of the sign


class StopSign:
    """Flag that one event of a page sets and another one reads."""

    def __init__(self) -> None:
        self.is_raised = False


def until_stopped(steps: Iterator[T], sign: StopSign, cost: int | None = None) -> Iterator[T]:
    """Yield the steps until the sign is raised, without waiting for the current step.

    With a `cost`, each step waits for its turn; see `FairTurns`.

    The current step still finishes in the background; its result is dropped. Gradio's own `cancels` can interrupt a response
    to the page, which then shows an error or a button with the wrong label.
    """
    pool = ThreadPoolExecutor(1)
    end = object()

    def take() -> T:
        with nullcontext() if cost is None else in_turn(cost, lambda: sign.is_raised):
            return next(steps, end)

    try:
        while not sign.is_raised:
            # Gradio finds the visitor's progress bar through this context.
            work = pool.submit(copy_context().run, take)
            while not work.done() and not sign.is_raised:
                wait([work], timeout=_POLL)
            if sign.is_raised or (step := work.result()) is end:
                return
            yield step
    finally:
        pool.submit(steps.close)
        pool.shutdown(wait=False)


@dataclass(frozen=True)
class RunButtons:
    """Start and Stop buttons; only one is visible. `sign` holds the `StopSign` of the current run."""

    begin: gr.Button
    stop: gr.Button
    sign: gr.State

    @property
    def at_rest(self) -> Updates:
        """Updates for the end of a run, however it ended."""
        return {self.begin: gr.Button(visible=True), self.stop: gr.Button(visible=False)}

    def connect(
        self,
        run: Callable[..., Iterator[Updates]],
        inputs: Sequence[gr.blocks.Block],
        outputs: Sequence[gr.blocks.Block],
        *,
        status: gr.Markdown,
        concurrency_id: str,
        concurrency_limit: int = 1,
        at_once: Callable[[], Updates] = dict,
    ) -> None:
        """Connect the buttons to `run`, which takes the inputs and the sign, and yields updates of buttons, status and outputs.

        status: where the progress bar shows.
        concurrency_id: runs with the same id wait for each other, except for `concurrency_limit` of them.
        at_once: returns more updates for the moment when the button is pressed.
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
            concurrency_limit=concurrency_limit,
            api_visibility="private",
        )
        self.stop.click(_raise, self.sign, self.stop, **QUIET)


def build_buttons(label: str) -> RunButtons:
    """Build the buttons inside the current Blocks."""
    button = gr.Button(label, variant="primary", size="lg")
    return RunButtons(button, gr.Button("Stop", variant="stop", size="lg", visible=False), gr.State())


def offer_models(model: gr.Dropdown, catalog: Catalog, tab: gr.Tab) -> None:
    """Refresh the list of models whenever the tab is opened, since visitors can add models in another tab."""
    tab.select(lambda: gr.Dropdown(choices=catalog.choices), None, model, **QUIET)


def _raise(sign: StopSign) -> gr.Button:
    sign.is_raised = True
    return gr.Button("Stopping …", interactive=False)
