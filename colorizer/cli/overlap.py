"""Read photos ahead of the network and save results behind it, in threads, a few at a time. Messages keep their order."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Self, TypeVar

from colorizer.cli.failures import reported

Entry = TypeVar("Entry")
Value = TypeVar("Value")

_SAVING = 2  # results that are saved at a time, each by a thread


def read_ahead(entries: Iterable[Entry], read: Callable[[Entry], Value]) -> Iterator[tuple[Entry, Future[Value]]]:
    """Yield each entry with what `read` makes of it, or raises. A thread is up to two entries ahead."""
    ready: queue.Queue[tuple[Entry, Future[Value]] | None] = queue.Queue(1)
    stopped = threading.Event()

    def work() -> None:
        for entry in entries:
            future: Future[Value] = Future()
            try:
                future.set_result(read(entry))
            except BaseException as error:  # raised where the result is asked for
                future.set_exception(error)
            ready.put((entry, future))
            if stopped.is_set():
                return
        ready.put(None)

    # A daemon, so that Ctrl-C doesn't wait for a download.
    threading.Thread(target=work, name="reading", daemon=True).start()
    try:
        while (done := ready.get()) is not None:
            yield done
    finally:
        stopped.set()
        with suppress(queue.Empty):
            ready.get_nowait()


class Saving:
    """Save results in threads, and report their failures, in order with other messages.

    At the end all is saved; after an error or Ctrl-C, what a thread has begun.
    """

    def __init__(self, failed: set[str]):
        self._failed = failed
        self._pending: deque[tuple[Future | None, Callable[[], None]]] = deque()
        self._pool = ThreadPoolExecutor(_SAVING, "saving")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        try:
            if kind is None or issubclass(kind, Exception):
                self._report(0)
        finally:
            self._pool.shutdown(cancel_futures=True)

    def save(self, label: str, save: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """Save a photo's result soon; wait while too many others do. A ColorizerError is reported."""
        future = self._pool.submit(save, *arguments, **options)
        self._pending.append((future, partial(self._check, label, future)))
        self._report(_SAVING)

    def then(self, report: Callable[[], None]) -> None:
        """Call `report`, which prints, once all results before it are saved."""
        self._pending.append((None, report))
        self._report(_SAVING)

    def _check(self, label: str, future: Future) -> None:
        with reported(label, self._failed):
            future.result()

    def _report(self, limit: int) -> None:
        """Report what is done, and wait for the first results while more than `limit` are not."""
        while self._pending:
            future = self._pending[0][0]
            if future and not future.done() and sum(bool(future) for future, _ in self._pending) <= limit:
                return
            self._pending.popleft()[1]()
