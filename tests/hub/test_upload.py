import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import create_model, load_model, pipeline, save_checkpoint
from colorizer.errors import CheckpointError, HubError
from colorizer.hub import upload
from colorizer.hub.cards import write_card
from colorizer.hub.upload import push
from tests.hub_server import HubServer

PRIVATE_FILES = (
    "checkpoints/step-10/optimizer.bin",
    "checkpoints/step-10/model.safetensors",
    "logs/events",
    "notes.txt",
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return save_checkpoint(create_model("dense", width=1 / 64), tmp_path_factory.mktemp("made") / "tiny")


@pytest.fixture
def run(checkpoint: Path, tmp_path: Path) -> Path:
    """Output folder of a training run."""
    folder = Path(shutil.copytree(checkpoint, tmp_path / "run"))
    training = {
        "arguments": {"output_dir": "/home/ada/runs/tiny", "hub_token": "hf_write", "learning_rate": 0.001},
        "command": "accelerate launch train_accelerate.py --hub_token hf_write --output_dir /home/ada/runs/tiny",
    }
    (folder / "training.json").write_text(json.dumps(training))
    (folder / "history.json").write_text(json.dumps([{"step": 1, "loss": 0.5}]))
    for name in (*PRIVATE_FILES, "curves.png", "samples/step-000010.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_push_then_pull_gives_the_same_network(hub: HubServer, run: Path, tmp_path: Path) -> None:
    before = contents(run)
    url = push(run, "ada/tiny")
    assert contents(run) == before
    repository = hub.repositories["ada/tiny"]
    assert url == f"{hub.url}/ada/tiny/commit/{repository.branches['main']}"
    assert repository.messages == ["initial commit", "Upload run with colorizer"]
    assert not repository.is_private
    expected = load_model(run).state_dict()
    pulled = load_model("ada/tiny", cache_dir=tmp_path / "cache").state_dict()
    assert expected.keys() == pulled.keys()
    assert all(torch.equal(expected[name], pulled[name]) for name in expected)


def test_pipeline_of_a_pushed_checkpoint_colors_alike(hub: HubServer, run: Path) -> None:
    push(run, "ada/tiny")
    photo = Image.linear_gradient("L").resize((60, 40))
    colored = [np.asarray(pipeline(model)(photo)) for model in (str(run), "ada/tiny")]
    assert colored[0].shape == (40, 60, 3)
    assert np.array_equal(*colored)


def test_push_publishes_the_checkpoint_its_records_and_its_pictures_alone(hub: HubServer, run: Path) -> None:
    push(run, "ada/tiny", commit_message="First")
    files = hub.files("ada/tiny")
    pictures = {"curves.png", "samples/step-000010.png"}
    assert set(files) == {
        ".gitattributes", "README.md", "config.json", "model.safetensors", "model.onnx", "training.json", "history.json",
        *pictures,
    }  # fmt: skip
    assert hub.repositories["ada/tiny"].messages[-1] == "First"
    for name in ("config.json", "model.safetensors", "model.onnx", *pictures):
        assert files[name] == (run / name).read_bytes()
    assert b"hf_write" not in files["training.json"] + files["README.md"]
    assert b"/home" not in files["training.json"] + files["README.md"]
    assert json.loads(files["training.json"])["arguments"] == {"output_dir": "tiny", "learning_rate": 0.001}


def test_published_card_names_the_repository(hub: HubServer, run: Path) -> None:
    push(run, "ada/tiny")
    assert b'pipeline("ada/tiny")' in hub.files("ada/tiny")["README.md"]
    written = write_card(run).read_bytes()
    assert b'pipeline("run")' in written
    push(run, "ada/tiny")
    assert b'pipeline("ada/tiny")' in hub.files("ada/tiny")["README.md"]
    (run / "evaluation.json").write_text('{"dataset": "streets"}')
    push(run, "ada/tiny")
    assert b'pipeline("ada/tiny")' in hub.files("ada/tiny")["README.md"]  # nobody edited it since it was generated
    edited = written + b"\nA word of mine.\n"
    (run / "README.md").write_bytes(edited)
    push(run, "ada/tiny")
    assert hub.files("ada/tiny")["README.md"] == edited


def test_unchanged_push_makes_no_commit(hub: HubServer, run: Path) -> None:
    assert push(run, "ada/tiny") == push(run, "ada/tiny")
    assert len(hub.repositories["ada/tiny"].messages) == 2


def test_what_belongs_to_an_earlier_checkpoint_does_not_stay(hub: HubServer, run: Path) -> None:
    others = {"notes.md": b"mine", "photos/model.onnx": b"another's", "samples/of-mine.png": b"mine"}
    old = {"model.onnx": b"of other weights", "model-hints.onnx": b"of other weights", "evaluation.json": b"{}"}
    old |= {"model.safetensors.index.json": b"{}", "samples/step-000020.png": b"older"}
    hub.add("ada/tiny", {"README.md": b"older", **others, **old})
    (run / "model.onnx").unlink()
    push(run, "ada/tiny")
    files = hub.files("ada/tiny")
    assert set(files) == {
        *("README.md", "config.json", "model.safetensors", "training.json", "history.json"),
        *("curves.png", "samples/step-000010.png", *others),
    }
    assert files.items() >= others.items()
    assert pipeline("ada/tiny")(Image.linear_gradient("L").resize((60, 40))).size == (60, 40)


def test_push_to_a_branch_leaves_main(hub: HubServer, run: Path, tmp_path: Path) -> None:
    push(run, "ada/tiny", revision="half")
    assert set(hub.files("ada/tiny", "main")) == {".gitattributes"}
    assert load_model("ada/tiny", revision="half", cache_dir=tmp_path / "cache").approach == "dense"
    with pytest.raises(CheckpointError, match=r"ada/tiny contains no model\.safetensors"):
        load_model("ada/tiny", cache_dir=tmp_path / "cache")


def test_private_repository(hub: HubServer, run: Path) -> None:
    push(run, "ada/secret", private=True)
    assert hub.repositories["ada/secret"].is_private
    push(run, "ada/secret", private=True)
    push(run, "ada/open")
    (run / "history.json").write_text("[]")
    with pytest.raises(HubError, match="ada/open already exists and is public"):
        push(run, "ada/open", private=True)
    assert hub.files("ada/open")["history.json"] != b"[]\n"


def test_name_without_an_owner_is_one_of_your_own(hub: HubServer, run: Path) -> None:
    push(run, "tiny")
    assert b'pipeline("tester/tiny")' in hub.files("tester/tiny")["README.md"]


@pytest.mark.parametrize(
    "damage", ["no folder", "no weights", "truncated", "pickle", "no config", "broken record", "long name"]
)
def test_folder_that_is_no_checkpoint_is_not_published(hub: HubServer, run: Path, damage: str) -> None:
    weights = run / "model.safetensors"
    if damage == "no folder":
        shutil.rmtree(run)
    elif damage == "no weights":
        weights.unlink()
    elif damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:-10])
    elif damage == "pickle":
        weights.rename(run / "pytorch_model.bin")
    elif damage == "no config":
        (run / "config.json").unlink()
    elif damage == "card in Latin-1":
        (run / "README.md").write_bytes(b"caf\xe9")
    elif damage == "long name":
        run = run.with_name("run" * 100)
    else:
        (run / "history.json").write_text("[{")
    with pytest.raises(CheckpointError, match="run"):
        push(run, "ada/tiny")
    assert hub.requests == []


@pytest.mark.parametrize("repo_id", ["", "a/b/c", "a b", "ada/"])
def test_name_that_is_no_repository(hub: HubServer, run: Path, repo_id: str) -> None:
    with pytest.raises(HubError, match="not a valid Hub repository id"):
        push(run, repo_id)


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "Hub token with write access.*HF_TOKEN"),
        ("hf_wrong", "The Hub doesn't accept the token for ada/tiny"),
        ("hf_read", "The token doesn't permit this for ada/tiny"),
    ],
)
@pytest.mark.parametrize("is_passed", [False, True])
def test_push_needs_a_token_that_may_write(
    hub: HubServer, run: Path, monkeypatch: pytest.MonkeyPatch, token: str, message: str, is_passed: bool
) -> None:
    monkeypatch.setenv("HF_TOKEN", "" if is_passed else token)
    with pytest.raises(HubError, match=message):
        push(run, "ada/tiny", token=token if is_passed and token else None)
    assert hub.repositories == {}


@pytest.mark.parametrize("path", ["/preupload/", "/info/lfs/", "/lfs/"])
@pytest.mark.parametrize("kind", ["status", "reset"])
def test_short_faults_do_not_stop_a_push(hub: HubServer, run: Path, path: str, kind: str) -> None:
    hub.inject(kind, times=2, path=path)
    push(run, "ada/tiny")
    assert hub.files("ada/tiny")["model.safetensors"] == (run / "model.safetensors").read_bytes()


@pytest.mark.parametrize("path", ["create", "validate-yaml", "/preupload/", "/info/lfs/", "/lfs/", "/commit/"])
@pytest.mark.parametrize("kind", ["status", "reset"])
def test_lasting_faults_leave_no_half_commit(hub: HubServer, run: Path, path: str, kind: str) -> None:
    before = contents(run)
    hub.inject(kind, times=1000, path=path, status=503)
    with pytest.raises(
        HubError, match=r"ada/tiny: (the Hub .* answered 503|the connection to .* failed).*try again later"
    ):
        push(run, "ada/tiny")
    assert contents(run) == before
    hub.faults.clear()
    push(run, "ada/tiny")
    assert hub.files("ada/tiny")["model.safetensors"] == (run / "model.safetensors").read_bytes()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418, 507])
@pytest.mark.parametrize("path", ["create", "/preupload/", "/info/lfs/", "/lfs/", "/commit/"])
def test_refusal_is_one_line_and_the_second_push_goes_on(hub: HubServer, run: Path, path: str, status: int) -> None:
    hub.inject("status", times=1000, path=path, status=status)
    with pytest.raises(HubError, match="ada/tiny") as raised:
        push(run, "ada/tiny")
    assert len(str(raised.value).splitlines()) == 1
    assert len(str(raised.value)) < 300
    hub.faults.clear()
    push(run, "ada/tiny")
    assert hub.files("ada/tiny")["model.safetensors"] == (run / "model.safetensors").read_bytes()


@pytest.mark.parametrize("path", ["create", "/preupload/", "/commit/", "/branch/"])
def test_a_conflict_without_an_address(hub: HubServer, run: Path, path: str) -> None:
    push(run, "ada/tiny", revision="half")
    (run / "history.json").write_text("[]")
    hub.inject("status", times=1000, path=path, status=409)
    if path in ("create", "/branch/"):  # they exist, which is all that the answer says
        push(run, "ada/tiny", revision="half")
        return
    with pytest.raises(HubError, match=r"ada/tiny.*409|409.*ada/tiny") as caught:
        push(run, "ada/tiny", revision="half")
    assert "\n" not in str(caught.value)
    hub.faults.clear()
    push(run, "ada/tiny", revision="half")


def test_hub_away(hub: HubServer, run: Path) -> None:
    hub.stop()
    with pytest.raises(HubError, match=r"ada/tiny: the connection to .* failed .*try again later"):
        push(run, "ada/tiny")


def test_hub_that_stops_answering(hub: HubServer, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "UPLOAD_TIMEOUT", 0.05)
    hub.inject("delay", times=1000, seconds=0.3)
    with pytest.raises(HubError, match=r"ada/tiny: the connection to .* failed"):
        push(run, "ada/tiny")


def test_card_with_broken_front_matter_is_refused(hub: HubServer, run: Path) -> None:
    (run / "README.md").write_text("---\ntags: [a\n---\n# Mine\n")
    with pytest.raises(HubError, match=r"ada/tiny: Invalid metadata in README\.md"):
        push(run, "ada/tiny")
    assert len(hub.repositories.get("ada/tiny").messages) == 1


@pytest.mark.parametrize(
    "name",
    ["samples/step-000020.png", "samples", "curves.png", "README.md", "training.json", "history.json", "config.json"],
)
def test_a_link_out_of_the_run_is_not_followed(hub: HubServer, run: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    if (run / name).is_dir():
        shutil.move(run / name, outside)
    else:
        outside.write_text(json.dumps({"model_type": "colorizer-dense", "width": 1 / 64}))
        (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(outside)
    with pytest.raises(CheckpointError, match=r"link or not a file"):
        push(run, "ada/tiny")
    assert hub.requests == []


def test_only_files_of_the_list_go_up(hub: HubServer, run: Path) -> None:
    for name in ("model-secret.safetensors", "samples/private.png", "config.json.bak", ".env"):
        (run / name).write_bytes(b"private")
    (run / "model-secret.safetensors").write_bytes((run / "model.safetensors").read_bytes())
    push(run, "ada/tiny")
    assert not {"model-secret.safetensors", "samples/private.png", "config.json.bak", ".env"} & set(
        hub.files("ada/tiny")
    )
    assert "samples/step-000010.png" in hub.files("ada/tiny")
