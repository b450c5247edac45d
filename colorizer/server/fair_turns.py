"""Turns of visitors at the processor, so that nobody's large photos hold the others up. No Gradio here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

from colorizer.errors import ColorizerError
from colorizer.photos.files.reading import read_size

MAX_PIXELS = 50_000_000
"""Pixels of a visitor's photo."""
# Costs are in pixels that are colored and saved: about a second per three million on a small machine.
LIGHT = 4_000_000
MAX_PENDING = 400_000_000
"""Bound of the costs of what one caller waits for, if it is more than one piece of work. A class has one address."""
AT_ONCE = 44
"""Calls that wait for their turn at once. The others wait in Gradio's queue, which is not sorted."""
_UNKNOWN_PIXELS = 24_000_000  # of a photo whose header does not tell its size
_NETWORK = 500_000  # the cost of running a network, on a photo of any size
_POLL = 0.1  # seconds between two checks of whether a waiting piece is still wanted


class Stopped(ColorizerError):
    """The caller left while waiting for the turn."""


@dataclass(eq=False)
class _Piece:
    caller: str
    cost: int
    place: int


class FairTurns:
    """Turns at heavy work and turns at light work, one piece of each at a time.

    A light piece never waits for a heavy one. Among the heavy, and among the light, those of low cost come first, but a piece
    is passed only by those that arrive until work of its own cost is done, so that none waits for ever. A caller's pieces
    count as one after the other.
    """

    def __init__(self, *, light: int = LIGHT, max_pending: int = MAX_PENDING) -> None:
        self._light, self._max_pending = light, max_pending
        self._changed = Condition()
        self._lanes = (_Lane(), _Lane())

    @contextmanager
    def turn(self, caller: str, cost: int, should_stop: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Wait for the turn of a piece of work, which is the block.

        Raises:
            Stopped: `should_stop()` was true before the turn came.
            ColorizerError: the caller waits for too much already.
        """
        lane = self._lanes[cost > self._light]
        with self._changed:
            pending = sum(piece.cost for each in self._lanes for piece in each.pieces if piece.caller == caller)
            if pending and pending + cost > self._max_pending:
                raise ColorizerError("Your other photos are not done yet: wait for them, or send fewer at a time.")
            piece = lane.add(caller, cost)
        try:
            with self._changed:
                while not lane.admit(piece):
                    if should_stop():
                        raise Stopped("Stopped.")
                    self._changed.wait(_POLL)
            yield
        finally:
            with self._changed:
                lane.remove(piece)
                self._changed.notify_all()

    @property
    def num_pending(self) -> int:
        """Number of pieces that run or wait."""
        with self._changed:
            return sum(len(lane.pieces) for lane in self._lanes)


class _Lane:
    """Pieces of which one runs at a time."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []  # by arrival
        self._running: _Piece | None = None
        self._done = 0  # cost of all that has run

    def add(self, caller: str, cost: int) -> _Piece:
        start = max([self._done, *(piece.place for piece in self.pieces if piece.caller == caller)])
        self.pieces.append(_Piece(caller, cost, start + cost))
        return self.pieces[-1]

    def admit(self, piece: _Piece) -> bool:
        if self._running is None and piece is min(self.pieces, key=lambda other: other.place):
            self._running = piece
        return self._running is piece

    def remove(self, piece: _Piece) -> None:
        self.pieces.remove(piece)
        if self._running is piece:
            self._running = None
            self._done += piece.cost


def photo_cost(source: str | None, *, num_saved: int = 1, num_previews: int = 0, preview_pixels: int = 0) -> int:
    """Return the `work_cost` of a photo's file.

    Raises:
        PhotoError: it is none, too large or too long, by its header, so that it need not wait for its turn.
    """
    size = read_size(source, max_pixels=MAX_PIXELS, name=Path(source).name) if source else (0, 0)
    pixels = _UNKNOWN_PIXELS if size is None else size[0] * size[1]
    return work_cost(pixels, num_saved=num_saved, num_previews=num_previews, preview_pixels=preview_pixels)


def work_cost(pixels: int, *, num_saved: int = 0, num_previews: int = 0, preview_pixels: int = 0) -> int:
    """Return the cost of coloring a photo at its own size `num_saved` times, and smaller `num_previews` times."""
    previews = num_previews * min(pixels, preview_pixels)
    # Reading takes about an eighth of the time of saving.
    return pixels // 8 + num_saved * pixels + previews + (num_saved + num_previews) * _NETWORK
