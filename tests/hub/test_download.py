import logging
import time
from pathlib import Path

import huggingface_hub
import pytest

from colorizer.errors import CheckpointError, HubError
from colorizer.hub.download import download_checkpoint
from tests.hub_server import HubServer

CONFIG = b'{"model_type": "colorizer-dense"}'
WEIGHTS = bytes(range(256)) * 400
FILES = {"config.json": CONFIG, "model.safetensors": WEIGHTS, "README.md": b"---\nlicense: apache-2.0\n---\n"}
UNWANTED = {
    "pytorch_model.bin": b"pickle",
    "optimizer.bin": b"x",
    "checkpoints/1/model.safetensors": b"x",
    "a.py": b"x",
}


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_download_takes_the_checkpoint_and_nothing_else(hub: HubServer, tmp_path: Path) -> None:
    hub.add("ada/tiny", FILES | UNWANTED)
    folder = download_checkpoint("ada/tiny", cache_dir=tmp_path)
    assert names(folder) == set(FILES)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert not any(name in path for _, path in hub.requests for name in UNWANTED)


def test_second_download_fetches_no_file_again(hub: HubServer, tmp_path: Path) -> None:
    hub.add("ada/tiny", FILES)
    first = download_checkpoint("ada/tiny", cache_dir=tmp_path)
    hub.requests.clear()
    assert download_checkpoint("ada/tiny", cache_dir=tmp_path) == first
    assert not any(method == "GET" and "/resolve/" in path for method, path in hub.requests)


def test_revision_is_a_sha_or_a_branch(hub: HubServer, tmp_path: Path) -> None:
    old = hub.add("ada/tiny", FILES)
    hub.repositories["ada/tiny"].branches["v1"] = old
    hub.add("ada/tiny", {"model.safetensors": WEIGHTS[::-1]})
    for revision in (old, "v1"):
        folder = download_checkpoint("ada/tiny", revision=revision, cache_dir=tmp_path)
        assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert (download_checkpoint("ada/tiny", cache_dir=tmp_path) / "model.safetensors").read_bytes() == WEIGHTS[::-1]
    with pytest.raises(HubError, match=r"ada/tiny has no revision 'v9'"):
        download_checkpoint("ada/tiny", revision="v9", cache_dir=tmp_path)


def test_sharded_checkpoint_comes_whole(hub: HubServer, tmp_path: Path) -> None:
    shards = {f"model-0000{i}-of-00002.safetensors": WEIGHTS for i in (1, 2)}
    files = {"config.json": CONFIG, "model.safetensors.index.json": b"{}", **shards}
    hub.add("ada/tiny", files)
    assert names(download_checkpoint("ada/tiny", cache_dir=tmp_path)) == set(files)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"config.json": CONFIG, "pytorch_model.bin": b"pickle"}, "only pytorch_model.bin: pickles can run code"),
        ({"config.json": CONFIG, "old/weights.pth": b"pickle"}, "only old/weights.pth: pickles can run code"),
        ({"config.json": CONFIG}, "ada/tiny contains no model.safetensors"),
        ({"model.safetensors": WEIGHTS}, "ada/tiny contains no config.json"),
    ],
)
def test_repository_without_a_checkpoint(hub: HubServer, tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    hub.add("ada/tiny", files)
    with pytest.raises(CheckpointError, match=message):
        download_checkpoint("ada/tiny", cache_dir=tmp_path)
    assert not any("/resolve/" in path for _, path in hub.requests)


@pytest.mark.parametrize("repo_id", ["", "no-owner", "a/b/c", "a b/c", "../x", "a/b--c", "user/" + "n" * 100])
def test_name_that_is_no_repository(repo_id: str) -> None:
    with pytest.raises(HubError, match="not a valid Hub repository id"):
        download_checkpoint(repo_id)


def test_repository_that_is_not_there(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(HubError, match="ada/tiny is not on the Hub, or it is private"):
        download_checkpoint("ada/tiny", cache_dir=tmp_path)


def test_private_repository_wants_a_token(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("ada/tiny", FILES, is_private=True)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="hf auth login"):
        download_checkpoint("ada/tiny", cache_dir=tmp_path)
    with pytest.raises(HubError, match="doesn't accept the token"):
        download_checkpoint("ada/tiny", token="hf_wrong", cache_dir=tmp_path)
    with pytest.raises(HubError, match="There is no token for the Hub"):
        download_checkpoint("ada/tiny", token=True, cache_dir=tmp_path)
    assert names(download_checkpoint("ada/tiny", token="hf_read", cache_dir=tmp_path)) == set(FILES)
    with pytest.raises(HubError, match="doesn't accept the token"):  # a cached copy is no way around a refusal
        download_checkpoint("ada/tiny", token="hf_wrong", cache_dir=tmp_path)


@pytest.mark.parametrize("kind", ["break_off", "reset", "corrupt"])
@pytest.mark.parametrize("path", ["model.safetensors", "config.json", "/api/models"])
def test_download_goes_on_after_a_fault(hub: HubServer, tmp_path: Path, kind: str, path: str) -> None:
    hub.add("ada/tiny", FILES)
    hub.inject(kind, times=2, path=path, method="GET")
    folder = download_checkpoint("ada/tiny", cache_dir=tmp_path)
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert all(fault.times == 0 for fault in hub.faults)


def test_broken_off_download_resumes(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", len(WEIGHTS) // 4)  # what isn't lost: chunks
    hub.add("ada/tiny", FILES)
    hub.inject("break_off", path="model.safetensors", method="GET")
    download_checkpoint("ada/tiny", cache_dir=tmp_path)
    assert hub.ranges == [len(WEIGHTS) // 2]


@pytest.mark.parametrize("status", [500, 503, 429])
@pytest.mark.parametrize("path", ["/revision/", "/tree/", "/resolve/"])
def test_server_errors_are_tried_again(hub: HubServer, tmp_path: Path, status: int, path: str) -> None:
    hub.add("ada/tiny", FILES)
    hub.inject("status", times=2, path=path, status=status)
    assert names(download_checkpoint("ada/tiny", cache_dir=tmp_path)) == set(FILES)


def test_lasting_server_error(hub: HubServer, tmp_path: Path) -> None:
    hub.add("ada/tiny", FILES)
    hub.inject("status", times=1000, status=503)
    with pytest.raises(HubError, match=r"ada/tiny: the Hub at http://127.0.0.1:\d+ answered 503.*try again later"):
        download_checkpoint("ada/tiny", cache_dir=tmp_path)


def test_lasting_damage(hub: HubServer, tmp_path: Path) -> None:
    hub.add("ada/tiny", FILES)
    hub.inject("corrupt", times=1000, path="model.safetensors")
    with pytest.raises(HubError, match=r"ada/tiny: model\.safetensors arrived damaged"):
        download_checkpoint("ada/tiny", cache_dir=tmp_path)


def test_page_of_a_proxy_in_place_of_an_answer(hub: HubServer, tmp_path: Path) -> None:
    hub.add("ada/tiny", FILES)
    hub.inject("corrupt", times=1000, path="/api/models")
    with pytest.raises(HubError, match="did not return JSON"):
        download_checkpoint("ada/tiny", cache_dir=tmp_path)


def test_gated_repository(hub: HubServer, tmp_path: Path) -> None:
    hub.add("ada/tiny", FILES)
    hub.inject("status", times=1000, status=403, code="GatedRepo")
    with pytest.raises(HubError, match="ada/tiny is gated"):
        download_checkpoint("ada/tiny", cache_dir=tmp_path)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 410, 418, 451])
@pytest.mark.parametrize("path", ["/api/models", "model.safetensors", "config.json"])
def test_refusal_is_one_line_about_reading(hub: HubServer, tmp_path: Path, status: int, path: str) -> None:
    hub.add("ada/tiny", FILES)
    hub.inject("status", times=1000, path=path, status=status)
    with pytest.raises(HubError, match="ada/tiny") as raised:
        download_checkpoint("ada/tiny", cache_dir=tmp_path)
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 300
    assert "write access" not in message
    assert str(tmp_path) not in message


def test_long_revision_is_not_repeated(hub: HubServer, tmp_path: Path) -> None:
    hub.add("ada/tiny", FILES)
    with pytest.raises(HubError) as raised:
        download_checkpoint("ada/tiny", revision="r" * 10_000, cache_dir=tmp_path)
    assert len(str(raised.value)) < 400


def test_push_that_comes_in_between(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("ada/tiny", FILES)
    model_info, calls = huggingface_hub.HfApi.model_info, []

    def model_info_then_push(*args: object, **options: object) -> huggingface_hub.ModelInfo:
        info = model_info(*args, **options)
        calls.append(info.sha)
        if len(calls) == 1:
            hub.add("ada/tiny", {"config.json": CONFIG + b" ", "model.safetensors": WEIGHTS[::-1]})
        return info

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info_then_push)
    folder = download_checkpoint("ada/tiny", cache_dir=tmp_path)
    assert {name: (folder / name).read_bytes() for name in FILES} == hub.files("ada/tiny")
    assert len(calls) == 2


def test_slow_hub(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("ada/tiny", FILES)
    hub.inject("delay", path="model.safetensors", seconds=0.1)
    assert names(download_checkpoint("ada/tiny", cache_dir=tmp_path / "patient")) == set(FILES)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.05)
    hub.inject("delay", times=1000, seconds=0.2)
    with pytest.raises(HubError, match=r"the connection to http://127.0.0.1:\d+ failed \(.*timed out\)"):
        download_checkpoint("ada/tiny", cache_dir=tmp_path / "hurried")


def test_hub_away(hub: HubServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hub.add("ada/tiny", FILES)
    with caplog.at_level(logging.WARNING, logger="colorizer.hub.download"):
        folder = download_checkpoint("ada/tiny", cache_dir=tmp_path)
        assert not caplog.records
        hub.stop()
        assert download_checkpoint("ada/tiny", cache_dir=tmp_path) == folder
        assert "ada/tiny is loaded from the local cache: the connection to" in caplog.text
    with pytest.raises(HubError, match=r"ada/other: the connection to .* failed"):
        download_checkpoint("ada/other", cache_dir=tmp_path)
    hub.start()
    assert download_checkpoint("ada/tiny", cache_dir=tmp_path) == folder


def test_older_copy_serves_while_the_new_one_can_not_be_had(
    hub: HubServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.add("ada/tiny", FILES)
    folder = download_checkpoint("ada/tiny", cache_dir=tmp_path)
    hub.add("ada/tiny", {"config.json": CONFIG + b" ", "model.safetensors": WEIGHTS[::-1]})
    hub.inject("break_off", times=1000, path="model.safetensors")
    assert download_checkpoint("ada/tiny", cache_dir=tmp_path) == folder
    assert "ada/tiny is loaded from the local cache" in caplog.text
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


def test_damaged_cache_is_mended(hub: HubServer, tmp_path: Path) -> None:
    hub.add("ada/tiny", FILES)
    weights = download_checkpoint("ada/tiny", cache_dir=tmp_path) / "model.safetensors"
    weights.resolve().write_bytes(WEIGHTS[:-1] + b"x")
    assert download_checkpoint("ada/tiny", cache_dir=tmp_path) == weights.parent
    assert weights.read_bytes() == WEIGHTS


def test_partial_cache_is_not_used_while_the_hub_is_away(hub: HubServer, tmp_path: Path) -> None:
    hub.add("ada/tiny", FILES)
    (download_checkpoint("ada/tiny", cache_dir=tmp_path) / "model.safetensors").unlink()
    hub.stop()
    with pytest.raises(HubError, match="the connection to"):
        download_checkpoint("ada/tiny", cache_dir=tmp_path)
    hub.start()
    assert (download_checkpoint("ada/tiny", cache_dir=tmp_path) / "model.safetensors").read_bytes() == WEIGHTS


def test_offline_mode_uses_the_cache_at_once(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("ada/tiny", FILES)
    folder = download_checkpoint("ada/tiny", cache_dir=tmp_path)
    hub.requests.clear()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("no reason to wait"))
    assert download_checkpoint("ada/tiny", cache_dir=tmp_path) == folder
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        download_checkpoint("ada/other", cache_dir=tmp_path)
    assert not hub.requests


def test_cache_that_cannot_be_written(hub: HubServer, tmp_path: Path) -> None:
    hub.add("ada/tiny", FILES)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HubError, match=r"ada/tiny: .*Not a directory"):
        download_checkpoint("ada/tiny", cache_dir=tmp_path / "file")
