"""Old files of visitors go, whatever calls name; the app's own stay."""

import os
import uuid
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio import route_utils

from colorizer.server import disk_space
from tests.server.conftest import call, endpoint


@pytest.fixture
def folder(demo: gr.Blocks, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of visitors' files, each of which is old."""
    monkeypatch.setattr(disk_space, "delete_old_folders", lambda *_: None)
    return Path(demo.server_app.uploaded_file_dir)


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def own_files(folder: Path) -> set[Path]:
    return {path for name in ("examples", "approaches") for path in files(folder / name)}


@pytest.mark.parametrize("age", [-1, None])
def test_a_picture_of_the_app_that_a_call_names_stays(
    demo: gr.Blocks, client: httpx.Client, folder: Path, upload: dict[str, Any], age: int | None
) -> None:
    own = own_files(folder)
    named = [{"path": str(path), "meta": {"_type": "gradio.FileData"}} for path in (min(own), folder, min(own).parent)]
    for file in (*named, upload):
        call(client, endpoint(demo, "preview_of"), [file])
    assert call(client, endpoint(demo, "colorize"), [named[0], "tiny-dense", 1.0, None, None, ""])[0] == 200
    route_utils.delete_files_created_by_app(demo, age)
    assert own_files(folder) == own
    assert not Path(upload["path"]).exists()


def test_the_photo_of_an_example_stays_after_a_vote_on_it(demo: gr.Blocks, client: httpx.Client, folder: Path) -> None:
    own, event, session = own_files(folder), endpoint(demo, "open_photo"), uuid.uuid4().hex
    values = [None, None, *(getattr(block, "value", None) for block in event.inputs[2:])]
    values[7] = ["tiny-dense"]
    for name, data, more in (("open_photo", values, {"event_data": {"example": 1}}), ("take_photo", [None], {})):
        body = {"data": data, "fn_index": endpoint(demo, name)._id, "session_hash": session, **more}
        assert client.post("/gradio_api/queue/join", json=body).status_code == 200
        assert "close_stream" in client.get("/gradio_api/queue/data", params={"session_hash": session}).text
    route_utils.delete_files_created_by_app(demo, -1)
    assert own_files(folder) == own


def test_files_that_are_gone_are_forgotten(demo: gr.Blocks, client: httpx.Client, folder: Path) -> None:
    (path,) = client.post("/gradio_api/upload", files={"files": ("a.png", b"gone")}).json()
    assert path in demo.upload_file_set
    Path(path).unlink()
    route_utils.delete_files_created_by_app(demo, 3600)
    assert path not in demo.upload_file_set


def test_uploads_may_come_meanwhile(demo: gr.Blocks, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo.upload_file_set.update({"/gone/1", "/gone/2"})
    exists, coming = os.path.exists, iter(range(100))

    def look(path: str) -> bool:
        demo.upload_file_set.update([f"/coming/{next(coming)}"])
        return exists(path)

    monkeypatch.setattr(os.path, "exists", look)
    route_utils.delete_files_created_by_app(demo, 3600)
    assert demo.upload_file_set.isdisjoint({"/gone/1", "/gone/2"})
