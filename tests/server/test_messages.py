"""Messages that nobody fetches don't fill the memory, nor take those of others."""

import json
import threading
import time
import uuid
from typing import Any

import gradio as gr
import httpx
import pytest

from colorizer.server import messages
from colorizer.server.sessions import MAX_NAME
from tests.server.conftest import endpoint


def join(
    client: httpx.Client, event: gr.blocks.BlockFunction, session: str, visitor: str = "8.8.8.8"
) -> httpx.Response:
    body = {"data": [None] * len(event.inputs), "fn_index": event._id, "session_hash": session}
    return client.post("/gradio_api/queue/join", json=body, headers={"x-forwarded-for": visitor})


def fetch(client: httpx.Client, session: str) -> list[dict[str, Any]]:
    answer = client.get("/gradio_api/queue/data", params={"session_hash": session})
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]


def wait_for_all(demo: gr.Blocks) -> None:
    deadline = time.monotonic() + 30
    while demo._queue.event_ids_to_events and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_CALLS", 5)
    monkeypatch.setattr(messages, "MAX_SESSIONS", 20)


def test_what_nobody_fetches_is_forgotten(demo: gr.Blocks, client: httpx.Client, few: None) -> None:
    event, queue, other = endpoint(demo, "refresh"), demo._queue, uuid.uuid4().hex
    assert join(client, event, other, "9.9.9.9").status_code == 200
    sessions = [uuid.uuid4().hex for _ in range(12)]
    for session in sessions:
        assert join(client, event, session).status_code == 200
        wait_for_all(demo)
    assert [session in queue.pending_messages_per_session for session in sessions] == [False] * 7 + [True] * 5
    assert set(queue.pending_event_ids_session) == {other, *sessions[7:]}
    assert fetch(client, other)[-2]["success"]
    assert fetch(client, sessions[-1])[-2]["success"]
    assert "404" in str(fetch(client, sessions[0]))


def test_many_calls_of_one_session_count_each(demo: gr.Blocks, client: httpx.Client, few: None) -> None:
    event, session = endpoint(demo, "refresh"), uuid.uuid4().hex
    for _ in range(3):
        for _ in range(5):
            assert join(client, event, session).status_code == 200
        wait_for_all(demo)
    done = [message for message in fetch(client, session) if message["msg"] == "process_completed"]
    assert len(done) == 5


def test_of_many_callers_the_oldest_are_forgotten(demo: gr.Blocks, client: httpx.Client, few: None) -> None:
    event = endpoint(demo, "refresh")
    for number in range(25):
        assert join(client, event, f"of {number}", f"8.8.8.{number}").status_code == 200
        wait_for_all(demo)
    kept = set(demo._queue.pending_event_ids_session)
    assert kept == {f"of {number}" for number in range(5, 25)} == set(demo._queue.pending_messages_per_session)


def test_sessions_whose_results_were_fetched_leave_nothing(demo: gr.Blocks, client: httpx.Client) -> None:
    event, session = endpoint(demo, "refresh"), uuid.uuid4().hex
    assert join(client, event, session).status_code == 200
    fetch(client, session)
    assert join(client, event, uuid.uuid4().hex).status_code == 200
    assert session not in demo._queue.pending_event_ids_session
    assert session not in demo._queue.pending_messages_per_session


def test_a_session_whose_page_waits_is_not_forgotten(
    demo: gr.Blocks, client: httpx.Client, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, quick, begun, session = (
        endpoint(demo, "cards"),
        endpoint(demo, "refresh"),
        threading.Event(),
        uuid.uuid4().hex,
    )
    done = threading.Event()

    def slow(*_: Any) -> None:
        begun.set()
        assert done.wait(30)

    monkeypatch.setattr(event, "fn", slow)
    assert join(client, event, session).status_code == 200
    assert begun.wait(30)
    for number in range(40):
        assert join(client, quick, uuid.uuid4().hex, f"8.8.8.{number // 8}").status_code == 200
        while len(demo._queue.event_ids_to_events) > 1:
            time.sleep(0.01)
    done.set()
    assert fetch(client, session)[-1]["msg"] == "close_stream"


def test_a_name_of_a_session_is_short(demo: gr.Blocks, client: httpx.Client) -> None:
    before = set(demo.state_holder.session_data)
    answer = join(client, endpoint(demo, "refresh"), "a" * (MAX_NAME + 1))
    assert (answer.status_code, answer.json()["detail"]) == (
        503,
        "The name of this session is too long: reload the page.",
    )
    body = {"data": [], "fn_index": endpoint(demo, "begin")._id, "session_hash": "a" * (MAX_NAME + 1)}
    assert client.post("/gradio_api/run/begin", json=body).status_code in (422, 500)
    assert set(demo.state_holder.session_data) == before


def test_no_statistics_of_calls_are_kept(demo: gr.Blocks, client: httpx.Client) -> None:
    for _ in range(3):
        assert join(client, endpoint(demo, "refresh"), uuid.uuid4().hex).status_code == 200
    assert len(demo._queue.event_analytics) <= 1
