"""Message of `python app.py` on an address that it can't listen at."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app.py"


def start(**environment: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"GRADIO_SERVER_NAME": "127.0.0.1"} | environment
    return subprocess.run([sys.executable, str(APP)], env=environment, capture_output=True, text=True, timeout=300)


def test_a_busy_port_gets_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        ended = start(GRADIO_SERVER_PORT=port)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert f"127.0.0.1, port {port}: choose" in ended.stderr
    assert "choose another GRADIO_SERVER_PORT" in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "seven"), ("PORT", "70000"), ("PORT", "-1"), ("NAME", "203.0.113.1")]
)
def test_an_address_that_is_none_gets_a_sentence(name: str, value: str):
    ended = start(**{"GRADIO_SERVER_PORT": "1" if name == "NAME" else value} | {f"GRADIO_SERVER_{name}": value})
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert value in ended.stderr


def test_an_empty_port_is_the_default_one():
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            busy.bind(("127.0.0.1", 7860))
            busy.listen()
        except OSError:
            pass  # another app listens there, which is as good
        assert "127.0.0.1, port 7860: choose" in start(GRADIO_SERVER_PORT="").stderr
