"""Bounds of what one caller sends, so that nobody takes the app from the others: calls at a time, bytes, and their time."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.route_utils import API_PREFIX
from gradio.utils import get_upload_folder
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colorizer.errors import ColorizerError
from colorizer.server.callers import caller_of, with_one_forwarded
from colorizer.server.disk_space import SPACE, Shares
from colorizer.server.fair_turns import AT_ONCE
from colorizer.server.upload_forms import SHARE

MAX_CALLS = AT_ONCE - 4
"""Calls of one caller, such as a class behind one address, that run or wait. They leave room for others wherever calls wait
for their turn."""
MAX_LONG_CALLS = 2
LONG = {"video", "many"}
"""Kinds of calls that can take minutes, by Gradio's `concurrency_id`."""
# In bytes. What a page sends is small, and Gradio reads a body as a whole.
MAX_BODY = 2**20
MAX_TOOL_BODY = 16 * 2**20  # of an assistant, with the photo in it
MAX_VALUES = 10_000
"""JSON values of a body. The page of an album sends two thousand. Each takes 30 times its bytes in memory, and a microsecond in
which no other request is answered."""
MAX_UPLOAD = 410 * 2**20  # of an album
# Of one caller, at a time: a class behind one address, whose pages load at once, with six requests each.
MAX_REQUESTS = 400
MAX_UPLOADS = 40
# A body must come within these seconds, and the time that it takes at this rate, in bytes per second.
BODY_SECONDS = 60.0
MIN_RATE = 2**14


def bound_calls(demo: gr.Blocks) -> None:
    """Let no caller have more than `MAX_CALLS` calls in the queue of `demo`, or `MAX_LONG_CALLS` of a kind in `LONG`.

    Of each kind, callers take turns: some kinds run one call at a time, and Gradio takes them as they come.
    """
    queue = demo._queue
    push = queue.push

    async def bounded(body: Any, request: Any, username: str | None) -> tuple[bool, Any, str]:
        caller, event = caller_of(request), demo.fns.get(body.fn_index)
        running = [each for job in queue.active_jobs if job for each in job]
        lanes = queue.event_queue_per_concurrency_id
        waiting = itertools.chain.from_iterable(lane.queue for lane in lanes.values())
        kinds = [each.concurrency_id for each in (*running, *waiting) if caller_of(each.request) == caller]
        kind = event and event.concurrency_id
        if len(kinds) >= MAX_CALLS or (kind in LONG and kinds.count(kind) >= MAX_LONG_CALLS):
            return False, "Your other calls are not done yet: wait for them, or send fewer at a time.", "queue_full"
        answer = await push(body, request, username)
        if kind in lanes:
            _take_turns(lanes[kind].queue, [each for each in running if each.concurrency_id == kind])
        return answer

    queue.push = bounded


def _take_turns(waiting: list[Any], running: Sequence[Any]) -> None:
    """Sort calls: the first of each caller, then the second of each, and so on."""
    counts = Counter(caller_of(each.request) for each in running)
    places = {}
    for each in waiting:
        caller = caller_of(each.request)
        places[id(each)] = counts[caller]
        counts[caller] += 1
    waiting.sort(key=lambda each: places[id(each)])


class BoundedRequests:
    """Middleware that refuses requests that are too large, too many or too slow, and those for other servers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._requests: Counter[tuple[str, bool]] = Counter()  # in progress, by caller and whether they are uploads
        self._shares = Shares()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["headers"] = with_one_forwarded(scope["headers"])
        path, headers = scope["path"], Request(scope).headers
        kind = caller_of(Request(scope)), _is_upload(path)
        if "/file=http" in path or "/proxy=" in path:
            refusal = _refuse(403, "Files of other servers are not fetched for you.")
        elif int(headers.get("content-length", 0)) > _max_bytes(path):
            refusal = _refuse(413, _too_large(path))
        elif not _is_upload(path) and "multipart/" in headers.get("content-type", "").lower():
            # Gradio would leave its files on the disk.
            refusal = _refuse(415, "Files are taken by /upload alone.")
        elif kind[0] and self._requests[kind] >= (MAX_UPLOADS if _is_upload(path) else MAX_REQUESTS):
            refusal = _refuse(429, "Your other requests are not done yet: wait for them, or send fewer at a time.")
        else:
            refusal = None
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        self._requests[kind] += 1
        try:
            await (self._take_upload if _is_upload(path) else self._answer)(scope, receive, send)
        finally:
            self._requests[kind] -= 1
            if not self._requests[kind]:
                del self._requests[kind]

    async def _take_upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        num_bytes = int(Request(scope).headers.get("content-length", MAX_UPLOAD))
        with ExitStack() as stack:
            try:
                share = stack.enter_context(self._shares.take(caller_of(Request(scope)), num_bytes))
                await asyncio.to_thread(SPACE.check, Path(get_upload_folder()), self._shares.num_coming)
            except ColorizerError as error:
                await _refuse(507, str(error))(scope, receive, send)
                return

            async def count() -> Message:
                message = await receive()
                share.num_bytes += len(message.get("body", b""))
                return message

            token = SHARE.set(share)
            try:
                await self._answer(scope, count, send)
            finally:
                SHARE.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        num_bytes, num_values, is_whole, is_begun, start = 0, 0, False, False, time.monotonic()

        async def count() -> Message:  # some proxies pass a request on without its length
            nonlocal num_bytes, num_values, is_whole
            # After the body, it is waited for the caller to leave.
            seconds = None if is_whole else start + BODY_SECONDS + num_bytes / MIN_RATE - time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), seconds)
            except TimeoutError as error:
                raise HTTPException(408, "This request comes too slowly.") from error
            is_whole = not message.get("more_body", False)
            body = message.get("body", b"")
            num_bytes += len(body)
            if num_bytes > _max_bytes(scope["path"]):
                raise HTTPException(413, _too_large(scope["path"]))
            if not _is_upload(scope["path"]):
                num_values += sum(map(body.count, (b",", b"[", b"{")))
                if num_values > MAX_VALUES:
                    raise HTTPException(413, f"This request has more than the {MAX_VALUES} values allowed.")
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


def _is_upload(path: str) -> bool:
    # In full: /run/upload would be read into memory as a whole.
    return path.rstrip("/").endswith(f"{API_PREFIX}/upload")


def _max_bytes(path: str) -> int:
    if _is_upload(path):
        return MAX_UPLOAD
    return MAX_TOOL_BODY if f"{API_PREFIX}/mcp/" in f"{path}/" else MAX_BODY


def _too_large(path: str) -> str:
    return f"This request has more than the {_max_bytes(path) // 2**20} MiB allowed. Send photos by /upload."


def _refuse(status: int, message: str) -> JSONResponse:
    return JSONResponse({"detail": message}, status)
