import json
import weakref
from pathlib import Path

import pytest
import torch

from colorizer import ColorizerError, HubError
from colorizer.training import Trainer, parse_runs, train_runs
from colorizer.training.run_states import list_states
from tests.training.conftest import forget_processes, parse_arguments

RECIPE = """
approach: dense
dataset_name: data
output_dir: runs/mine
learning_rate: 1e-4
pretrained_model_name_or_path: runs/before
on_gpu:
  train_batch_size: 128
  pretrained_model_name_or_path: null
on_cpu:
  width: 0.5
  push_to_hub: true
  phases:
    - max_train_steps: 10
    - learning_rate: 1e-3
      width: 0.25
    - pretrained_model_name_or_path: runs/other
"""


@pytest.fixture
def recipe(tmp_path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE)
    return path


def test_a_phase_starts_from_the_previous_ones_checkpoint(recipe):
    runs = parse_runs(["--config", str(recipe)])
    assert [run.output_dir for run in runs] == ["runs/mine-1", "runs/mine-2", "runs/mine"]
    assert [run.pretrained_model_name_or_path for run in runs] == ["runs/before", "runs/mine-1", "runs/other"]
    assert [run.max_train_steps for run in runs] == [10, None, None]
    assert [run.learning_rate for run in runs] == [1e-4, 1e-3, 1e-4]
    assert [run.model_fields["width"] for run in runs] == [0.5, 0.25, 0.5]
    assert [run.push_to_hub for run in runs] == [False, False, True]


def test_the_command_line_overrides_every_phase(recipe):
    runs = parse_runs(["--config", str(recipe), "--width", "0.125", "--max_train_steps", "3", "--output_dir", "there"])
    assert [run.model_fields["width"] for run in runs] == 3 * [0.125]
    assert [run.max_train_steps for run in runs] == 3 * [3]
    assert [run.output_dir for run in runs] == ["there-1", "there-2", "there"]


def test_a_gpu_has_arguments_of_its_own_unless_the_cpu_is_requested(recipe, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    arguments = parse_arguments(["--config", str(recipe)])
    assert (arguments.train_batch_size, arguments.model_fields["width"], arguments.learning_rate) == (128, 1.0, 1e-4)
    assert arguments.output_dir == "runs/mine"
    assert arguments.pretrained_model_name_or_path is None
    assert len(parse_runs(["--config", str(recipe), "--cpu"])) == 3


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        ("phases: 3", [], r"config\.yaml: phases .*list"),
        ("phases: []", [], r"config\.yaml: phases .*list"),
        ("phases: [3]", [], "phases .*`name: value`"),
        ("on_cpu: 3", [], "on_cpu .*`name: value`"),
        ("on_cpu: {depth: 3}", [], r"config\.yaml.*depth"),
        ("phases: [{}, {depth: 3}]", [], r"config\.yaml.*depth"),
        ("phases: [{}, {}]", ["--find_lr"], "--find_lr"),
        (
            "phases: [{}, {}]",
            ["--resume_from_checkpoint", "checkpoint-3"],
            "--resume_from_checkpoint latest",
        ),
    ],
)
def test_invalid_phases_are_refused(content, words, message, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(content)
    with pytest.raises(ColorizerError, match=message):
        parse_runs(["--config", str(config), "--approach", "dense", "--dataset_name", "d", "--output_dir", "o", *words])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("learning_rate: [1, 2]", r"config\.yaml: learning_rate must be a number, not .*\[1, 2\]"),
        ("learning_rate: fast", "learning_rate must be a number, not 'fast'"),
        ("max_train_steps: 1.5", "max_train_steps must be a whole number, not .*1.5"),
        ("max_train_steps: true", "max_train_steps must be a whole number, not .*True"),
        ("max_train_steps: {a: 1}", "max_train_steps must be a whole number"),
        ("flip: 'no'", "flip must be true or false, without quotes, not 'no'"),
        ("flip: 0", "flip must be true or false"),
        ("flip: null", "flip must be true or false"),
        ("view_scales: 1.0", r"view_scales must be a list, such as \[.*1.0.*\], not .*1.0"),
        ("view_scales: [1.0, wide]", "view_scales must be a list whose items are each a number, not 'wide'"),
        ("dataset_name: [a]", "dataset_name must be text"),
        ("train_batch_size:", "train_batch_size has no value"),
        ("seed: null", "seed has no value"),
        ("learning_rate: .inf", "--learning_rate must be positive, and at most 1000, not inf"),
        ("max_grad_norm: .nan", "--max_grad_norm must be at least 0, not nan"),
        ("3: 4", "unknown argument 3"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(line, message, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(line)
    words = ["--config", str(config), "--approach", "lite_unet", "--dataset_name", "d", "--output_dir", "o"]
    with pytest.raises(ColorizerError, match=message):
        parse_runs(words)


def test_a_repository_is_checked_before_the_run(command, tmp_path):
    runs = parse_runs([*command, "--output_dir", str(tmp_path / "run"), "--push_to_hub", "--hub_model_id", "../x"])
    with pytest.raises(HubError, match=r"'\.\./x' is not a valid Hub repository id"):
        train_runs(runs)
    assert not (tmp_path / "run").exists()


def test_of_many_unknown_arguments_the_first_are_named(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("approach: dense\n" + "".join(f"argument{number}: 1\n" for number in range(1000)))
    with pytest.raises(ColorizerError, match=r"unknown argument argument0, .* and 995 more") as caught:
        parse_runs(["--config", str(path)])
    assert len(str(caught.value)) < 300


def test_a_list_of_approaches_is_refused(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("approach: [dense]")
    with pytest.raises(ColorizerError, match="approach must be text"):
        parse_runs(["--config", str(config), "--dataset_name", "d", "--output_dir", "o"])


@pytest.mark.parametrize(
    "value",
    ['!!int ""', '!!int "_"', '!!float ""', "!!bool maybe", "!!timestamp x", "!!timestamp 2001-99-99", "[", "\0"],
)
def test_a_value_that_yaml_can_not_make_is_a_file_that_can_not_be_read(value, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(f"learning_rate: {value}")
    with pytest.raises(ColorizerError, match=r"--config .*config\.yaml.* can't be read: ."):
        parse_runs(["--config", str(config), "--approach", "dense", "--dataset_name", "d", "--output_dir", "o"])


def test_numbers_that_yaml_reads_as_text(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("learning_rate: 1e-4\nmax_train_steps: '7'\noutput_dir: 3\nmax_train_samples: null\n")
    arguments = parse_arguments(["--config", str(config), "--approach", "dense", "--dataset_name", "d"])
    assert (arguments.learning_rate, arguments.max_train_steps, arguments.output_dir) == (1e-4, 7, "3")
    assert arguments.max_train_samples is None


@pytest.fixture
def run(command, tmp_path):
    """Train two phases of 2 and 4 steps with the tiny command and added arguments."""
    config = tmp_path / "config.yaml"
    config.write_text("phases:\n  - max_train_steps: 2\n  - {max_train_steps: 4, seed: 1}\n")
    place = command.index("--max_train_steps")
    tiny = command[:place] + command[place + 2 :]

    def train(*added: str) -> Path:
        forget_processes()
        return train_runs(parse_runs([*tiny, "--config", str(config), *added]))

    yield train
    forget_processes()


def facts(folder: Path) -> dict:
    return json.loads((folder / "training.json").read_text())


def test_phases_are_trained_one_after_the_other(run, tmp_path, capsys, monkeypatch):
    trainers = []
    monkeypatch.setattr("colorizer.training.runs.Trainer", lambda arguments: _remembered(arguments, trainers))
    assert run() == tmp_path / "run"
    first, last = facts(tmp_path / "run-1"), facts(tmp_path / "run")
    assert (first["steps"], last["steps"]) == (2, 4)
    assert last["pretrained"] == str(tmp_path / "run-1")
    assert last["earlier_photos_seen"] == first["photos_seen"] == 8
    assert "Phase 1 of 2" in (log := capsys.readouterr().err)
    assert "Phase 2 of 2" in log
    # Nothing of a phase stays in memory.
    assert [trainer() for trainer in trainers] == [None, None]


def test_a_run_computes_in_its_own_precision_whatever_the_last_one_computed_in(run, tmp_path, monkeypatch):
    config = "phases:\n  - {max_train_steps: 2, mixed_precision: bf16}\n  - max_train_steps: 2\n"
    (tmp_path / "precisions.yaml").write_text(config)
    run("--config", str(tmp_path / "precisions.yaml"))
    loss = facts(tmp_path / "run-1")["metrics"]["validation_loss"]
    assert [facts(tmp_path / name)["precision"] for name in ("run-1", "run")] == ["bf16", "float32"]
    # The run's own goes over the launcher's.
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    run("--overwrite_output_dir")
    assert [facts(tmp_path / name)["precision"] for name in ("run-1", "run")] == ["bf16", "bf16"]
    run("--overwrite_output_dir", "--mixed_precision", "no")
    assert [facts(tmp_path / name)["precision"] for name in ("run-1", "run")] == ["float32", "float32"]
    in_float32 = facts(tmp_path / "run-1")["metrics"]["validation_loss"]
    assert in_float32 == pytest.approx(loss, rel=0.01)
    assert in_float32 != loss


def _remembered(arguments, trainers: list) -> Trainer:
    trainer = Trainer(arguments)
    assert all(other() is None for other in trainers)
    trainers.append(weakref.ref(trainer))
    return trainer


def test_a_later_phases_folder_is_checked_before_the_first_begins(run, tmp_path):
    run()
    for path in (tmp_path / "run-1").glob("*.safetensors"):
        path.unlink()
    for state in list_states(tmp_path / "run-1"):
        state.rename(tmp_path / state.name)
    with pytest.raises(ColorizerError, match=r"/run .*--overwrite_output_dir"):
        run()
    assert not list_states(tmp_path / "run-1")


def test_a_later_phases_dataset_is_looked_for_before_the_first_begins(command, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(f"phases:\n  - {{}}\n  - dataset_name: {tmp_path / 'gone'}\n")
    place = command.index("--dataset_name")
    words = [*command[:place], *command[place + 2 :], "--config", str(config)]
    config.write_text(f"dataset_name: {command[place + 1]}\n" + config.read_text())
    with pytest.raises(ColorizerError, match=r"no file or folder .*gone"):
        train_runs(parse_runs(words))
    assert not (tmp_path / "run-1").exists()


def test_phases_resume_where_they_were_stopped(run, tmp_path, monkeypatch, capsys):
    def stop(trainer) -> None:
        raise KeyboardInterrupt

    run()
    whole = (tmp_path / "run/model.safetensors").read_bytes()
    monkeypatch.setattr(Trainer, "_validate", stop)
    # Stops in the first phase of another run, which must not resume this run's second phase as its own.
    with pytest.raises(KeyboardInterrupt):
        run("--overwrite_output_dir", "--learning_rate", "0.01")
    monkeypatch.undo()
    capsys.readouterr()
    run("--overwrite_output_dir", "--learning_rate", "0.01", "--resume_from_checkpoint", "latest")
    log = capsys.readouterr().err
    assert log.count("Nothing to resume from") == 2
    again = (tmp_path / "run/model.safetensors").read_bytes()
    assert again != whole
    for state in list_states(tmp_path / "run"):
        state.rename(tmp_path / state.name)
    run("--learning_rate", "0.01", "--resume_from_checkpoint", "latest")
    log = capsys.readouterr().err
    assert "Resuming at step 2" in log
    assert log.count("Nothing to resume from") == 1
    assert (tmp_path / "run/model.safetensors").read_bytes() == again
