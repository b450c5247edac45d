"""Generators in threads of their own: order, errors, bounds and an early end."""

import threading
from collections.abc import Generator
from contextlib import closing

import pytest

from colorizer.video.ahead import ahead


def numbers(end: int, given: list[int], closed: threading.Event) -> Generator[int]:
    try:
        for number in range(end):
            given.append(number)
            yield number
    finally:
        closed.set()


@pytest.mark.parametrize("count", [1, 3, 9])
def test_all_items_come_in_order(count: int):
    given, closed = [], threading.Event()
    assert list(ahead(numbers(5, given, closed), count)) == [0, 1, 2, 3, 4]
    assert list(ahead(numbers(0, given, closed), count)) == []
    assert closed.is_set()


def test_an_error_comes_after_the_items_before_it():
    def failing() -> Generator[int]:
        yield 0
        yield 1
        raise ValueError("at two")

    items = ahead(failing(), 3)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(ValueError, match="at two"):
        next(items)


def test_no_more_than_asked_for_is_computed_and_an_early_end_closes_the_generator():
    given, closed = [], threading.Event()
    with closing(ahead(numbers(100, given, closed), 2)) as items:
        assert [next(items), next(items)] == [0, 1]
        assert not closed.is_set()
    assert closed.is_set()
    assert len(given) <= 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
