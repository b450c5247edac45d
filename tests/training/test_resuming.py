"""Resuming a run from its saved states, after an interruption or an error, with one and with several processes."""

import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from colorizer import CheckpointError, ColorizerError
from colorizer.hub import upload
from colorizer.training import Trainer, run_states
from tests.training.conftest import REPOSITORY, launch, losses, read_lr_curves

# Each has something that makes resuming hard: the order of the photos alone; batch norm and weights of the bins; dropout, hints
# and two optimizers; a state during the first stage and at its end; means per scene; cached features of a frozen part.
RESUMABLE = {
    "dense": [],
    "colorful": ["--resolution", "32"],
    "pix2pix": ["--num_levels", "5", "--resolution", "32", "--hints"],
    "resnet_unet": ["--resolution", "32", "--pretrain_steps", "3"],
    "joint": ["--resolution", "32", "--age", "0.5"],
    "fusion": ["--resolution", "32", "--rotation", "0", "--shear", "0", "--zoom", "0"],
}

RESUME = ["--resume_from_checkpoint", "latest"]

MULTI = ["accelerate.commands.launch", "--multi_gpu", "--num_machines", "1", "--mixed_precision", "no"]
ACCELERATE = [*MULTI, "--dynamo_backend", "no", "--num_processes", "2", "--main_process_port"]


@pytest.mark.parametrize("approach", RESUMABLE)
def test_a_resumed_run_equals_an_uninterrupted_one(approach, train, tmp_path):
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


def test_two_processes_of_a_gan_resume_exactly(command, tmp_path, port):
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    given = [*command, "--approach", "pix2pix", *RESUMABLE["pix2pix"], "--train_batch_size", "2"]
    given += ["--max_train_steps", "4", "--validation_steps", "2", "--checkpointing_steps", "2"]
    # --cpu is implied where there is no GPU.
    # With a sweep first: the processes must agree on where it ends, and restore their state afterwards.
    sweep = ["--find_lr", "--find_lr_steps", "24", "--train_after_find_lr", "--output_dir", str(whole)]
    first = launch([*ACCELERATE, port], [*given, *sweep], without_cpu=not torch.cuda.is_available())
    assert first.returncode == 0, first.stderr
    curves = read_lr_curves(whole)
    assert list(curves) == ["discriminator", "generator"]
    assert min(len(curve["loss"]) for curve in curves.values()) < 24
    assert json.loads((whole / "training.json").read_text())["num_processes"] == 2
    shutil.copytree(whole, resumed)
    shutil.rmtree(resumed / "checkpoint-4")
    # As the last of two phases, which requires the process group to stay alive.
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


def test_ctrl_c_saves_a_state_and_shows_how_to_resume(command, tmp_path):
    run = tmp_path / "run"
    given = [*command, "--max_train_steps", "100000", "--validation_steps", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-u", str(REPOSITORY / "train_accelerate.py"), *given],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(10_000):  # chunks of the progress bar, until it shows a speed
            if "photos/s" in process.stderr.readline(400):
                break
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130
    (state,) = run_states.list_states(run)
    assert re.search(rf"{state.name}\. .*--resume_from_checkpoint latest", rest)


@pytest.mark.parametrize("step", [2, 5, 11])
def test_after_ctrl_c_between_two_records_the_history_equals_that_of_an_undisturbed_run(
    step, train, tmp_path, monkeypatch
):
    # Its losses have other names from step 3 on.
    given = [
        "--approach",
        "resnet_unet",
        *RESUMABLE["resnet_unet"],
        "--max_train_steps",
        "13",
        "--validation_steps",
        "6",
    ]
    train(*given, "--output_dir", tmp_path / "whole")
    training_step = Trainer._training_step

    def interrupt(trainer, number, *rest):
        if number == step - 1:
            signal.raise_signal(signal.SIGINT)
        return training_step(trainer, number, *rest)

    monkeypatch.setattr(Trainer, "_training_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(*given)
    monkeypatch.undo()
    assert [path.name for path in run_states.list_states(tmp_path / "run")] == [f"checkpoint-{step}"]
    train(*given, "--resume_from_checkpoint", "latest")
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


def test_resuming_a_finished_run_changes_nothing(train):
    first = train()
    before = load_file(first.output_dir / "model.safetensors")
    again = train("--resume_from_checkpoint", "latest")
    assert again.progress.step == 6
    assert again.progress.history == first.progress.history
    after = load_file(first.output_dir / "model.safetensors")
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("given", [[], ["--lr_scheduler", "cosine"], ["--lr_scheduler", "plateau"]])
def test_a_finished_run_is_extended_by_max_train_steps_alone(given, train, tmp_path):
    train(*given, "--max_train_steps", "9", "--output_dir", tmp_path / "whole")
    train(*given)
    trainer = train(*given, "--max_train_steps", "9", "--resume_from_checkpoint", "latest")
    assert trainer.progress.step == 9
    whole, extended = (json.loads((tmp_path / name / "history.json").read_text())[-2:] for name in ("whole", "run"))
    assert extended[0]["step"] == 9
    assert extended[0]["learning_rate"] == whole[0]["learning_rate"]
    if "cosine" not in given:  # whose first six steps depend on the number of steps
        assert extended[1] == whole[1]
        expected, weights = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "run"))
        assert all(torch.equal(tensor, weights[name]) for name, tensor in expected.items())


def test_results_of_an_earlier_checkpoint_are_not_taken_for_the_next_ones(train, tmp_path):
    given = ["--metric_for_best_model", "last"]
    train(*given)
    results, old = (tmp_path / "run" / name for name in ("evaluation.json", "evaluation.old.json"))
    results.write_text('{"models": {}}')
    train(*given, *RESUME)  # nothing is left to train
    assert results.exists()
    train(*given, *RESUME, "--max_train_steps", "7")
    assert not results.exists()
    assert old.read_text() == '{"models": {}}'
    assert not [name for name in upload.collect_files(tmp_path / "run", "ada/mine") if "evaluation" in name]


def test_an_extended_run_takes_its_first_step_at_the_rate_of_the_longer_schedule(train):
    train("--lr_scheduler", "cosine")  # ends at a rate of 0
    again = ["--lr_scheduler", "cosine", "--max_train_steps", "7", "--resume_from_checkpoint", "latest"]
    trainer = train(*again, "--find_lr", "--find_lr_steps", "2")  # which leaves the run as it was, before step 7
    base = trainer.arguments.learning_rate
    assert trainer.players.learning_rate(6) == pytest.approx(base * (1 + math.cos(math.pi * 6 / 7)) / 2)


def test_an_unfinished_run_is_not_extended_and_the_error_names_the_flags(train, tmp_path):
    train("--checkpointing_steps", "3", "--flip", "--age", "0.5")
    shutil.rmtree(tmp_path / "run/checkpoint-6")
    with pytest.raises(CheckpointError) as caught:
        train(
            "--max_train_steps", "14", "--no-flip", "--train_batch_size", "2", "--loss", "l1", *RESUME, "--age", "0.5"
        )
    for change in (
        "--max_train_steps 6 (now --max_train_steps 14)",
        "--flip (now --no-flip)",
        "--train_batch_size 4 (now --train_batch_size 2)",
        "no --loss (now --loss l1)",
    ):
        assert change in str(caught.value)
    with pytest.raises(CheckpointError, match=r"16 training photos .now 8.*--max_train_samples"):
        train("--flip", "--age", "0.5", "--max_train_samples", "8", *RESUME)
    (tmp_path / "run/checkpoint-3/run.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"no --.* and \d+ more\. Resume") as caught:
        train("--flip", "--age", "0.5", *RESUME)
    assert len(str(caught.value)) < 600


def test_latest_without_a_state_starts_from_step_0_and_logs_that(train, capsys):
    trainer = train("--resume_from_checkpoint", "latest")
    assert trainer.progress.step == 6
    assert "Nothing to resume from" in capsys.readouterr().err


def test_a_state_of_other_settings_and_a_folder_without_one_are_refused(train, tmp_path):
    train()
    with pytest.raises(CheckpointError, match=r"train_batch_size .*4.*2"):
        train("--train_batch_size", "2", "--resume_from_checkpoint", "latest")
    with pytest.raises(CheckpointError, match="checkpoint-STEP"):
        train("--resume_from_checkpoint", tmp_path)
    state = tmp_path / "run/checkpoint-6/model.safetensors"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="checkpoint-6"):
        train("--resume_from_checkpoint", "latest")


def test_a_full_disk_leaves_earlier_states_intact(train, tmp_path, monkeypatch):
    from accelerate import Accelerator

    save = Accelerator.save_state
    calls = []

    def fill_up(self, folder, **options):
        calls.append(folder)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        if len(calls) == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            save(self, folder, **options)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    monkeypatch.setattr(Accelerator, "save_state", fill_up)
    with pytest.raises(ColorizerError, match=r"File too large.*--resume_from_checkpoint"):
        train("--checkpointing_steps", "2")
    run = tmp_path / "run"
    assert [path.name for path in run_states.list_states(run)] == ["checkpoint-2"]
    assert not list(run.glob(".saving*"))
    assert train("--checkpointing_steps", "2", "--resume_from_checkpoint", "latest").progress.step == 6


def test_only_the_newest_states_are_kept(train, tmp_path):
    train("--checkpointing_steps", "1", "--checkpoints_total_limit", "2")
    assert [path.name for path in run_states.list_states(tmp_path / "run")] == ["checkpoint-5", "checkpoint-6"]
