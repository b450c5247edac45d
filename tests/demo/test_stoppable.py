from collections.abc import Iterator
from contextvars import ContextVar
from threading import Event, Timer

import pytest

from colorizer.demo.stoppable import StopSign, until_stopped
from colorizer.server.fair_turns import LIGHT, FairTurns

WAIT = 20  # seconds; everything here takes less than one on an idle machine
VISITOR: ContextVar[str] = ContextVar("visitor")


def test_all_steps_come_in_order() -> None:
    assert list(until_stopped(iter_of(5), StopSign())) == [0, 1, 2, 3, 4]


def iter_of(count: int) -> Iterator[int]:
    yield from range(count)


def test_a_raised_sign_ends_them_without_waiting_for_the_step_that_goes_on() -> None:
    going_on, may_end, closed = Event(), Event(), Event()

    def steps() -> Iterator[int]:
        try:
            yield 0
            going_on.set()
            assert may_end.wait(WAIT)
            yield 1
            raise AssertionError("a step after the last")
        finally:
            closed.set()

    sign = StopSign()

    def stop() -> None:
        assert going_on.wait(WAIT)
        sign.is_raised = True

    Timer(0, stop).start()
    assert list(until_stopped(steps(), sign)) == [0]
    assert not closed.is_set()
    may_end.set()
    assert closed.wait(WAIT)


def test_a_sign_that_is_raised_before_lets_nothing_begin() -> None:
    def steps() -> Iterator[int]:
        raise AssertionError("begun")
        yield 0

    sign = StopSign()
    sign.is_raised = True
    assert list(until_stopped(steps(), sign)) == []


def test_errors_come_through() -> None:
    def steps() -> Iterator[int]:
        yield 0
        raise ValueError("broken")

    taken = until_stopped(steps(), StopSign())
    assert next(taken) == 0
    with pytest.raises(ValueError, match="broken"):
        next(taken)


def test_who_stops_listening_closes_them() -> None:
    closed = Event()

    def steps() -> Iterator[int]:
        try:
            yield from range(3)
        finally:
            closed.set()

    taken = until_stopped(steps(), StopSign())
    next(taken)
    taken.close()
    assert closed.wait(WAIT)


def test_raised_sign_leaves_the_queue_without_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = FairTurns()
    monkeypatch.setattr("colorizer.demo.components._TURNS", turns)
    sign = StopSign()

    def stop() -> None:
        while turns.num_pending < 2:
            Event().wait(0.001)
        sign.is_raised = True

    def steps() -> Iterator[int]:
        raise AssertionError("begun")
        yield 0

    with turns.turn("another", 2 * LIGHT):
        Timer(0, stop).start()
        assert list(until_stopped(steps(), sign, 2 * LIGHT)) == []
        while turns.num_pending > 1:
            Event().wait(0.001)
    assert turns.num_pending == 0


def test_turn_is_held_for_a_step_and_not_between_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = FairTurns()
    monkeypatch.setattr("colorizer.demo.components._TURNS", turns)
    pending = []

    def steps() -> Iterator[int]:
        for step in range(3):
            pending.append(turns.num_pending)
            yield step
        pending.append(turns.num_pending)
        raise ValueError("broken")

    taken = until_stopped(steps(), StopSign(), 1)
    for step in range(3):
        assert next(taken) == step
        assert turns.num_pending == 0
    with pytest.raises(ValueError, match="broken"):
        next(taken)
    assert pending == [1, 1, 1, 1]
    assert turns.num_pending == 0


def test_steps_run_in_the_context_of_the_caller() -> None:
    def steps() -> Iterator[str]:
        for _ in range(2):
            yield VISITOR.get()

    VISITOR.set("one")
    assert list(until_stopped(steps(), StopSign())) == ["one", "one"]
