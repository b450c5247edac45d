"""A running `python app.py` and a client for it, shared by the benchmarks."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

REPOSITORY = Path(__file__).parents[1]
TIMEOUT = 120.0


@contextmanager
def running_app(**environment: str) -> Iterator[tuple[subprocess.Popen, httpx.Client]]:
    """Start the app on a free loopback port. Yield it, possibly before it listens, and a client of its HTTP API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1", **environment}
    with (
        subprocess.Popen([sys.executable, "app.py"], cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL) as app,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/gradio_api", timeout=TIMEOUT, trust_env=False) as client,
    ):
        try:
            yield app, client
        finally:
            app.terminate()


def wait_for(app: subprocess.Popen, client: httpx.Client) -> None:
    """Wait until the app listens; RuntimeError if it ends or does not listen in time."""
    until = time.perf_counter() + TIMEOUT
    while time.perf_counter() < until:
        if app.poll() is not None:
            raise RuntimeError(f"app.py ended with exit code {app.returncode}.")
        try:
            client.get("/info").raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.02)
    raise RuntimeError(f"app.py does not listen after {TIMEOUT:.0f} s.")


def colorize(client: httpx.Client, photo: bytes, model: str) -> bytes:
    """Return the PNG that the app makes from a photo's file; RuntimeError if it makes none."""
    (uploaded,) = client.post("/upload", files={"files": ("photo.jpg", photo, "image/jpeg")}).json()
    image = {"path": uploaded, "meta": {"_type": "gradio.FileData"}}
    call = client.post("/call/colorize", json={"data": [image, model, 1.0, None, None, ""]}).raise_for_status().json()
    answer = client.get(f"/call/colorize/{call['event_id']}").raise_for_status().text
    if "event: complete" not in answer:
        raise RuntimeError(f"app.py did not color the photo: {answer}")
    path = answer.split('"path": "', 1)[1].split('"', 1)[0]
    return client.get(f"/file={path}").raise_for_status().content
