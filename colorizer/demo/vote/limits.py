"""Who may vote on what: pairs that wait for their one vote, and bounds on the votes of an hour. In memory alone."""

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from colorizer.errors import ColorizerError

HOUR = 3600.0
# Seconds that a pair can be voted on, and the least that anybody looks at it first.
LIFETIME = HOUR
LOOK = 1.0
# Pairs that wait at a time: a visitor who lets more wait loses the oldest, and so does the app.
MAX_WAITING = 8
MAX_WAITING_IN_ALL = 5000
# Votes an hour. The second bounds what a crowd of addresses can do.
MAX_VOTES = 60
MAX_VOTES_IN_ALL = 3000


@dataclass(frozen=True)
class Pair:
    """Two approaches on a photo, known by any text that is the same for the same photo."""

    model_a: str
    model_b: str
    photo: str

    def is_same(self, other: "Pair") -> bool:
        """Whether it is these two on this photo, whichever is A."""
        return self.photo == other.photo and {self.model_a, self.model_b} == {other.model_a, other.model_b}


@dataclass(frozen=True)
class _Shown:
    pair: Pair
    visitor: str
    time: float


class BallotBox:
    """Gives a token for each pair that is shown and takes it back for one vote. `clock` gives seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._waiting: OrderedDict[str, _Shown] = OrderedDict()
        self._votes: deque[_Shown] = deque()
        self._lock = Lock()

    def visitor(self, address: str) -> str:
        """What a visitor is known by: a hash of the network address, by a key that dies with the app.

        All addresses of an IPv6 network of 64 bits are one visitor, since a single machine may use any of them.
        """
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            pass
        else:
            if ip.version == 6 and ip.ipv4_mapped is None:
                address = str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
        return hmac.new(self._key, address.encode(), hashlib.sha256).hexdigest()

    def show(self, pair: Pair, visitor: str) -> str:
        """The token by which the visitor can vote on this pair, once and from `LOOK` seconds from now on."""
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

    def take(self, token: str, visitor: str) -> Pair:
        """The pair of this token, whose one vote this is.

        Raises:
            ColorizerError: it was voted on before, is too old, was shown just now or to somebody else, or the visitor has
                had enough votes, on this pair or in this hour.
        """
        with self._lock:
            self._forget_old()
            shown = self._waiting.get(token)
            if shown is None or shown.visitor != visitor:
                raise ColorizerError("These two were voted on already, or wait no longer. Show two others.")
            if self._clock() - shown.time < LOOK:
                raise ColorizerError("That was quick. Look at both for a second, then vote.")
            self._check_bounds(visitor)
            del self._waiting[token]
            if self._has_voted(visitor, shown.pair):
                raise ColorizerError("You have judged these two on this photo within the hour. Show two others.")
            self._votes.append(_Shown(shown.pair, visitor, self._clock()))
            return shown.pair

    def check_bounds(self, visitor: str) -> None:
        """Raise ColorizerError if the visitor can't vote at this time, so that no pair is made in vain."""
        with self._lock:
            self._forget_old()
            self._check_bounds(visitor)

    def has_voted(self, visitor: str, pair: Pair) -> bool:
        """Whether the visitor has voted on it within the hour."""
        with self._lock:
            self._forget_old()
            return self._has_voted(visitor, pair)

    def _check_bounds(self, visitor: str) -> None:
        if sum(vote.visitor == visitor for vote in self._votes) >= MAX_VOTES:
            raise ColorizerError(f"{MAX_VOTES} votes an hour are the most that one visitor has here. Come back later.")
        if len(self._votes) >= MAX_VOTES_IN_ALL:
            raise ColorizerError("More votes came in this hour than are taken. Come back later.")

    def _has_voted(self, visitor: str, pair: Pair) -> bool:
        return any(vote.visitor == visitor and vote.pair.is_same(pair) for vote in self._votes)

    def _forget_old(self) -> None:
        now = self._clock()
        while self._votes and now - self._votes[0].time >= HOUR:
            self._votes.popleft()
        while self._waiting and now - next(iter(self._waiting.values())).time >= LIFETIME:
            self._waiting.popitem(last=False)


def client_address(host: str | None, forwarded: str | None) -> str:
    """The address of a visitor: `host`, who is connected; behind a proxy on a private network (as on Spaces), the last public
    one of X-Forwarded-For.

    What stands before it in that header, and the whole header of one who comes from elsewhere, is whatever the visitor
    wrote there.
    """
    host = host or ""
    if _is_public(host):
        return host
    hops = [hop.strip() for hop in (forwarded or "").split(",")]
    return next((hop for hop in reversed(hops) if _is_public(hop)), host)


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False
