"""The app in this process, whose log and limits the tests see."""

import json
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest

from colorizer.demo import build_demo, launch_options
from tests.demo.conftest import (
    app_files,
    app_url,
    app_votes,
    broken_photo,
    checkpoints,
    color_photo,
    gray_photo,
    pixels,
)

__all__ = ["app_files", "app_url", "app_votes", "broken_photo", "checkpoints", "color_photo", "gray_photo", "pixels"]
SECONDS = 10.0  # for any call that is refused; a tenth of one is enough on an idle machine


@pytest.fixture(scope="module")
def demo(checkpoints: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[gr.Blocks]:
    folder = tmp_path_factory.mktemp("app")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "gradio"))
        yield build_demo(checkpoints, votes=folder / "votes.sqlite3")


@pytest.fixture(scope="module")
def client(demo: gr.Blocks) -> Iterator[httpx.Client]:
    """Client of the app in this process, whose log the tests read."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _, url, _ = demo.launch(
        server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True, **launch_options()
    )
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        yield client
    demo.close()


@pytest.fixture
def upload(client: httpx.Client, color_photo: str) -> dict[str, Any]:
    files = {"files": ("harbor.png", Path(color_photo).read_bytes(), "image/png")}
    (path,) = client.post("/gradio_api/upload", files=files).json()
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def call(client: httpx.Client, event: gr.blocks.BlockFunction, data: Any, **more: Any) -> tuple[int, Any]:
    session, start = uuid.uuid4().hex, time.monotonic()
    # As ASCII, so that half a letter can be sent too.
    body = json.dumps({"data": data, "fn_index": event._id, "session_hash": session, **more})
    answer = client.post("/gradio_api/queue/join", content=body, headers={"Content-Type": "application/json"})
    if answer.status_code != 200:
        return answer.status_code, answer.json()
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        messages = (json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line)
        done = next(message for message in messages if message["msg"] == "process_completed")
    assert done["success"] or time.monotonic() - start < SECONDS
    return 200 if done["success"] else 500, done["output"]


def endpoint(demo: gr.Blocks, name: str) -> gr.blocks.BlockFunction:
    return next(event for event in demo.fns.values() if event.api_name == name)
