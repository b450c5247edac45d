"""Connections on which nothing comes, or whose answer nobody takes: closed, so that they don't use up those of the server."""

import asyncio
import sys
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http import auto

from colorizer.server.callers import network_of

SECONDS = 60.0
"""Seconds for the head of a request to arrive, and for a caller to take `MIN_TAKEN` bytes of an answer."""
MIN_TAKEN = 2**16
MAX_CONNECTIONS = 8192
"""Connections at a time, fewer where the system grants fewer files; `bound_connections` sets it."""
# Of the files that the system grants the process, those for photos, databases, and networks.
_OTHER_FILES = 400


class BoundedProtocol(auto.AutoHTTPProtocol):
    """HTTP for uvicorn, which itself waits for ever for requests, and for callers to take their answers."""

    _all: ClassVar[dict["BoundedProtocol", str]] = {}  # with the networks they come from, the oldest first
    _head_timer: asyncio.TimerHandle | None = None
    _answer_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        address = transport.get_extra_info("peername") or [""]
        self._all[self] = network_of(str(address[0]))
        self._await_head()
        if len(self._all) > MAX_CONNECTIONS:
            self._close_one()

    def data_received(self, data: bytes) -> None:
        """Take in a part of a request."""
        super().data_received(data)
        has_left = self.transport.get_protocol() is not self  # for a web socket
        if self._is_between_requests() and not has_left:
            self._await_head()
        else:
            self._stop_timer("_head_timer")

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._all.pop(self, None)
        self._stop_timer("_head_timer")
        self._stop_timer("_answer_timer")
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for the caller to read."""
        super().pause_writing()
        if self._answer_timer is None:
            self._await_reading()

    def resume_writing(self) -> None:
        """Stop waiting: the caller reads."""
        self._stop_timer("_answer_timer")
        super().resume_writing()

    def _close_one(self) -> None:
        """Close the oldest connection without a request, of those from the network with most; or this one if all have one."""
        counts = Counter(self._all.values())
        idle = [each for each in self._all if each._is_between_requests() and not each.transport.is_closing()]
        max(idle, key=lambda each: counts[self._all[each]], default=self).transport.abort()

    def _is_between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(SECONDS, self._close_without_head)

    def _close_without_head(self) -> None:
        if self._is_between_requests():
            self.transport.abort()

    def _await_reading(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._answer_timer = self.loop.call_later(SECONDS, self._check_reading, left)

    def _check_reading(self, left_before: int) -> None:
        if self.transport.get_write_buffer_size() > left_before - MIN_TAKEN:
            self.transport.abort()
        else:
            self._await_reading()

    def _stop_timer(self, name: str) -> None:
        if (timer := getattr(self, name)) is not None:
            timer.cancel()
            setattr(self, name, None)


def bound_connections() -> None:
    """Let uvicorn speak HTTP by `BoundedProtocol`, on as many connections as the process may have files."""
    global MAX_CONNECTIONS
    auto.AutoHTTPProtocol = BoundedProtocol
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + _OTHER_FILES
    granted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < granted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
        soft = granted
    if soft != resource.RLIM_INFINITY:
        MAX_CONNECTIONS = max(1, min(MAX_CONNECTIONS, soft - _OTHER_FILES))
