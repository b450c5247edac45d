"""Bounds of what one caller sends, so that nobody takes the app from the others: calls at a time, and bytes."""

import itertools
from collections.abc import Sequence
from typing import Any

import gradio as gr
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colorizer.demo.fair_turns import AT_ONCE
from colorizer.demo.vote.limits import client_address, network_of

MAX_CALLS = AT_ONCE - 4
"""Calls of one caller, such as a class behind one address, that run or wait. They leave room for others wherever calls wait
for their turn."""
MAX_LONG_CALLS = 2
LONG = {"video", "many"}
"""Kinds of calls that can take minutes, by Gradio's `concurrency_id`."""
# In bytes. What a page sends is small, and Gradio reads a body as a whole and each of its values one by one.
MAX_BODY = 2**20
MAX_TOOL_BODY = 16 * 2**20  # of an assistant, with the photo in it
MAX_UPLOAD = 410 * 2**20  # of an album
FORWARDED = b"x-forwarded-for"


def caller_of(request: Any) -> str:
    """Return the network that a request comes from, "" if that is unknown."""
    client = getattr(request, "client", None)
    return network_of(client_address(client.host, request.headers.get("x-forwarded-for"))) if client else ""


def bound_calls(demo: gr.Blocks) -> None:
    """Let no caller have more than `MAX_CALLS` calls in the queue of `demo`, or `MAX_LONG_CALLS` of a kind in `LONG`."""
    queue = demo._queue
    push = queue.push

    async def bounded(body: Any, request: Any, username: str | None) -> tuple[bool, Any, str]:
        caller, event = caller_of(request), demo.fns.get(body.fn_index)
        running = itertools.chain.from_iterable(job for job in queue.active_jobs if job)
        waiting = itertools.chain.from_iterable(lane.queue for lane in queue.event_queue_per_concurrency_id.values())
        kinds = [each.concurrency_id for each in (*running, *waiting) if caller_of(each.request) == caller]
        kind = event and event.concurrency_id
        if len(kinds) >= MAX_CALLS or (kind in LONG and kinds.count(kind) >= MAX_LONG_CALLS):
            return False, "Your other calls are not done yet: wait for them, or send fewer at a time.", "queue_full"
        return await push(body, request, username)

    queue.push = bounded


class BoundedRequests:
    """Middleware that refuses requests that are too large, by their headers or as they come, and those for other servers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["headers"] = _with_one_forwarded(scope["headers"])
        if "/file=http" in scope["path"] or "/proxy=" in scope["path"]:
            await _refuse(403, "Files of other servers are not fetched for you.")(scope, receive, send)
        elif int(Request(scope).headers.get("content-length", 0)) > _max_bytes(scope["path"]):
            await _refuse(413, _too_large(scope["path"]))(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        bytes_left, is_begun = _max_bytes(scope["path"]), False

        async def count() -> Message:  # some proxies pass a request on without its length
            nonlocal bytes_left
            message = await receive()
            bytes_left -= len(message.get("body", b""))
            if bytes_left < 0:
                raise HTTPException(413, _too_large(scope["path"]))
            return message

        async def watch(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await self._app(scope, count, watch)
        except RuntimeError as error:
            # Of a stream of events that are nobody's, which Gradio has answered.
            if not is_begun or not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b""})


def _with_one_forwarded(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Join the lines of X-Forwarded-For, as HTTP says: the first may be the visitor's own, who would be anybody by it."""
    lines = [value for name, value in headers if name == FORWARDED]
    others = [(name, value) for name, value in headers if name != FORWARDED]
    return [*others, (FORWARDED, b", ".join(lines))] if lines else others


def _max_bytes(path: str) -> int:
    if path.rstrip("/").endswith("/upload"):
        return MAX_UPLOAD
    return MAX_TOOL_BODY if "/mcp" in path else MAX_BODY


def _too_large(path: str) -> str:
    return f"This request has more than the {_max_bytes(path) // 2**20} MiB allowed. Send photos by /upload."


def _refuse(status: int, message: str) -> JSONResponse:
    return JSONResponse({"detail": message}, status)
