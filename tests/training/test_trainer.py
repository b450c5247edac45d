import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.torch import load_file

from colorizer import CheckpointError, ColorizerError, DatasetError, checkpoints, pipeline
from colorizer.training import reports, run_states
from tests.training.conftest import read_lr_curves

REPOSITORY = Path(__file__).parents[2]
# What makes a resume hard: the photos' order alone; batch norm and weights of the bins; dropout, hints and two optimizers; a
# state in the first stage and at its end; the means of the scenes; a table of what a frozen part says.
RESUMABLE = {
    "dense": [],
    "colorful": ["--resolution", "32"],
    "pix2pix": ["--num_levels", "5", "--resolution", "32", "--hints"],
    "resnet_unet": ["--resolution", "32", "--pretrain_steps", "3"],
    "joint": ["--resolution", "32", "--age", "0.5"],
    "fusion": ["--resolution", "32", "--rotation", "0", "--shear", "0", "--zoom", "0"],
}


def losses(run: Path) -> list[dict]:
    """Step and losses of every record; not the speed, which differs."""
    records = json.loads((run / "history.json").read_text())
    return [{name: value for name, value in record.items() if name == "step" or "loss" in name} for record in records]


def launch(launcher: list[str], command: list[str], **options) -> subprocess.CompletedProcess:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    arguments = [word for word in command if word != "--cpu"] if options.pop("without_cpu", False) else command
    return subprocess.run(
        [sys.executable, "-m", *launcher, str(REPOSITORY / "train_accelerate.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


TORCHRUN = ["torch.distributed.run", "--nproc_per_node", "2", "--master_addr", "127.0.0.1", "--master_port"]
MULTI = ["accelerate.commands.launch", "--multi_gpu", "--num_machines", "1", "--mixed_precision", "no"]
ACCELERATE = [*MULTI, "--dynamo_backend", "no", "--num_processes", "2", "--main_process_port"]


@pytest.fixture
def port() -> str:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_a_run_leaves_a_checkpoint_a_card_curves_samples_and_its_history(train, tmp_path):
    train("--report_to", "tensorboard", "--learning_rate", "1e-3")
    run = tmp_path / "run"
    photo = Image.new("L", (50, 30), 128)
    assert pipeline(run, device="cpu")(photo).size == photo.size
    for picture in (run / "curves.png", *sorted((run / "samples").iterdir())):
        with Image.open(picture) as opened:
            assert min(opened.size) > 50
    assert [path.name for path in sorted((run / "samples").iterdir())] == ["step-000003.png", "step-000006.png"]
    facts = json.loads((run / "training.json").read_text())
    assert facts["steps"] == 6
    assert facts["photos_seen"] == 24
    assert facts["num_processes"] == 1
    assert facts["dataset"]["num_photos"] == 16
    assert facts["arguments"]["learning_rate"] == 1e-3
    assert facts["metrics"]["validation_loss"] > 0
    assert "1e-3" not in ModelCard.load(run / "README.md").text[:10]
    assert any((run / "logs").rglob("events.out.tfevents.*"))
    assert [path.name for path in run_states.list_states(run)] == ["checkpoint-6"]
    (run / "model.safetensors").unlink()
    with pytest.raises(ColorizerError, match="holds another run"):
        train()


def test_a_run_over_another_leaves_nothing_of_it(train, tmp_path):
    train()
    train("--overwrite_output_dir", "--max_train_steps", "2")
    assert [path.name for path in run_states.list_states(tmp_path / "run")] == ["checkpoint-2"]
    assert [path.name for path in (tmp_path / "run/samples").iterdir()] == ["step-000002.png"]
    assert train("--resume_from_checkpoint", "latest", "--max_train_steps", "2").progress.step == 2


@pytest.mark.parametrize("approach", RESUMABLE)
def test_a_resumed_run_is_the_run_it_would_have_been(approach, train, tmp_path):
    given = [
        "--approach",
        approach,
        *RESUMABLE[approach],
        "--checkpointing_steps",
        "3",
        "--gradient_accumulation_steps",
        "2",
    ]
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    train(*given, "--output_dir", whole)
    shutil.copytree(whole, resumed)
    shutil.rmtree(resumed / "checkpoint-6")
    trainer = train(*given, "--output_dir", resumed, "--resume_from_checkpoint", "latest")
    assert trainer.progress.step == 6
    assert losses(resumed) == losses(whole)
    expected, weights = (
        load_file(whole / "checkpoint-6/model.safetensors"),
        load_file(resumed / "checkpoint-6/model.safetensors"),
    )
    for name, tensor in expected.items():
        assert torch.equal(tensor, weights[name]), name


def test_two_processes_and_one_descend_the_same_loss(command, train, tmp_path, port):
    given = ["--approach", "dense", "--max_train_steps", "4", "--validation_steps", "2", "--train_batch_size"]
    given = ["--find_lr", "--find_lr_steps", "12", "--train_after_find_lr", *given]
    train(*given, "4", "--output_dir", tmp_path / "one")
    two = launch([*TORCHRUN, port], [*command, *given, "2", "--output_dir", str(tmp_path / "two")])
    assert two.returncode == 0, two.stderr
    facts = json.loads((tmp_path / "two/training.json").read_text())
    assert facts["num_processes"] == 2
    assert facts["photos_seen"] == 16
    for one, other in zip(losses(tmp_path / "one"), losses(tmp_path / "two"), strict=True):
        assert other == pytest.approx(one, rel=1e-4)
    one, other = (read_lr_curves(tmp_path / name)["network"] for name in ("one", "two"))
    assert len(one["loss"]) == 12
    for column in one:
        assert other[column] == pytest.approx(one[column], rel=1e-2), column
    one, other = (load_file(tmp_path / name / "checkpoint-4/model.safetensors") for name in ("one", "two"))
    for name, tensor in one.items():
        assert torch.allclose(tensor, other[name], atol=1e-4), name


def test_two_processes_of_a_gan_resume_exactly(command, tmp_path, port):
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    given = [*command, "--approach", "pix2pix", *RESUMABLE["pix2pix"], "--train_batch_size", "2"]
    given += ["--max_train_steps", "4", "--validation_steps", "2", "--checkpointing_steps", "2"]
    # --cpu is implied where there is no GPU.
    # The finder first: the processes must agree on where a sweep ends, and be back afterwards where they were.
    sweep = ["--find_lr", "--find_lr_steps", "24", "--train_after_find_lr", "--output_dir", str(whole)]
    first = launch([*ACCELERATE, port], [*given, *sweep], without_cpu=not torch.cuda.is_available())
    assert first.returncode == 0, first.stderr
    curves = read_lr_curves(whole)
    assert list(curves) == ["discriminator", "generator"]
    assert min(len(curve["loss"]) for curve in curves.values()) < 24
    assert json.loads((whole / "training.json").read_text())["num_processes"] == 2
    shutil.copytree(whole, resumed)
    shutil.rmtree(resumed / "checkpoint-4")
    # As the last of two phases, for which the processes must stay together.
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("phases: [{seed: 1}, {}]")
    again = [*given, "--config", str(recipe), "--output_dir", str(resumed), "--resume_from_checkpoint", "latest"]
    second = launch([*ACCELERATE, port], again)
    assert second.returncode == 0, second.stderr
    assert "Phase 2 of 2" in second.stderr
    assert "Resuming at step 2" in second.stderr
    assert losses(resumed) == losses(whole)
    for name in ("model.safetensors", "model_1.safetensors"):
        expected, weights = load_file(whole / "checkpoint-4" / name), load_file(resumed / "checkpoint-4" / name)
        assert all(torch.equal(tensor, weights[key]) for key, tensor in expected.items())


def test_ctrl_c_saves_and_says_how_to_go_on(command, tmp_path):
    run = tmp_path / "run"
    given = [*command, "--max_train_steps", "100000", "--validation_steps", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-u", str(REPOSITORY / "train_accelerate.py"), *given],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(10_000):  # characters of the progress bar, until it shows a loss
            if "photos/s" in process.stderr.readline(400):
                break
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    (state,) = run_states.list_states(run)
    assert re.search(rf"saved in .*{state.name}. Go on with --resume_from_checkpoint latest", rest)


def test_a_run_that_is_done_has_nothing_left_to_do(train):
    first = train()
    before = load_file(first.output_dir / "model.safetensors")
    again = train("--resume_from_checkpoint", "latest")
    assert again.progress.step == 6
    assert again.progress.history == first.progress.history
    after = load_file(first.output_dir / "model.safetensors")
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_latest_with_nothing_to_resume_from_starts_anew_and_says_so(train, capsys):
    trainer = train("--resume_from_checkpoint", "latest")
    assert trainer.progress.step == 6
    assert "Nothing to resume from" in capsys.readouterr().err


def test_a_state_of_other_settings_or_none_at_all_is_refused(train, tmp_path):
    train()
    with pytest.raises(CheckpointError, match=r"train_batch_size was 4, now 2"):
        train("--train_batch_size", "2", "--resume_from_checkpoint", "latest")
    with pytest.raises(CheckpointError, match="not a state to resume from"):
        train("--resume_from_checkpoint", tmp_path)
    state = tmp_path / "run/checkpoint-6/model.safetensors"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="checkpoint-6 could not be loaded"):
        train("--resume_from_checkpoint", "latest")


def test_a_full_disk_leaves_the_states_that_were_there(train, tmp_path, monkeypatch):
    from accelerate import Accelerator

    save = Accelerator.save_state
    calls = []

    def fill_up(self, folder, **options):
        calls.append(folder)
        save(self, folder, **options)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Accelerator, "save_state", fill_up)
    with pytest.raises(ColorizerError, match=r"No space left on device.*Earlier states are whole"):
        train("--checkpointing_steps", "2")
    run = tmp_path / "run"
    assert [path.name for path in run_states.list_states(run)] == ["checkpoint-2"]
    assert not list(run.glob(".saving*"))
    assert train("--checkpointing_steps", "2", "--resume_from_checkpoint", "latest").progress.step == 6


def test_only_the_newest_states_are_kept(train, tmp_path):
    train("--checkpointing_steps", "1", "--checkpoints_total_limit", "2")
    assert [path.name for path in run_states.list_states(tmp_path / "run")] == ["checkpoint-5", "checkpoint-6"]


def test_training_that_diverges_says_so(train):
    with pytest.raises(ColorizerError, match="diverged"):
        train("--learning_rate", "1e30", "--max_train_steps", "20", "--validation_steps", "100")


def test_a_run_starts_from_a_checkpoint_of_the_same_shape(train, tmp_path, monkeypatch):
    train()
    start = ["--pretrained_model_name_or_path", str(tmp_path / "run"), "--output_dir", str(tmp_path / "next")]
    monkeypatch.setattr(sys, "argv", ["train_accelerate.py", *start])
    trainer = train(*start, "--max_train_steps", "1", "--learning_rate", "1e-12")
    first, second = (json.loads((tmp_path / f"{run}/training.json").read_text()) for run in ("run", "next"))
    assert second["earlier_commands"] == [first["command"]]
    assert second["earlier_seconds"] == first["seconds"] > 0
    assert second["earlier_photos_seen"] == first["photos_seen"] == 24
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    by_name = reports.earlier_runs("next")
    assert by_name["earlier_commands"] == [first["command"], second["command"]]
    assert by_name["earlier_photos_seen"] == 24 + second["photos_seen"]
    expected = load_file(tmp_path / "run/model.safetensors")
    for name, tensor in trainer.network.state_dict().items():
        assert torch.allclose(tensor, expected[name].float(), atol=1e-3)
    with pytest.raises(ColorizerError, match=r"other shapes.*'width': 0.03125"):
        train(*start, "--width", "0.5", "--overwrite_output_dir")
    with pytest.raises(ColorizerError, match="is a checkpoint of dense"):
        train(*start, "--approach", "colorful", "--resolution", "32", "--overwrite_output_dir")


def test_without_a_validation_split_photos_are_held_out(train, dataset):
    trainer = train("--dataset_name", dataset / "train.parquet")
    assert len(trainer.train_photos) == 15
    assert len(trainer.validation_photos) == 1
    held_out = trainer.validation_photos.batch([0])["rgb"]
    assert not (trainer.train_photos.batch(range(15))["rgb"] == held_out).flatten(1).all(1).any()


def test_it_trains_on_a_stream(train, dataset, monkeypatch):
    # Closing a stream waits for seconds, in case the interpreter ends right then; here it does not.
    monkeypatch.setattr("datasets.config.SLEEP_TIME_ON_THREADS_SHUTDOWN", 0.1)
    trainer = train("--streaming", "--find_lr", "--find_lr_steps", "5", "--train_after_find_lr")
    assert trainer.progress.photos_seen == 24
    # Those of the sweep are not counted; one batch is read ahead.
    assert trainer.train_photos.report.kept == 28
    with pytest.raises(DatasetError, match="a stream has no photos to hold out"):
        train("--streaming", "--dataset_name", dataset / "train.parquet", "--overwrite_output_dir")


def test_plateau_and_early_stopping_end_a_run_without_progress(train):
    given = ["--learning_rate", "1e-7", "--lr_scheduler", "plateau", "--plateau_patience", "0", "--ema_decay", "0"]
    stop = ["--early_stopping_patience", "3", "--early_stopping_min_delta", "0.1"]
    trainer = train(*given, *stop, "--max_train_steps", "50", "--validation_steps", "2")
    # The first validation is the best there is; three more bring nothing.
    assert trainer.progress.step == 8
    assert trainer.players.optimizers[0].param_groups[0]["lr"] < 1e-7


def test_it_publishes_what_it_trained(train, tmp_path, hub):
    train("--push_to_hub", "--hub_model_id", "someone/tiny-dense", "--hub_private_repo")
    photo = Image.new("L", (20, 20), 90)
    local, pulled = (pipeline(name, device="cpu")(photo) for name in (tmp_path / "run", "someone/tiny-dense"))
    assert local.tobytes() == pulled.tobytes()
