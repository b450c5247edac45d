"""The output folder of a run: two at a time, of which the second is refused, and one in place of another."""

import resource
from pathlib import Path

import pytest

from colorizer import ColorizerError
from colorizer.approaches.base.checkpoint_files import WEIGHTS
from colorizer.atomic_write import lock_folder
from colorizer.training import Trainer, reports
from tests.training.conftest import parse_arguments


def test_a_folder_is_one_runs_at_a_time(command: list[str], tmp_path: Path):
    arguments = parse_arguments([*command, "--overwrite_output_dir", "--max_train_steps", "1"])
    run = tmp_path / "run"
    run.mkdir()
    with lock_folder(run), pytest.raises(ColorizerError, match=r"Another run is training in .*run\. Choose another"):
        Trainer(arguments)
    trainer = Trainer(arguments)
    with lock_folder(run), pytest.raises(ColorizerError, match="Another run is training"):
        trainer.train()
    assert not list(run.iterdir())
    trainer.train()
    Trainer(arguments).train()


def test_a_run_that_ended_in_the_meantime_is_not_overwritten(command: list[str], tmp_path: Path):
    trainer = Trainer(parse_arguments(command))
    (tmp_path / "run" / WEIGHTS).write_text("of another run")
    with pytest.raises(ColorizerError, match="holds another run"):
        trainer.train()
    assert (tmp_path / "run" / WEIGHTS).read_text() == "of another run"


def test_what_stays_of_another_run_is_its_checkpoint(command: list[str], tmp_path: Path, monkeypatch):
    run = tmp_path / "run"
    Trainer(parse_arguments([*command, "--checkpointing_steps", "3"])).train()
    graph = (run / "model.onnx").read_bytes()
    (run / "lr_finder.csv").write_text("of the sweep before")
    trainer = Trainer(parse_arguments([*command, "--overwrite_output_dir"]))

    def stop(*batch):
        raise ColorizerError("stopped")

    monkeypatch.setattr(trainer, "_training_step", stop)
    with pytest.raises(ColorizerError, match="stopped"):
        trainer.train()
    assert sorted(path.name for path in run.iterdir()) == [
        *("README.md", "config.json", "lr_finder.csv", "model.onnx", "model.safetensors"),
    ]
    assert (run / "model.onnx").read_bytes() == graph


def test_a_full_disk_is_told_with_the_way_to_go_on(train, tmp_path: Path, monkeypatch):
    save_history = reports.save_history

    def fill_up(*given):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            save_history(*given)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    monkeypatch.setattr(reports, "save_history", fill_up)
    with pytest.raises(ColorizerError, match=r"File too large\. Free .*run and .*--resume_from_checkpoint latest"):
        train("--checkpointing_steps", "2")
    monkeypatch.undo()
    assert not (tmp_path / "run/history.json").exists()
    assert train("--checkpointing_steps", "2", "--resume_from_checkpoint", "latest").progress.step == 6
