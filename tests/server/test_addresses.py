"""Photos by address: fetched from public servers, within bounds."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gradio as gr
import httpx
import pytest
import safehttpx
from gradio import processing_utils

from colorizer import ColorizerError
from colorizer.server import addresses
from colorizer.server.addresses import BoundedTransport
from colorizer.server.disk_space import DiskSpace
from tests.server.conftest import call, endpoint


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
        elif self.path == "/changing.jpg":
            self._begin(200)
            self.wfile.write(str(time.monotonic_ns()).encode())
        elif self.path == "/round":
            time.sleep(0.3)
            self._begin(302, location="/round")
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
    monkeypatch.setattr(processing_utils, "async_ssrf_protected_download", addresses.download)
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


def download(url: str, folder: Path) -> Path:
    return Path(asyncio.run(processing_utils.async_ssrf_protected_download(url, str(folder))))


def test_each_fetch_is_of_what_is_there_now(server: str, tmp_path: Path) -> None:
    first, second = (download(f"{server}/changing.jpg", tmp_path) for _ in range(2))
    assert first.name == second.name == "changing.jpg"
    assert int(first.read_bytes()) < int(second.read_bytes())


@pytest.mark.parametrize("path", ["changing.jpg/..", "changing.jpg?/a", "..", "."])
def test_a_file_of_any_name_lies_in_a_folder_of_its_own(server: str, tmp_path: Path, path: str) -> None:
    with suppress(ColorizerError):
        assert download(f"{server}/{path}", tmp_path).is_file()
    assert all(re.fullmatch("[0-9a-f]{64}", entry.name) and entry.is_dir() for entry in tmp_path.iterdir())


def test_redirects_share_the_time_of_a_fetch(server: str, tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(ColorizerError, match=r"takes longer than the 0\.8 seconds allowed"):
        download(f"{server}/round", tmp_path)
    assert time.monotonic() - start < 5


def test_no_file_is_fetched_onto_a_full_disk(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "SPACE", DiskSpace(max_bytes=100))
    with pytest.raises(ColorizerError, match="no space left"):
        download(f"{server}/photo.jpg", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_call_has_one_file_by_address_and_the_page_none(
    demo: gr.Blocks, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = []

    async def fetch(url: str, cache_dir: str) -> str:
        fetched.append(url)
        raise ColorizerError("There is no such photo.")

    monkeypatch.setattr(processing_utils, "async_ssrf_protected_download", fetch)
    file = {"path": "https://photos.example/a.jpg", "meta": {"_type": "gradio.FileData"}}
    for data in ([file, [file], None], [None, [{"a": [file]}, file], None]):
        status, answer = call(client, endpoint(demo, "hint"), data)
        assert (status, answer["error"]) == (500, "Too many files are given by addresses: upload them first.")
    assert call(client, endpoint(demo, "preview_of"), [file])[1]["error"].startswith("Too many files")
    assert not fetched
    assert call(client, endpoint(demo, "hint"), [file, [], None])[1]["error"] == "There is no such photo."
