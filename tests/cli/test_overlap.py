"""Reading ahead and saving behind: bounded, and in order."""

import threading
import time

import pytest

from colorizer import ColorizerError
from colorizer.cli.overlap import Saving, read_ahead


def wait_until(condition) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_thread_reads_two_ahead_and_an_error_stands_in_its_place():
    started = []

    def read(number: int) -> int:
        started.append(number)
        if number == 1:
            raise ColorizerError("broken")
        return number * 10

    ahead = read_ahead(range(9), read)
    number, reading = next(ahead)
    assert (number, reading.result()) == (0, 0)
    wait_until(lambda: started == [0, 1, 2])
    time.sleep(0.05)
    assert started == [0, 1, 2]
    _, reading = next(ahead)
    with pytest.raises(ColorizerError, match="broken"):
        reading.result()
    assert [reading.result() for _, reading in ahead] == list(range(20, 90, 10))


def test_reading_ends_where_nothing_more_is_taken():
    ahead = read_ahead(range(9), lambda number: number)
    next(ahead)
    ahead.close()
    wait_until(lambda: "reading" not in {thread.name for thread in threading.enumerate()})


def test_two_are_saved_at_a_time_and_messages_keep_their_order(capsys):
    running, most, saved, failed = [], [], [], set()

    def save(number: int) -> None:
        running.append(number)
        most.append(len(running))
        time.sleep(0.05 if number % 2 else 0.01)
        running.remove(number)
        if number == 3:
            raise ColorizerError("the disk is full")
        saved.append(number)

    with Saving(failed) as saving:
        for number in range(6):
            saving.save(f"{number}.jpg", save, number)
            saving.then(lambda number=number: print(f"after {number}: {3 in saved}, {number in {*saved, 3}}"))
    assert max(most) == 2
    assert sorted(saved) == [0, 1, 2, 4, 5]
    assert failed == {"3.jpg"}
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [f"after {number}: False, True" for number in range(6)]
    assert printed.err.strip() == "3.jpg: the disk is full"


def test_after_ctrl_c_what_has_begun_is_saved_and_no_more():
    begun, may_end, saved = threading.Semaphore(0), threading.Event(), []

    def save(number: int) -> None:
        begun.release()
        may_end.wait(10)
        saved.append(number)

    def interrupt() -> None:
        for number in range(2):
            saving.save("a.jpg", save, number)
        begun.acquire()
        begun.acquire()
        may_end.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Saving(set()) as saving:
        interrupt()
    assert sorted(saved) == [0, 1]
