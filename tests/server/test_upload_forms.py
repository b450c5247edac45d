"""Forms of uploads: what they hold in memory, and what they leave on the disk."""

import os
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
import httpx
import pytest
from gradio import routes

from colorizer.demo.batch import zip_uploads
from colorizer.server import upload_forms
from colorizer.server.upload_forms import MAX_FIELDS, MAX_FILES

HEAD = '--b\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
HEADERS = {"content-type": "multipart/form-data; boundary=b"}


@pytest.fixture
def folder(demo: gr.Blocks, client: httpx.Client) -> Path:
    """Folder of the uploads."""
    return Path(demo.server_app.uploaded_file_dir)


def form(name: str, num_bytes: int, more: str = "") -> Iterator[bytes]:
    yield HEAD.format(name, more).encode()
    for _ in range(num_bytes // 2**20):
        yield bytes(2**20)
    yield bytes(num_bytes % 2**20) + b"\r\n--b--\r\n"


def leftovers(folder: Path) -> list[Path]:
    return list(folder.glob("tmp*"))


def test_fields_are_refused_before_they_are_held(client: httpx.Client, folder: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = client.post("/gradio_api/upload", content=form("files", 200 * 2**20), headers=HEADERS)
    assert (answer.status_code, "fields" in answer.text) == (413, True)
    # In KiB. Held, they would take 200 MiB, and as much again where they are joined.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_many_small_fields_count_together(client: httpx.Client) -> None:
    parts = [HEAD.format(f"f{number}", "").encode() + bytes(MAX_FIELDS // 100) + b"\r\n" for number in range(102)]
    for count, status in ((90, 200), (102, 413)):
        answer = client.post("/gradio_api/upload", content=b"".join(parts[:count]) + b"--b--\r\n", headers=HEADERS)
        assert answer.status_code == status


def test_other_files_are_not_kept(client: httpx.Client, folder: Path) -> None:
    for name in ("file", "photos"):
        form_of_file = form(name, 5000, '; filename="a.png"')
        assert client.post("/gradio_api/upload", content=form_of_file, headers=HEADERS).json() == []
    assert not leftovers(folder)


@pytest.mark.parametrize("path", ["component_server", "component_server/", "process_recording", "queue/join"])
def test_files_are_taken_by_uploads_alone(client: httpx.Client, path: str) -> None:
    answer = client.post(f"/gradio_api/{path}", content=b"".join(form("a", 9, '; filename="a.png"')), headers=HEADERS)
    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["run/upload", "call/upload", "stream/upload", "upload/upload"])
def test_a_call_named_upload_is_no_upload(client: httpx.Client, path: str) -> None:
    assert client.post(f"/gradio_api/{path}", content=b"[" * (2 * 2**20)).status_code == 413


@pytest.mark.parametrize("more", ["", "?upload_id=1"])
def test_an_upload_that_breaks_off_leaves_nothing(client: httpx.Client, folder: Path, more: str) -> None:
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname, address.port)) as caller:
        head = f"POST /gradio_api/upload{more} HTTP/1.1\r\nHost: a\r\nContent-Type: {HEADERS['content-type']}\r\n"
        body = HEAD.format("files", '; filename="a.png"').encode() + os.urandom(2**17)
        caller.sendall(f"{head}Content-Length: 9999999\r\n\r\n".encode() + body)
        _until(lambda: leftovers(folder))
    _until(lambda: not leftovers(folder))


@pytest.mark.parametrize("end", [b"", b"\r\n--b", b"\r\n--b\r\n"])
def test_a_form_that_ends_within_a_file_leaves_nothing(client: httpx.Client, folder: Path, end: bytes) -> None:
    body = b"".join(form("files", 5000, '; filename="a.png"'))[:-9] + end
    assert client.post("/gradio_api/upload", content=body, headers=HEADERS).status_code < 500
    assert not leftovers(folder)


def test_a_file_is_closed_once_it_is_there(client: httpx.Client, folder: Path) -> None:
    files = [b"".join(form("files", 9, f'; filename="{number}.png"'))[:-7] for number in range(MAX_FILES)]
    before, address = len(os.listdir("/proc/self/fd")), urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname, address.port)) as caller:
        head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: a\r\nContent-Type: {HEADERS['content-type']}\r\n"
        caller.sendall(f"{head}Content-Length: 9999999\r\n\r\n".encode() + b"".join(files))
        _until(lambda: len(leftovers(folder)) >= MAX_FILES - 1)
        _until(lambda: len(os.listdir("/proc/self/fd")) < before + 20)
    _until(lambda: not leftovers(folder))
    assert (
        len(client.post("/gradio_api/upload", content=b"".join(files) + b"--b--", headers=HEADERS).json()) == MAX_FILES
    )


def test_a_form_has_as_many_files_as_an_album(client: httpx.Client, folder: Path) -> None:
    assert MAX_FILES >= zip_uploads.MAX_PHOTOS
    answer = client.post("/gradio_api/upload", files=[("files", ("a.png", b"a"))] * (MAX_FILES + 1))
    assert (answer.status_code, "Too many files" in answer.text) == (400, True)
    assert not leftovers(folder)


def test_progress_that_nobody_asks_for_is_forgotten(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_forms, "MAX_TRACKED", 3)
    progress = routes.file_upload_statuses
    for number in range(9):
        assert (
            client.post(f"/gradio_api/upload?upload_id=u{number}", files={"files": ("a.png", b"a")}).status_code == 200
        )
    assert [*progress._statuses] == [*progress._signals] == ["u6", "u7", "u8"]
    assert '"done"' in client.get("/gradio_api/upload_progress?upload_id=u8").text
    assert client.get("/gradio_api/upload_progress?upload_id=nobodys").status_code == 404
    assert [*progress._statuses] == [*progress._signals] == ["u6", "u7"]


def test_a_field_beside_the_files_is_no_fault(client: httpx.Client, capfd: pytest.CaptureFixture) -> None:
    answer = client.post("/gradio_api/upload?upload_id=2", files={"files": ("a.png", b"a")}, data={"note": "b"})
    assert (answer.status_code, len(answer.json())) == (200, 1)
    assert "Traceback" not in capfd.readouterr().err


def _until(is_so: object) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
