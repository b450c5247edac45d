"""Long tasks that a visitor can stop: the Start and Stop buttons, and the loop between them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.components import QUIET, Updates, in_turn
from colorizer.errors import ColorizerError

T = TypeVar("T")

_POLL = 0.05  # seconds between two checks of the sign


class Step(Protocol):
    """Progress of a task: a line or more of Markdown, and whether this is the last step."""

    @property
    def text(self) -> str: ...

    @property
    def is_done(self) -> bool: ...


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

    def connect(
        self,
        start: Callable[..., Iterator[Step]],
        show: Callable[[Any], Updates],
        inputs: Sequence[gr.blocks.Block],
        outputs: Sequence[gr.blocks.Block],
        *,
        status: gr.Markdown,
        concurrency_id: str,
        concurrency_limit: int = 1,
        cost: int | None = None,
    ) -> None:
        """Connect the buttons to a task: `start` takes the values of the inputs, as they were sent, and returns its steps.

        show: returns updates of the outputs for a step.
        status: where the text of each step shows, or what went wrong.
        concurrency_id: tasks with the same id wait for each other, except for `concurrency_limit` of them.
        cost: of a step, as in `until_stopped`.
        """

        def at_rest() -> Updates:
            return {self.begin: gr.Button(visible=True), self.stop: gr.Button(visible=False)}

        def begin() -> Updates:
            return {
                self.begin: gr.Button(visible=False),
                self.stop: gr.Button("Stop", visible=True, interactive=True),
                self.sign: StopSign(),
            }

        def run(sign: StopSign, *values: Any) -> Iterator[Updates]:
            is_done = False
            try:
                for step in until_stopped(start(*values), sign, cost):
                    is_done = step.is_done
                    yield {**(at_rest() if is_done else {}), status: step.text, **show(step)}
                if not is_done:
                    yield {**at_rest(), status: "Stopped. Nothing was saved."}
            except ColorizerError as error:
                yield {**at_rest(), status: f"⚠ {error}"}

        self.begin.click(begin, None, [self.begin, self.stop, self.sign], **QUIET).then(
            run,
            [self.sign, *inputs],
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
