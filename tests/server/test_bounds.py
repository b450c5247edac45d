"""Bounds of what one caller sends: bytes, calls at a time, and ways around the queue."""

import asyncio
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import pytest
from starlette.requests import Request

from colorizer.demo import api, components
from colorizer.demo.batch import zip_uploads
from colorizer.demo.photo.comparison import Comparison
from colorizer.demo.photo.downloads import gallery
from colorizer.server import bounds
from colorizer.server.bounds import MAX_BODY, MAX_CALLS, MAX_LONG_CALLS, MAX_VALUES, bound_calls
from colorizer.server.callers import caller_of
from tests.server.conftest import call, endpoint


def test_a_request_is_refused_by_its_length(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_UPLOAD", MAX_BODY)
    for path in ("queue/join", "call/colorize", "cancel", "process_recording", "component_server", "upload"):
        answer = client.post(f"/gradio_api/{path}", content=b"[" * (MAX_BODY + 1))
        assert answer.status_code == 413
        assert answer.json()["detail"] == "This request has more than the 1 MiB allowed. Send photos by /upload."


def test_a_request_of_unknown_length_is_refused_as_it_comes(client: httpx.Client) -> None:
    def parts(count: int) -> Iterator[bytes]:
        yield from [b" " * 2**18] * count

    answer = client.post("/gradio_api/queue/join", content=parts(9), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["detail"][:36]) == (413, "This request has more than the 1 MiB")
    assert client.post("/gradio_api/queue/join", content=parts(1)).status_code == 422


def test_a_request_of_very_many_values_is_refused_before_they_are_read(demo: gr.Blocks, client: httpx.Client) -> None:
    event, before = demo.fns[endpoint(demo, "hint")._id], set(demo.state_holder.session_data)
    for value in ("[],", "{},", "0,"):
        status, answer = call(client, event, [json.loads(f"[{value * MAX_VALUES}0]")])
        assert (status, answer["detail"]) == (413, "This request has more than the 10000 values allowed.")
    assert set(demo.state_holder.session_data) == before


def test_the_page_of_an_album_has_few_values() -> None:
    file = {"path": "a", "url": "a", "orig_name": "a", "size": 1, "mime_type": "a", "is_stream": False}
    body = json.dumps([file | {"meta": {"_type": "gradio.FileData"}}] * zip_uploads.MAX_PHOTOS)
    assert sum(map(body.count, ",[{")) < MAX_VALUES / 4


@pytest.mark.parametrize(
    ("path", "is_tools"), [("mcp", True), ("mcp/http", True), ("run/mcp", False), ("mcp-run", False)]
)
def test_large_bodies_are_for_the_tools_alone(client: httpx.Client, path: str, is_tools: bool) -> None:
    status = client.post(f"/gradio_api/{path}", content=b" " * (MAX_BODY + 1)).status_code
    assert (status != 413) == is_tools


def test_nothing_goes_past_the_queue(demo: gr.Blocks, client: httpx.Client, upload: dict[str, Any]) -> None:
    data = [upload, "tiny-dense", 1.0, None, None, ""]
    assert client.post("/gradio_api/run/colorize", json={"data": data}).status_code == 404
    assert call(client, endpoint(demo, "colorize"), data)[0] == 200


def test_results_are_saved_in_the_callers_turn(
    demo: gr.Blocks, client: httpx.Client, upload: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = []

    def saved(comparison: Comparison) -> list[tuple[str, str]]:
        pending.append(components._TURNS.num_pending)
        return gallery(comparison)

    monkeypatch.setattr(api, "gallery", saved)
    assert call(client, endpoint(demo, "compare"), [upload, ["tiny-dense"]])[0] == 200
    assert pending == [1]


@pytest.mark.parametrize(
    "path", ["file=https://example.org/photo.jpg", "file=http://127.0.0.1/", "proxy=https://hf.co/x"]
)
def test_other_servers_are_not_read_for_a_caller(client: httpx.Client, path: str) -> None:
    for method in ("GET", "HEAD"):
        assert client.request(method, f"/gradio_api/{path}").status_code == 403


def test_events_that_are_nobodys_leave_no_traceback(client: httpx.Client, capfd: pytest.CaptureFixture) -> None:
    assert "404" in client.get("/gradio_api/queue/data", params={"session_hash": "nobodys"}).text
    assert "404" in client.get("/gradio_api/call/colorize/nobodys").text
    assert "Traceback" not in capfd.readouterr().err


def test_a_visitor_behind_a_proxy_that_adds_a_line_is_who_the_proxy_says() -> None:
    seen = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(caller_of(Request(scope)))

    headers = [(b"x-forwarded-for", b"8.8.8.8"), (b"host", b"here"), (b"x-forwarded-for", b"9.9.9.9")]
    scope = {"type": "http", "path": "/", "client": ("10.0.0.5", 1)}
    for lines in (headers, headers[:2], headers[1:2]):
        asyncio.run(bounds.BoundedRequests(app)(scope | {"headers": lines}, None, None))
    assert seen == ["9.9.9.9", "8.8.8.8", "10.0.0.5"]


class Queue:
    """Queue of a page whose events are called as their kinds, and of calls as (address, kind)."""

    def __init__(self, *kinds: str) -> None:
        self.active_jobs: list[list[SimpleNamespace] | None] = [None] * 3
        self.event_queue_per_concurrency_id = {kind: SimpleNamespace(queue=[]) for kind in kinds}
        fns = {kind: SimpleNamespace(concurrency_id=kind) for kind in kinds}
        bound_calls(SimpleNamespace(_queue=self, fns=fns))

    async def push(self, body: Any, request: Any, username: str | None) -> tuple[bool, str, str]:
        event = SimpleNamespace(request=request, concurrency_id=body.fn_index)
        if None in self.active_jobs:
            self.active_jobs[self.active_jobs.index(None)] = [event]
        else:
            self.event_queue_per_concurrency_id[body.fn_index].queue.append(event)
        return True, "", "success"

    def takes(self, address: str, kind: str) -> bool:
        request = SimpleNamespace(client=SimpleNamespace(host=address), headers={})
        is_taken, message, _ = asyncio.run(self.push(SimpleNamespace(fn_index=kind), request, None))
        assert is_taken or "are not done yet" in message
        return is_taken


def test_a_callers_calls_leave_room_for_others() -> None:
    queue = Queue("network")
    assert [queue.takes("8.8.8.8", "network") for _ in range(MAX_CALLS + 3)] == [True] * MAX_CALLS + [False] * 3
    assert queue.takes("9.9.9.9", "network")
    queue.active_jobs[1] = None  # it is done
    assert queue.takes("8.8.8.8", "network")


def test_of_long_calls_a_caller_has_few() -> None:
    queue = Queue("network", "video")
    assert [queue.takes("8.8.8.8", "video") for _ in range(MAX_LONG_CALLS + 1)] == [True] * MAX_LONG_CALLS + [False]
    assert queue.takes("8.8.8.8", "network")
    assert queue.takes("9.9.9.9", "video")


def test_callers_take_turns_at_each_kind() -> None:
    queue = Queue("preview", "network")
    for address in ("8.8.8.8", "8.8.8.8", "9.9.9.9"):
        queue.takes(address, "network")  # they run
    queue.active_jobs[1] = None
    for address in ("8.8.8.8", *["8.8.8.8"] * 4, "9.9.9.9", "1.1.1.1", "8.8.8.8", "9.9.9.9", "1.1.1.1"):
        queue.takes(address, "preview")  # the first runs
    waiting = [event.request.client.host for event in queue.event_queue_per_concurrency_id["preview"].queue]
    others = ["9.9.9.9", "1.1.1.1"]
    assert waiting == [*others, "8.8.8.8", *others, *["8.8.8.8"] * 4]


def test_calls_of_one_caller_stay_in_order() -> None:
    queue = Queue("preview")
    queue.active_jobs = []
    for address in ("8.8.8.8", "9.9.9.9", "8.8.8.8", "8.8.8.8"):
        queue.takes(address, "preview")
    waiting = queue.event_queue_per_concurrency_id["preview"].queue
    before = list(waiting)
    queue.takes("9.9.9.9", "preview")
    mine = [[event for event in events if event.request.client.host == "8.8.8.8"] for events in (before, waiting)]
    assert mine[0] == mine[1]
