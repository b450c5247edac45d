"""A run from start to end: its files, the photos it takes, the checkpoint it starts from, and when it stops."""

import json
import sys

import pytest
import torch
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.torch import load_file

from colorizer import (
    CheckpointError,
    ColorizerError,
    DatasetError,
    checkpoints,
    create_model,
    load_model,
    pipeline,
    save_checkpoint,
)
from colorizer.training import Trainer, reports, run_states
from tests.training.conftest import forget_processes, launch, losses, parse_arguments, read_lr_curves

TORCHRUN = ["torch.distributed.run", "--nproc_per_node", "2", "--master_addr", "127.0.0.1", "--master_port"]


@pytest.mark.parametrize("name", ["a.txt", "a.txt/run", "a\0b"])
def test_an_output_folder_that_cannot_be_made_is_named(command, tmp_path, name):
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(ColorizerError, match=r"folder .*a.* can't be made"):
        Trainer(parse_arguments([*command, "--output_dir", str(tmp_path / name)]))


def test_a_run_writes_checkpoint_card_curves_samples_and_history(train, tmp_path):
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
    with pytest.raises(ColorizerError, match="--overwrite_output_dir"):
        train()


def test_overwriting_a_run_leaves_nothing_of_it(train, tmp_path):
    train()
    train("--overwrite_output_dir", "--max_train_steps", "2")
    assert [path.name for path in run_states.list_states(tmp_path / "run")] == ["checkpoint-2"]
    assert [path.name for path in (tmp_path / "run/samples").iterdir()] == ["step-000002.png"]
    assert train("--resume_from_checkpoint", "latest", "--max_train_steps", "2").progress.step == 2


def test_a_run_that_goes_on_writes_its_card_again_unless_someone_edited_it(train, tmp_path, capsys):
    card = tmp_path / "run/README.md"
    train("--max_train_steps", "2")
    train("--resume_from_checkpoint", "latest", "--max_train_steps", "4")
    written = card.read_text()
    assert "steps: 4" in written
    card.write_text(f"{written}\nFor my mother.\n")
    train("--overwrite_output_dir", "--max_train_steps", "2")
    assert card.read_text() == f"{written}\nFor my mother.\n"
    assert "README.md has been edited" in "".join(capsys.readouterr())


def test_a_checkpoint_that_predicts_one_color_initializes_a_network_that_predicts_a_distribution(train, tmp_path):
    lite = ["--approach", "lite_unet", "--width", "0.0625", "--resolution", "64", "--max_train_steps", "2"]
    train(*lite)
    before = load_file(tmp_path / "run/model.safetensors")
    start = ["--pretrained_model_name_or_path", tmp_path / "run", "--output_dir", tmp_path / "next", "--bins"]
    trainer = train(*lite, *start, "--learning_rate", "1e-5")
    for name, tensor in trainer.network.state_dict().items():
        if name.startswith("color."):
            assert len(tensor) == 313
        elif name.endswith("weight"):
            torch.testing.assert_close(tensor, before[name].float(), atol=2e-3, rtol=2e-3)
    assert load_model(tmp_path / "next").space.has_distribution


def test_two_processes_train_like_one(command, train, tmp_path, port):
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


def test_diverging_training_is_an_error(train):
    # The weights are multiplied by −10⁶ in each step.
    given = ("--optimizer", "adamw", "--learning_rate", "1000", "--adam_weight_decay", "1000")
    with pytest.raises(ColorizerError, match="--max_grad_norm"):
        train(*given, "--max_train_steps", "20", "--validation_steps", "100")


def test_weights_that_diverged_are_an_error_at_the_first_validation(command, tmp_path):
    forget_processes()
    trainer = Trainer(parse_arguments([*command, "--ema_decay", "0.9"]))
    trainer.ema.n_averaged += 1  # the first step would copy the weights
    next(trainer.ema.module.parameters()).data.fill_(torch.nan)
    with pytest.raises(ColorizerError, match=r"validation_loss is nan at step 3.*--max_grad_norm"):
        trainer.train()
    forget_processes()
    # NaN is not JSON: the record could not be read again.
    assert not (tmp_path / "run/history.json").exists()


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
    with pytest.raises(ColorizerError, match=r"'width': 0\.03125"):
        train(*start, "--width", "0.5", "--overwrite_output_dir")
    with pytest.raises(ColorizerError, match=r"dense.*colorful"):
        train(*start, "--approach", "colorful", "--resolution", "32", "--overwrite_output_dir")


@pytest.mark.parametrize("content", ["[]", "null", "{", '{"seconds": "x"}', '{"photos_seen": []}', "[" * 200_000])
def test_a_damaged_record_of_the_first_checkpoint_is_refused_before_the_run(content, train, tmp_path):
    save_checkpoint(create_model("dense", width=1 / 32, resolution=16), tmp_path / "first")
    (tmp_path / "first/training.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"first/training\.json") as caught:
        train("--pretrained_model_name_or_path", tmp_path / "first")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run/model.safetensors").exists()


def test_without_a_validation_split_photos_are_held_out(train, dataset):
    trainer = train("--dataset_name", dataset / "train.parquet")
    assert len(trainer.train_photos) == 15
    assert len(trainer.validation_photos) == 1
    held_out = trainer.validation_photos.batch([0])["rgb"]
    assert not (trainer.train_photos.batch(range(15))["rgb"] == held_out).flatten(1).all(1).any()


def test_it_trains_on_a_stream(train, dataset, monkeypatch):
    # Closing a stream waits for seconds in case the interpreter is exiting, which it isn't here.
    monkeypatch.setattr("datasets.config.SLEEP_TIME_ON_THREADS_SHUTDOWN", 0.1)
    trainer = train("--streaming", "--find_lr", "--find_lr_steps", "5", "--train_after_find_lr")
    assert trainer.progress.photos_seen == 24
    # Photos of the sweep are not counted; one batch is prefetched.
    assert trainer.train_photos.report.kept == 28
    with pytest.raises(DatasetError, match="--validation_split"):
        train("--streaming", "--dataset_name", dataset / "train.parquet", "--overwrite_output_dir")


def test_plateau_and_early_stopping_end_a_run_without_progress(train):
    given = ["--learning_rate", "1e-7", "--lr_scheduler", "plateau", "--plateau_patience", "0", "--ema_decay", "0"]
    stop = ["--early_stopping_patience", "3", "--early_stopping_min_delta", "0.1"]
    trainer = train(*given, *stop, "--max_train_steps", "50", "--validation_steps", "2")
    # The first validation stays the best one through three more.
    assert trainer.progress.step == 8
    assert trainer.players.optimizers[0].param_groups[0]["lr"] < 1e-7


def test_the_trained_checkpoint_is_published(train, tmp_path, hub):
    train("--push_to_hub", "--hub_model_id", "someone/tiny-dense", "--hub_private_repo")
    photo = Image.new("L", (20, 20), 90)
    local, pulled = (pipeline(name, device="cpu")(photo) for name in (tmp_path / "run", "someone/tiny-dense"))
    assert local.tobytes() == pulled.tobytes()
