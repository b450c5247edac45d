"""Building the page without a server, and publishing it."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from colorizer import create_model, save_checkpoint
from colorizer.cli.parser import main
from colorizer.errors import ColorizerError
from colorizer.hub.upload import push, push_page
from colorizer.web import libraries
from colorizer.web.build import build_page
from tests.hub_server import HubServer


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(create_model("dense", width=1 / 64), tmp_path_factory.mktemp("made") / "tiny")


def manifest_of(page: Path) -> dict:
    return json.loads((page / "models.json").read_text(encoding="utf-8"))


def test_the_page_is_whole_and_names_nothing_elsewhere(built: Path) -> None:
    page = built / "people" / "page"
    manifest = manifest_of(page)
    listed = [file for model in manifest["models"] for file in (model["graph"], model["hintsGraph"], *model["weights"])]
    for file in filter(None, listed):
        assert (page / file["path"]).stat().st_size == file["bytes"]
        assert hashlib.sha256((page / file["path"]).read_bytes()).hexdigest() == file["digest"]
    kept = json.loads(re.search(r"FIRST = (\[.*\]);", (page / "service-worker.js").read_text())[1])
    assert all((page / name).is_file() for name in kept if name != "./")
    assert {"index.html", "page.js", "worker.js", "viewer.js", "models.json"} <= set(kept)
    for name in ("index.html", "page.js", "worker.js", "networks.js", "service-worker.js", "page.css", "viewer.css"):
        assert not re.search(r"https?://(?!www\.w3\.org)|\{\{", (page / name).read_text(encoding="utf-8")), name
    assert manifest["models"][0]["id"] == "default"
    assert all(model["text"] and model["name"] for model in manifest["models"])


def test_an_own_run_and_a_hub_checkpoint_work_the_same(
    hub: HubServer, checkpoint: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("colorizer.web.build.add_libraries", fake_libraries)
    push(checkpoint, "ada/tiny")
    (checkpoint / "model.onnx").rename(checkpoint / "model.onnx.old")
    try:
        build_page(tmp_path / "page", [str(checkpoint), "ada/tiny"])
    finally:
        (checkpoint / "model.onnx.old").rename(checkpoint / "model.onnx")
    models = manifest_of(tmp_path / "page")["models"]
    assert [model["id"] for model in models] == ["tiny", "ada/tiny"]
    first, second = ((tmp_path / "page" / model["graph"]["path"]).read_bytes() for model in models)
    assert first == second  # made for the folder that had lost it
    assert [(tmp_path / "page" / f"opening-{number}.webp").is_file() for number in range(2)] == [True, True]


def fake_libraries(folder: Path) -> dict:
    (folder / "ort-wasm.js").write_text("export {};")
    return {"wasm": {"script": "ort-wasm.js"}}


def test_a_folder_of_something_else_stays(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(ColorizerError, match=r"not of an earlier build of the page, such as 'letters.txt'"):
        build_page(tmp_path, ["dense"])
    assert [file.name for file in tmp_path.iterdir()] == ["letters.txt"]


def test_a_build_goes_in_place_of_an_earlier_one_alone(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("colorizer.web.build.add_libraries", fake_libraries)
    page = tmp_path / "page"
    files = build_page(page, ["dense"])
    assert build_page(page, ["dense"]) == files
    head = page / ".git" / "HEAD"
    head.parent.mkdir()
    head.write_text("ref: refs/heads/main\n")
    with pytest.raises(ColorizerError, match=r"'\.git/HEAD'"):
        build_page(page, ["dense"])
    assert head.is_file()
    # A file of the same name as the list of a build.
    for other in ("{}", "[]", '{"files": [[]]}', "no list"):
        (tmp_path / "models.json").write_text(other)
        with pytest.raises(ColorizerError, match="not of an earlier build"):
            build_page(tmp_path, ["dense"])


def test_without_npm_there_is_a_sentence_and_no_page(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(libraries.shutil, "which", lambda *arguments, **options: None)
    assert main(["web", "-o", str(tmp_path / "page"), "--model", "dense"]) == 2
    assert "nodejs.org" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_npm_that_fails_is_quoted(tmp_path: Path, monkeypatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no space left >&2\nexit 7\n")
    npm.chmod(0o755)
    monkeypatch.setattr(libraries.shutil, "which", lambda *arguments, **options: str(npm))
    with pytest.raises(ColorizerError, match="no space left"):
        libraries.add_libraries(tmp_path)


def test_the_space_is_a_web_address(tmp_path: Path) -> None:
    with pytest.raises(ColorizerError, match="space"):
        build_page(tmp_path / "page", ["dense"], space="javascript:alert(1)")


def test_a_static_space_holds_the_page_alone(
    hub: HubServer, checkpoint: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr("colorizer.web.build.add_libraries", fake_libraries)
    page = tmp_path / "page"
    assert main(["web", "-o", str(page), "--model", str(checkpoint), "--push", "ada/private"]) == 0
    assert f"{hub.url}/spaces/ada/private" in capsys.readouterr().out
    expected = {file.relative_to(page).as_posix() for file in page.rglob("*") if file.is_file()}
    assert set(hub.files("spaces/ada/private")) == expected | {".gitattributes"}
    assert b"sdk: static" in hub.files("spaces/ada/private")["README.md"]
    # Built again with another network: what is not part of it any longer goes.
    build_page(page, ["dense"])
    push_page(page, "ada/private")
    now = {file.relative_to(page).as_posix() for file in page.rglob("*") if file.is_file()}
    assert set(hub.files("spaces/ada/private")) == now | {".gitattributes"}
    assert now != expected
