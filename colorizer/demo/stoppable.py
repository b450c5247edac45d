"""Stop work that goes on in steps, without waiting for the step that it is at."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

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
