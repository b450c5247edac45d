"""Ctrl-C and SIGTERM: the run ends after the current step, on all processes, and can be resumed."""

import signal
from types import FrameType, TracebackType

import torch
from accelerate import Accelerator


class StopRequest:
    """Request to stop by a signal: `with StopRequest(accelerator) as stop: … if stop.is_made(): break`.

    A second Ctrl-C ends the run at once.
    """

    def __init__(self, accelerator: Accelerator):
        self.accelerator = accelerator
        self.was_made = False
        self._signaled = False

    def __enter__(self) -> "StopRequest":
        self._previous_handlers = {
            number: signal.signal(number, self._handle_signal) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        if self._signaled:
            raise KeyboardInterrupt
        self._signaled = True

    def is_made(self) -> bool:
        """Return whether any process was asked to stop. Every process must call it at the same step."""
        self.was_made = self._signaled
        if self.accelerator.num_processes > 1:
            # All processes leave the loop at the same step, or some would wait forever.
            flag = torch.tensor(float(self._signaled), device=self.accelerator.device)
            self.was_made = self.accelerator.reduce(flag, reduction="sum").item() > 0
        return self.was_made
