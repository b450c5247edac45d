"""Callers who send slowly, never read, or keep many requests open; and visitors beside them."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import gradio as gr
import httpx
import pytest

from colorizer.server import bounds, slow_connections

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


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
