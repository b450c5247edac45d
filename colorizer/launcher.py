"""Workers of `accelerate launch` and `torchrun` end when their launcher is killed, instead of running on unnoticed."""

import os
import signal
import threading
import time

# Environment variables that the launchers set for their workers.
_MARKS = ("TORCHELASTIC_RUN_ID", "ACCELERATE_DYNAMO_BACKEND")
_GRACE = 30  # seconds from SIGTERM to the end, as torchrun grants them


def end_with_launcher() -> None:
    """Watch the launcher of this process, if it has one. When the launcher dies, this process gets SIGTERM and 30 seconds.

    A launcher that is killed can't end its workers itself. SIGTERM lets a training run save its state.
    """
    if any(mark in os.environ for mark in _MARKS):
        threading.Thread(target=_watch, args=(os.getppid(),), name="launcher", daemon=True).start()


def _watch(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(1)
    # The alarm also ends a process that is stuck, for example waiting for another one.
    signal.alarm(_GRACE)
    os.kill(os.getpid(), signal.SIGTERM)
