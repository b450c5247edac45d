"""Messages that wait to be fetched: those of few calls of each caller, so that what nobody fetches doesn't fill the memory."""

import asyncio
from collections import Counter
from typing import Any

import gradio as gr

from colorizer.errors import ColorizerError
from colorizer.server.callers import caller_of
from colorizer.server.sessions import check_name

MAX_CALLS = 100
"""Calls of one caller whose results nobody has fetched."""
MAX_SESSIONS = 1000
"""Sessions with calls whose results nobody has fetched."""


class Mailboxes(dict[str, Any]):
    """Messages by session. For one that is forgotten there is a mailbox that nobody opens, where Gradio's own raises."""

    def __missing__(self, session: str) -> asyncio.Queue:
        return asyncio.Queue()

    def __delitem__(self, session: str) -> None:
        self.pop(session, None)


class _Unfetched(dict[str, set[str]]):
    def __missing__(self, session: str) -> set[str]:
        return set()


def bound_messages(demo: gr.Blocks) -> None:
    """Let the queue of `demo` forget what nobody fetches, the oldest of a caller first, and keep no statistics.

    Gradio's own forgets the session that began first, also if its page waits, and keeps the ids of calls for ever. Its
    statistics of all calls take longer than a call.
    """
    queue = demo._queue
    queue.pending_messages_per_session = Mailboxes()
    queue.pending_event_ids_session = _Unfetched()
    queue.ANALYTICS_MAX_EVENTS, queue.compute_analytics_summary = 1, lambda records: {}
    push, owners = queue.push, {}

    async def bounded(body: Any, request: Any, username: str | None) -> tuple[bool, Any, str]:
        try:
            check_name(body.session_hash)
            _make_room(queue, owners, caller_of(request))
        except ColorizerError as error:
            return False, str(error), "queue_full"
        answer = await push(body, request, username)
        if answer[0]:
            owners.pop(body.session_hash, None)  # to the end: it is the newest now
            owners[body.session_hash] = caller_of(request)
        return answer

    queue.push = bounded


def _make_room(queue: Any, owners: dict[str, str], caller: str) -> None:
    unfetched = queue.pending_event_ids_session
    in_use = {event.session_hash for event in queue.event_ids_to_events.values()}
    counts: Counter[str] = Counter()
    for session, owner in owners.items():
        counts[owner] += len(unfetched[session])
    num_sessions = len(owners)
    for session, owner in list(owners.items()):
        is_surplus = num_sessions >= MAX_SESSIONS or (owner == caller and counts[caller] >= MAX_CALLS)
        if session not in in_use and (is_surplus or not unfetched[session]):
            counts[owner] -= len(unfetched[session])
            num_sessions -= 1
            for record in (owners, unfetched, queue.pending_messages_per_session):
                record.pop(session, None)
    if counts[caller] >= MAX_CALLS:
        raise ColorizerError("Fetch the results of your other calls first.")
