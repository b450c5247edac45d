"""A training state from a stranger runs nothing, changed bytes are noticed, and states of earlier versions still resume."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from colorizer.errors import CheckpointError
from colorizer.training import run_states
from colorizer.training.log_means import Means
from tests.training.conftest import losses

GIVEN = ("--checkpointing_steps", "2", "--max_train_steps", "4")
RESUME = (*GIVEN, "--resume_from_checkpoint", "latest")


class Payload:
    """Object that creates a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.fixture
def state(train, tmp_path) -> Path:
    """The first state of a run that ended with a second one, which is removed."""
    train(*GIVEN)
    (tmp_path / "undisturbed.json").write_text(json.dumps(losses(tmp_path / "run")))
    shutil.rmtree(tmp_path / "run/checkpoint-4")
    return tmp_path / "run/checkpoint-2"


def record(state: Path, **changes: object) -> None:
    """Change run.json."""
    content = json.loads((state / "run.json").read_text())
    (state / "run.json").write_text(json.dumps(content | changes))


@pytest.mark.parametrize("write", [torch.save, lambda payload, path: path.write_bytes(pickle.dumps(payload))])
def test_no_file_of_a_state_is_run(write, train, state, tmp_path):
    left_behind = tmp_path / "left-behind"
    names = [path.name for path in state.iterdir() if path.suffix in (".bin", ".pkl")]
    assert {"custom_checkpoint_0.pkl", "optimizer.bin", "random_states_0.pkl"} <= set(names)
    original = tmp_path / "original"
    shutil.copytree(state, original)
    for name in names:
        write(Payload(left_behind), state / name)
        record(state, sha256=run_states._digests(state))
        if name.startswith("random_states"):  # without it, accelerate continues with other random numbers
            train(*RESUME)
        else:
            with pytest.raises(CheckpointError, match=r"checkpoint-2 .*more than tensors and plain values") as caught:
                train(*RESUME)
            assert "\n" not in str(caught.value)
        assert not left_behind.exists(), name
        for folder in state.parent.glob("checkpoint-*"):
            shutil.rmtree(folder)
        shutil.copytree(original, state)


def wrong_shapes(content: dict) -> dict:
    return content | {"state": {k: v | {"exp_avg": torch.zeros(7)} for k, v in content["state"].items()}}


def too_little(content: dict) -> dict:
    return content | {"state": {k: {"step": v["step"]} for k, v in content["state"].items()}}


def another_setting(content: dict) -> dict:
    return content | {"param_groups": [group | {"betas": "xy"} for group in content["param_groups"]]}


def no_rate(content: dict) -> dict:
    return content | {"param_groups": [group | {"lr": None} for group in content["param_groups"]]}


def no_method(content: dict) -> dict:
    return content | {"step": 7}


def no_rates(content: dict) -> dict:
    return content | {"base_lrs": "x"}


def half_a_step(content: dict) -> dict:
    return content | {"step": 2.5}


def no_means(content: dict) -> dict:
    return content | {"means": {"generator_loss": (torch.zeros(1), 0)}}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *(("optimizer.bin", change) for change in (wrong_shapes, too_little, another_setting, no_rate)),
        *(("schedule", change) for change in (no_method, no_rates)),
        *(("custom_checkpoint_0.pkl", change) for change in (half_a_step, no_means)),
    ],
)
def test_a_state_that_could_not_go_on_is_refused_when_it_is_read(name, change, train, state):
    if name == "schedule":
        contents = {path: torch.load(path, weights_only=True) for path in state.glob("custom_checkpoint_*.pkl")}
        (path,) = (path for path, content in contents.items() if "base_lrs" in content)
    else:
        path = state / name
    torch.save(change(torch.load(path, weights_only=True)), path)
    record(state, sha256=run_states._digests(state))
    with pytest.raises(CheckpointError, match=r"checkpoint-2 can't be loaded: .* Delete it to resume") as caught:
        train(*RESUME)
    assert "\n" not in str(caught.value)


def test_a_changed_byte_is_noticed_in_every_file(state):
    names = sorted(path.name for path in state.iterdir() if path.name != "run.json")
    assert "model.safetensors" in names
    for name in names:
        whole = (state / name).read_bytes()
        middle = len(whole) // 2
        (state / name).write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        with pytest.raises(CheckpointError, match=f"checkpoint-2 has changed .*{name}"):
            run_states.load_state(Accelerator(), state, {})
        (state / name).unlink()
        with pytest.raises(CheckpointError, match=f"checkpoint-2 has changed .*{name}"):
            run_states.load_state(Accelerator(), state, {})
        (state / name).write_bytes(whole)


def test_a_state_of_an_earlier_version_resumes_without_running_anything(train, state, tmp_path):
    content = json.loads((state / "run.json").read_text())
    del content["sha256"]
    (state / "run.json").write_text(json.dumps(content))
    early = (
        "step",
        "best_step",
        "best_loss",
        "best_score",
        "validations_since_best",
        "seconds",
        "photos_seen",
        "history",
    )
    progress = torch.load(state / "custom_checkpoint_0.pkl", weights_only=True)
    torch.save({name: progress[name] for name in early}, state / "custom_checkpoint_0.pkl")
    assert train(*RESUME).progress.step == 4
    assert losses(tmp_path / "run") == json.loads((tmp_path / "undisturbed.json").read_text())
    shutil.rmtree(tmp_path / "run/checkpoint-4")
    torch.save(Payload(tmp_path / "left-behind"), state / "custom_checkpoint_0.pkl")
    with pytest.raises(CheckpointError, match="checkpoint-2"):
        train(*RESUME)
    assert not (tmp_path / "left-behind").exists()


@pytest.mark.parametrize("content", [b"[]", b"null", b"7", b"", b"{}", b"\xff\xfe\x00", b"[" * 200_000])
def test_a_damaged_record_is_one_sentence(content, tmp_path):
    (tmp_path / "checkpoint-2").mkdir()
    (tmp_path / "checkpoint-2/run.json").write_bytes(content)
    with pytest.raises(CheckpointError, match="checkpoint-2") as caught:
        run_states.load_state(Accelerator(), tmp_path / "checkpoint-2", {"approach": "dense"})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        *({"step": "x"}, {"history": 7}, {"history": None}, {"history": [3]}, {"seconds": []}),
        # They would be written to history.json and training.json, which could not be read again.
        *({"seconds": value} for value in (float("nan"), float("inf"), 10**400)),
        *({"history": [{"step": 1, "network_loss": value}]} for value in (float("nan"), float("-inf"))),
    ],
)
def test_invalid_progress_is_refused(change):
    progress = run_states.Progress(Means(Accelerator()))
    with pytest.raises(CheckpointError, match=f"no valid {next(iter(change))}"):
        progress.load_state_dict(progress.state_dict() | change)
