"""Vote limits: one vote per pair shown, and a maximum per hour. In memory only."""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock

from colorizer.errors import ColorizerError
from colorizer.server.callers import network_of

HOUR = 3600.0
# Seconds before a pair expires, and the minimum time between seeing it and voting.
LIFETIME = HOUR
LOOK = 1.0
# Maximum number of open pairs, per visitor and in total. The oldest is dropped.
MAX_WAITING = 8
MAX_WAITING_IN_ALL = 5000
# Maximum number of votes per hour, per visitor and in total, in case someone uses many addresses.
MAX_VOTES = 60
MAX_VOTES_IN_ALL = 3000


@dataclass(frozen=True)
class Pair:
    """Two approaches on a photo; `photo` is any text that identifies the photo."""

    model_a: str
    model_b: str
    photo: str

    def is_same(self, other: "Pair") -> bool:
        """Return True for the same approaches on the same photo, in either order."""
        return self.photo == other.photo and {self.model_a, self.model_b} == {other.model_a, other.model_b}


@dataclass(frozen=True)
class _Shown:
    pair: Pair
    visitor: str
    time: float


class BallotBox:
    """Hand out a token per pair shown, and accept it for one vote. `clock` returns seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._waiting: OrderedDict[str, _Shown] = OrderedDict()
        self._votes: deque[_Shown] = deque()
        self._lock = Lock()

    def visitor(self, address: str) -> str:
        """Return a visitor's id: a hash of the network address, with a key that changes at every start of the app."""
        address = network_of(address)
        return hmac.new(self._key, address.encode(), hashlib.sha256).hexdigest()

    def show(self, pair: Pair, visitor: str) -> str:
        """Return the token for one vote on this pair by this visitor, valid after `LOOK` seconds."""
        with self._lock:
            self._forget_old()
            mine = [token for token, shown in self._waiting.items() if shown.visitor == visitor]
            for token in mine[: max(0, len(mine) - MAX_WAITING + 1)]:
                del self._waiting[token]
            if len(self._waiting) >= MAX_WAITING_IN_ALL:
                self._waiting.popitem(last=False)
            token = secrets.token_urlsafe(16)
            self._waiting[token] = _Shown(pair, visitor, self._clock())
            return token

    @contextmanager
    def take(self, token: str, visitor: str) -> Iterator[Pair]:
        """Use up a token, give its pair to the block, and take it all back if the block raises: that vote was not stored.

        Raises:
            ColorizerError: the pair was voted on before, is too old or too new or another visitor's, or the visitor voted on
                it or reached the limit within the hour.
        """
        with self._lock:
            self._forget_old()
            shown = self._waiting.get(token)
            if shown is None or shown.visitor != visitor:
                raise ColorizerError("This pair was already voted on, or has expired. Get a new pair.")
            if self._clock() - shown.time < LOOK:
                raise ColorizerError("That was quick. Look at both results for a second, then vote.")
            self._check_bounds(visitor)
            del self._waiting[token]
            if self._has_voted(visitor, shown.pair):
                raise ColorizerError("You already voted on this pair for this photo. Get a new pair.")
            vote = _Shown(shown.pair, visitor, self._clock())
            self._votes.append(vote)
        try:
            yield shown.pair
        except BaseException:
            with self._lock, suppress(ValueError):  # it has expired meanwhile
                self._votes.remove(vote)
                waiting = {**self._waiting, token: shown}
                self._waiting = OrderedDict(sorted(waiting.items(), key=lambda item: item[1].time))
            raise

    def check_bounds(self, visitor: str) -> None:
        """Raise ColorizerError if the visitor can't vote now, before a pair is computed."""
        with self._lock:
            self._forget_old()
            self._check_bounds(visitor)

    def has_voted(self, visitor: str, pair: Pair) -> bool:
        """Return True if the visitor voted on the pair within the last hour."""
        with self._lock:
            self._forget_old()
            return self._has_voted(visitor, pair)

    def _check_bounds(self, visitor: str) -> None:
        if sum(vote.visitor == visitor for vote in self._votes) >= MAX_VOTES:
            raise ColorizerError(f"Limit reached: {MAX_VOTES} votes per visitor per hour. Come back later.")
        if len(self._votes) >= MAX_VOTES_IN_ALL:
            raise ColorizerError("Limit reached: too many votes this hour. Come back later.")

    def _has_voted(self, visitor: str, pair: Pair) -> bool:
        return any(vote.visitor == visitor and vote.pair.is_same(pair) for vote in self._votes)

    def _forget_old(self) -> None:
        now = self._clock()
        while self._votes and now - self._votes[0].time >= HOUR:
            self._votes.popleft()
        while self._waiting and now - next(iter(self._waiting.values())).time >= LIFETIME:
            self._waiting.popitem(last=False)
