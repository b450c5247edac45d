"""Many new sessions of one caller take no other visitor's."""

from typing import Any

import gradio as gr
import httpx
import pytest

from colorizer.server.sessions import FairSessions
from tests.server.conftest import call, endpoint


@pytest.fixture
def sessions() -> FairSessions:
    holder = FairSessions()
    with gr.Blocks() as blocks:
        gr.State()
    blocks.state_session_capacity = 5
    holder.set_blocks(blocks)
    return holder


def test_a_caller_displaces_their_own_sessions(sessions):
    for visitor in ("one", "two"):
        sessions.own(visitor, visitor)
        assert sessions[visitor]
    for number in range(20):
        sessions.own(f"{number}", "many")
        assert sessions[f"{number}"]
    assert list(sessions.session_data) == ["one", "two", "17", "18", "19"]
    assert set(sessions.time_last_used) == set(sessions.session_data)


def test_sessions_of_unknown_callers_count_as_one_callers(sessions):
    sessions.own("visitor", "one")
    assert sessions["visitor"]
    for number in range(20):
        assert sessions[f"{number}"]
    assert "visitor" in sessions


def test_of_many_callers_the_session_that_was_used_longest_ago_is_forgotten(sessions):
    for number in range(7):
        sessions.own(f"{number}", f"caller {number}")
        assert sessions[f"{number}"]
        assert sessions["0"]
    assert list(sessions.session_data) == ["3", "4", "5", "6", "0"]


def test_calls_that_never_began_are_forgotten(sessions):
    sessions.own("visitor", "one")
    assert sessions["visitor"]
    for number in range(1000):
        sessions.own(f"{number}", "many")
    assert len(sessions._owners) < 20
    assert sessions._owners["visitor"] == "one"


def test_the_app_knows_whose_sessions_it_keeps(demo: gr.Blocks, client: httpx.Client, upload: dict[str, Any]):
    before = set(demo.state_holder.session_data)
    status, output = call(client, endpoint(demo, "colorize"), [upload, None, 1.0, None, None, ""])
    assert status == 200, output
    (session,) = set(demo.state_holder.session_data) - before
    assert isinstance(demo.state_holder, FairSessions)
    assert demo.state_holder._owners[session] == "127.0.0.1"


def test_what_a_page_sends_is_not_kept(demo: gr.Blocks, client: httpx.Client):
    session, text = "of a large page", "sent by the page" * 1000
    body = {"data": [None, {"a": text}], "fn_index": endpoint(demo, "again")._id, "session_hash": session}
    assert client.post("/gradio_api/run/again", json=body).status_code == 200
    kept = demo.state_holder.session_data[session]
    assert not kept.config_values
    assert not list(kept.components)
