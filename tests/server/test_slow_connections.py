"""Callers who send slowly, never read, or keep many requests open; and visitors beside them."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import gradio as gr
import httpx
import pytest

from colorizer.server import bounds, slow_connections
from colorizer.server.slow_connections import BoundedProtocol

PATIENCE = 40  # seconds; the bounds of these tests are one


@pytest.fixture(autouse=True)
def short_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_connections, "SECONDS", 1.0)
    monkeypatch.setattr(bounds, "BODY_SECONDS", 1.0)


def connect(client: httpx.Client, sent: bytes) -> socket.socket:
    address = urlsplit(str(client.base_url))
    connection = socket.create_connection((address.hostname, address.port), timeout=PATIENCE)
    connection.sendall(sent)
    return connection


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost:"])
def test_a_request_that_does_not_come_is_not_waited_for(client: httpx.Client, sent: bytes) -> None:
    with connect(client, sent) as connection:
        assert client.get("/gradio_api/startup-events").status_code == 200
        assert _is_closed(connection)


@pytest.mark.parametrize("path", ["queue/join", "upload"])
def test_a_body_that_comes_slowly_is_refused(client: httpx.Client, path: str) -> None:
    head = f"POST /gradio_api/{path} HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n"
    kind = "multipart/form-data; boundary=b" if path == "upload" else "application/json"
    begun = '--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' if path == "upload" else ""
    with connect(client, f"{head}Content-Type: {kind}\r\n\r\n{begun}".encode()) as connection:
        answer = b""
        connection.settimeout(0.1)
        deadline = time.monotonic() + PATIENCE
        while b"\r\n\r\n" not in answer and time.monotonic() < deadline:
            connection.sendall(b"-")
            try:
                answer += connection.recv(4096)
            except TimeoutError:
                assert client.get("/gradio_api/startup-events").status_code == 200
        assert answer.startswith(b"HTTP/1.1 408")


def test_an_answer_that_nobody_reads_is_not_kept(demo: gr.Blocks, client: httpx.Client) -> None:
    # 50 answers of half a megabyte, more than the buffers between the two hold.
    with connect(client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 50) as connection:
        server = demo.server.server_state
        mine = connection.getsockname()
        deadline = time.monotonic() + PATIENCE
        while any(other.client == mine for other in server.connections):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert client.get("/gradio_api/startup-events").status_code == 200


def test_a_stream_of_events_may_wait(client: httpx.Client) -> None:
    with client.stream("GET", "/gradio_api/heartbeat/someone") as stream:
        time.sleep(2.5)
        assert next(stream.iter_lines()) is not None


@pytest.fixture
def others() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_caller_has_a_few_requests_at_a_time(
    client: httpx.Client, others: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MAX_REQUESTS", 3)
    beats = "/gradio_api/heartbeat/{}"
    for number in range(3):
        others.enter_context(client.stream("GET", beats.format(number), headers={"x-forwarded-for": "8.8.8.8"}))
    refused = client.get("/", headers={"x-forwarded-for": "8.8.8.8"})
    assert (refused.status_code, "are not done yet" in refused.text) == (429, True)
    assert client.get("/", headers={"x-forwarded-for": "9.9.9.9"}).status_code == 200
    others.close()
    deadline = time.monotonic() + PATIENCE
    while client.get("/gradio_api/startup-events", headers={"x-forwarded-for": "8.8.8.8"}).status_code != 200:
        assert time.monotonic() < deadline


def test_idle_connections_leave_room_for_others(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_connections, "SECONDS", 60.0)
    with ExitStack() as stack:
        busy = stack.enter_context(connect(client, b"GET /gradio_api/heartbeat/a HTTP/1.1\r\nHost: a\r\n\r\n"))
        assert busy.recv(12) == b"HTTP/1.1 200"
        monkeypatch.setattr(slow_connections, "MAX_CONNECTIONS", len(BoundedProtocol._all) + 3)
        idle = []
        for _ in range(6):
            idle.append(stack.enter_context(connect(client, b"")))
            assert httpx.get(f"{client.base_url}gradio_api/startup-events", trust_env=False).status_code == 200
        for connection in idle:
            connection.settimeout(0.3)
        assert [_is_closed_now(connection) for connection in idle][-1] is False
        assert sum(map(_is_closed_now, idle)) >= 3
        assert not _is_closed_now(busy)


def test_the_process_may_have_as_many_files_as_connections() -> None:
    command = "import resource; from colorizer.server import slow_connections as c; c.bound_connections(); "
    command += "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], c.MAX_CONNECTIONS)"
    for soft, hard, expected in ((300, 1000, "1000 600"), (64, 100, "100 1"), (1000, 20_000, "8592 8192")):
        limits = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard})); "
        done = subprocess.run([sys.executable, "-c", limits + command], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


def _is_closed_now(connection: socket.socket) -> bool:
    try:
        return _is_closed(connection)
    except TimeoutError:
        return False


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
