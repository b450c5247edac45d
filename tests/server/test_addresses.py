"""Photos by address: fetched from public servers, within bounds."""

import asyncio
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import safehttpx
from gradio import processing_utils

from colorizer import ColorizerError
from colorizer.server import addresses
from colorizer.server.addresses import BoundedTransport


class Handler(BaseHTTPRequestHandler):
    """A server of someone else."""

    def do_GET(self) -> None:
        if self.path == "/there":
            self._begin(302, location="/photo.jpg")
        elif self.path == "/photo.jpg":
            self._begin(200)
            self.wfile.write(b"a photo")
        elif self.path == "/large":
            self._begin(200)
            for _ in range(100):
                self.wfile.write(bytes(2**16))
        elif self.path == "/packed":
            self._begin(200, **{"content-encoding": "gzip"})
        elif self.path == "/slow":
            self._begin(200)
            for _ in range(40):
                time.sleep(0.05)
                self.wfile.write(b".")
        else:
            self._begin(404)

    def _begin(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a server that is taken for a public one."""

    async def validate(host: str) -> str:
        return "127.0.0.1"

    monkeypatch.setattr(safehttpx, "async_validate_url", validate)
    monkeypatch.setattr(processing_utils, "async_transport", BoundedTransport())
    monkeypatch.setattr(addresses, "MAX_BYTES", 2**20)
    monkeypatch.setattr(addresses, "SECONDS", 0.8)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://photos.example:{httpd.server_address[1]}"
        httpd.shutdown()


def fetch(url: str) -> bytes:
    return asyncio.run(processing_utils.async_ssrf_protected_get(url)).content


def test_a_photo_is_fetched_also_where_it_has_moved(server: str) -> None:
    assert fetch(f"{server}/photo.jpg") == fetch(f"{server}/there") == b"a photo"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gone", "There is no file at .*/gone'.* status 404"),
        ("large", "has more than the 1 MiB allowed"),
        ("packed", "There is no file at"),
        ("slow", r"takes longer than the 0\.8 seconds allowed"),
    ],
)
def test_what_is_not_within_bounds_is_refused(server: str, path: str, message: str) -> None:
    with pytest.raises(ColorizerError, match=message):
        fetch(f"{server}/{path}")


def test_a_server_that_is_not_there_is_named(server: str) -> None:
    with pytest.raises(ColorizerError, match=r"http://photos\.example:1/x' can't be fetched"):
        fetch("http://photos.example:1/x")


def test_a_server_that_is_not_public_is_not_asked() -> None:
    request = httpx.Request("GET", "http://127.0.0.1:1/x")
    with pytest.raises(ValueError, match="failed validation"):
        asyncio.run(BoundedTransport().handle_async_request(request))
