"""Launch commands and commits of runs, as their records and cards tell them."""

import json
import subprocess
import sys
from importlib.machinery import ModuleSpec

import pytest

from colorizer import ColorizerError
from colorizer.training import launch as launching
from colorizer.training.launch import code_version, launch_command
from tests.training.conftest import launch


def test_the_record_and_the_card_have_the_launchers_own_command_and_the_commit(port, command, tmp_path):
    launcher = ["torch.distributed.run", "--nproc_per_node", "2", "--master_port", port]
    result = launch(launcher, [*command, "--hub_token", "hf_secret", "--max_train_steps", "1"])
    assert result.returncode == 0, result.stderr
    record = json.loads((tmp_path / "run/training.json").read_text())
    assert record["command"].startswith("python -m torch.distributed.run --nproc_per_node 2")
    assert "--hub_token '***' --max_train_steps 1" in record["command"]
    assert "hf_secret" not in (tmp_path / "run/training.json").read_text()
    assert record["commit"] == code_version()
    assert "--nproc_per_node 2" in (tmp_path / "run/README.md").read_text()


def test_a_script_run_by_a_console_script_or_by_python(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/home/me/train_accelerate.py", "--cpu"])
    torchrun = [
        "/usr/bin/python3",
        "/usr/local/bin/torchrun",
        "--nproc_per_node",
        "2",
        "/home/me/train_accelerate.py",
        "--cpu",
    ]
    monkeypatch.setattr(launching, "_commands_above", lambda: [torchrun])
    assert launch_command() == "torchrun --nproc_per_node 2 /home/me/train_accelerate.py --cpu"
    accelerate = ["python", "-m", "accelerate.commands.launch", "train_accelerate.py", "--cpu"]
    monkeypatch.setattr(launching, "_commands_above", lambda: [accelerate])
    assert launch_command() == "python -m accelerate.commands.launch train_accelerate.py --cpu"
    monkeypatch.setattr(launching, "_commands_above", list)
    assert launch_command() == "python /home/me/train_accelerate.py --cpu"


@pytest.mark.parametrize(("module", "shown"), [("some.module", "some.module"), ("tool.__main__", "tool")])
def test_a_module_is_named_as_it_was_run(module, shown, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/home/me/some/module.py", "--cpu"])
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", ModuleSpec(module, None, origin=sys.argv[0]))
    monkeypatch.setattr(launching, "_commands_above", list)
    assert launch_command() == f"python -m {shown} --cpu"


def test_the_commit_is_that_of_the_checkout_that_holds_the_code(tmp_path, monkeypatch):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=me", "-c", "user.email=me@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "launch.py").touch()
    monkeypatch.setattr(launching, "__file__", str(tmp_path / "launch.py"))
    assert code_version() is None
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "a"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert code_version() == head
    (tmp_path / "launch.py").write_text("changed")
    assert code_version() == f"{head}-dirty"


@pytest.mark.parametrize(
    ("trackers", "message"),
    [("tensorboard,wandb", "'wandb'.*install it"), ("tensorboard, paper", "'paper'.*known are")],
)
def test_a_tracker_that_is_not_there_is_an_error(train, trackers, message):
    with pytest.raises(ColorizerError, match=message):
        train("--report_to", trackers)
