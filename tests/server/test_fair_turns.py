"""Order in which pieces of work are admitted. No test depends on how long anything takes."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from colorizer.demo.api import build_endpoints
from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.canvas import Studio
from colorizer.demo.photo.hint_endpoint import build_hint_endpoint
from colorizer.demo.photo.tab import build_photo_tab
from colorizer.demo.vote.store import VoteStore
from colorizer.demo.vote.tab import build_vote_tab
from colorizer.errors import ColorizerError, PhotoError
from colorizer.server.fair_turns import AT_ONCE, LIGHT, MAX_PENDING, FairTurns, Stopped, photo_cost

WAIT = 20  # seconds; everything here takes less than one on an idle machine
HEAVY = 49_000_000


class Queue:
    """Turns, and the order in which named pieces of work were admitted. A piece that `stays` runs until `end`."""

    def __init__(self) -> None:
        self.turns = FairTurns()
        self.order: list[str] = []
        self.pool = ThreadPoolExecutor(32)
        self._futures: list[Future] = []
        self._ends: dict[str, threading.Event] = {}

    def add(
        self,
        caller: str,
        cost: int,
        name: str | None = None,
        *,
        stays: bool = False,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Future:
        """Let a caller wait for a turn. Returns once the piece waits, runs or is done."""
        name, is_waiting = name or caller, threading.Event()
        self._ends[name] = threading.Event()
        if not stays:
            self._ends[name].set()

        def is_stopped() -> bool:  # asked of those that wait
            is_waiting.set()
            return should_stop()

        def work() -> None:
            with self.turns.turn(caller, cost, is_stopped):
                self.order.append(name)
                assert self._ends[name].wait(WAIT)

        future = self.pool.submit(work)
        self._futures.append(future)
        self.until(lambda: is_waiting.is_set() or name in self.order or future.done())
        return future

    def end(self, name: str) -> None:
        self._ends[name].set()

    def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def finish(self) -> list[str]:
        for end in self._ends.values():
            end.set()
        for future in self._futures:
            future.exception(WAIT)
        return self.order


@pytest.fixture
def queue() -> Iterator[Queue]:
    queue = Queue()
    yield queue
    queue.finish()
    assert queue.turns.num_pending == 0


def test_small_photo_passes_a_large_one_that_is_being_colored(queue: Queue) -> None:
    queue.add("ada", HEAVY, stays=True)
    queue.add("bob", LIGHT).result(WAIT)
    assert queue.order == ["ada", "bob"]
    assert queue.turns.num_pending == 1


def test_of_the_waiting_the_cheapest_comes_first(queue: Queue) -> None:
    queue.add("ada", HEAVY, stays=True)
    for name, cost in (("bob", 40), ("cid", 12), ("dan", 30), ("eve", 12)):
        queue.add(name, cost * 10**6)
    assert queue.finish() == ["ada", "cid", "eve", "dan", "bob"]


def test_one_of_a_kind_runs_at_a_time(queue: Queue) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    @contextmanager
    def counted() -> Iterator[None]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        yield
        with lock:
            running -= 1

    def work(number: int) -> None:
        with queue.turns.turn(str(number), 10**6 * (number % 5 + 5)), counted():
            time.sleep(0.001)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(work, range(200)))
    assert most == 1


def test_many_photos_of_one_visitor_do_not_hold_up_anothers(queue: Queue) -> None:
    queue.add("ada", 10**7, "ada 0", stays=True)
    for number in range(1, 6):
        queue.add("ada", 10**7, f"ada {number}")
    for number in range(2):
        queue.add("bob", 10**7, f"bob {number}")
    assert queue.finish() == ["ada 0", "bob 0", "ada 1", "bob 1", "ada 2", "ada 3", "ada 4", "ada 5"]


def test_large_photo_does_not_wait_for_ever(queue: Queue) -> None:
    queue.add("ada", 5 * 10**6, "first", stays=True)
    queue.add("large", HEAVY)
    before = "first"
    for number in range(20):
        # A new visitor each time, before the place of the one before is free.
        queue.add(f"visitor {number}", 5 * 10**6, str(number), stays=True)
        queue.end(before)
        queue.until(lambda number=number: len(queue.order) > number + 1)
        before = queue.order[-1]
        if before == "large":
            break
    # It is passed by as much as its own cost, and not by more.
    assert queue.order.index("large") == 10


@pytest.mark.parametrize("is_running", [True, False])
def test_failure_gives_the_turn_to_the_next(queue: Queue, is_running: bool) -> None:
    def fail() -> None:
        with queue.turns.turn("ada", HEAVY):
            raise OSError("disk full")

    if is_running:
        with pytest.raises(OSError, match="disk full"):
            fail()
    else:
        queue.add("cid", HEAVY, stays=True)
        failing = queue.pool.submit(fail)
        queue.until(lambda: queue.turns.num_pending == 2)
        queue.end("cid")
        assert isinstance(failing.exception(WAIT), OSError)
    queue.add("bob", HEAVY).result(WAIT)


def test_who_stops_waiting_is_passed_over(queue: Queue) -> None:
    is_stopped = threading.Event()
    queue.add("ada", HEAVY, stays=True)
    stopped = queue.add("bob", 10**7, should_stop=is_stopped.is_set)
    queue.add("cid", 2 * 10**7)
    is_stopped.set()
    assert isinstance(stopped.exception(WAIT), Stopped)
    assert queue.finish() == ["ada", "cid"]


def test_caller_waits_for_so_much_at_most(queue: Queue) -> None:
    queue.add("ada", MAX_PENDING, stays=True)
    with pytest.raises(ColorizerError, match="not done yet"):
        queue.add("ada", 1, "more").result(WAIT)
    queue.add("bob", LIGHT, stays=True)
    more = MAX_PENDING - LIGHT
    queue.add("bob", more, "bob's rest")
    with pytest.raises(ColorizerError, match="not done yet"):
        queue.add("bob", 1, "bob's last").result(WAIT)
    queue.end("ada")
    queue.end("bob")
    queue.until(lambda: queue.turns.num_pending == 0)
    # Alone, any that the endpoints allow is taken.
    queue.add("ada", 2 * MAX_PENDING, "again").result(WAIT)


def test_cost_is_known_from_the_header(tmp_path: Path) -> None:
    Image.new("L", (3000, 1000)).save(tmp_path / "photo.png")
    photo = str(tmp_path / "photo.png")
    assert photo_cost(photo) == 3_875_000 < LIGHT
    assert photo_cost(photo, num_saved=3) > 3 * photo_cost(photo, num_saved=0)
    assert photo_cost(photo, num_saved=0, num_previews=2, preview_pixels=10**6) == 3_375_000
    assert photo_cost(None, num_saved=0) == 0
    Image.new("1", (10_000, 6_000)).save(tmp_path / "large.png")
    with pytest.raises(PhotoError, match=r"^large\.png has 60 million pixels"):
        photo_cost(str(tmp_path / "large.png"))
    Image.new("1", (1, 1_000_001)).save(tmp_path / "long.png")
    with pytest.raises(PhotoError, match=r"^long\.png has a side of 1,000,001 pixels"):
        photo_cost(str(tmp_path / "long.png"))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)))
    with pytest.raises(PhotoError, match=r"^broken\.jpg"):
        photo_cost(str(tmp_path / "broken.jpg"))


def test_calls_wait_for_their_turn_and_not_in_gradios_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    catalog = Catalog()
    with gr.Blocks() as demo, gr.Tab() as tab:
        build_photo_tab(studio := Studio(catalog))
        build_hint_endpoint(studio)
        build_vote_tab(catalog, VoteStore(tmp_path / "votes.sqlite3"), None, tab)
        build_endpoints(catalog)
    # Gradio takes the lowest limit of all events of an id.
    limits = {
        event.api_name: event.concurrency_limit for event in demo.fns.values() if event.concurrency_id == "network"
    }
    events = {"run", "open_photo", "handle", "adjust", "score", "save"}
    assert {"colorize", "compare", "hint", *events} <= set(limits)
    assert set(limits.values()) == {AT_ONCE}
