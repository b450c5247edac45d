"""Stages of work side by side: each a generator in a thread of its own."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_END = object()


def ahead(items: Generator[T], count: int = 1) -> Generator[T]:
    """Yield the items of a generator, up to `count` of which are computed in a thread while earlier ones are in use.

    An error of the generator is raised here, after the items before it. Closing this closes it, once the item in progress is
    done.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
    try:
        waiting = deque(pool.submit(next, items, _END) for _ in range(count))
        while (item := waiting.popleft().result()) is not _END:
            waiting.append(pool.submit(next, items, _END))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)
        items.close()
