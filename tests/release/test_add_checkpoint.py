import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from colorizer import CheckpointError, create_model, pipeline, save_checkpoint
from colorizer.approaches import get_model_class, list_approaches
from colorizer.checkpoints import DEFAULT, checkpoint_folder, list_checkpoints
from colorizer.release import add_checkpoint
from colorizer.release.protocol import read_arms
from colorizer.training import parse_runs

RECIPES = Path(__file__).parents[2] / "recipes"
NINE = list_approaches()
TRAINING = {
    "arguments": {"output_dir": "runs/mine"},
    "command": "accelerate launch train_accelerate.py --dataset_name /home/someone/photos --output_dir runs/mine",
    "dataset": {
        "name": "photos",
        "report": "90 photos; left out: 1 gray, 2 dull: mother.jpg (gray), a.jpg (colorfulness 3.1)",
    },
}


@pytest.fixture
def run(tmp_path) -> Path:
    folder = tmp_path / "runs" / "mine"
    save_checkpoint(create_model("dense", width=1 / 32), folder)
    (folder / "training.json").write_text(json.dumps(TRAINING), encoding="utf-8")
    (folder / "curves.png").write_bytes(b"curves")
    (folder / "samples").mkdir()
    (folder / "samples" / "step-1.png").write_bytes(b"somebody's photos")
    return folder


def test_what_is_taken_in_names_no_photo_and_shows_none(run, tmp_path):
    package = tmp_path / "package"
    (package / "mine").mkdir(parents=True)
    for name in ("samples.webp", "model-hints.onnx"):
        (package / "mine" / name).write_bytes(b"by earlier weights")
    folder = add_checkpoint.add_checkpoint(run, package=package)
    assert folder == package / "mine"
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "curves.png",
        "model.onnx",
        "model.safetensors",
        "thumbnail.webp",
        "training.json",
    ]
    with Image.open(folder / "thumbnail.webp") as thumbnail, Image.open(add_checkpoint.PHOTO) as photo:
        truth = photo.crop(add_checkpoint.CROP)
        colored = pipeline(folder)(truth)
        assert 2 * _difference(thumbnail, colored) < _difference(thumbnail, truth)
    taken = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert taken["dataset"]["report"] == "90 photos; left out: 1 gray, 2 dull"
    assert "/home" not in taken["command"]
    assert add_checkpoint.add_checkpoint(run, name="other", package=package) == package / "other"


def _difference(thumbnail: Image.Image, photo: Image.Image) -> float:
    photo = photo.resize(thumbnail.size, Image.Resampling.LANCZOS)
    return np.abs(np.asarray(thumbnail.convert("RGB")).astype(float) - np.asarray(photo)).mean()


def test_a_run_that_has_not_ended_or_is_too_large_is_refused(run, tmp_path, monkeypatch):
    (run / "training.json").unlink()
    with pytest.raises(CheckpointError, match=r"training\.json.*--resume_from_checkpoint"):
        add_checkpoint.add_checkpoint(run, package=tmp_path)
    monkeypatch.setattr(add_checkpoint, "MAX_BYTES", 1000)
    with pytest.raises(CheckpointError, match="--width"):
        add_checkpoint.add_checkpoint(run, package=tmp_path)
    (run / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        add_checkpoint.add_checkpoint(run, package=tmp_path)


@pytest.mark.parametrize("name", list_checkpoints())
def test_the_recipe_of_a_checkpoint_is_what_it_was_trained_by(name, tmp_path):
    """Arguments newer than the run have their defaults. An arm's learning rates are the finder's."""
    config = RECIPES / f"{name}.yaml"
    if name != DEFAULT:
        config = tmp_path / "arm.yaml"
        config.write_text(yaml.safe_dump(read_arms()[name] | {"output_dir": f"runs/protocol/{name}"}))
    recipe = asdict(parse_runs(["--config", str(config), "--cpu"])[-1])
    trained = json.loads((checkpoint_folder(name) / "training.json").read_text(encoding="utf-8"))["arguments"]
    if name != DEFAULT:
        recipe, trained = (_without_rates(arguments) for arguments in (recipe, trained))
    taken = {"cpu", "overwrite_output_dir", "resume_from_checkpoint", "model_fields"}
    assert {key: value for key, value in recipe.items() if key in trained.keys() - taken} == {
        key: value for key, value in trained.items() if key not in taken
    }
    fields = recipe["model_fields"]
    assert {key: value for key, value in fields.items() if key in trained["model_fields"]} == trained["model_fields"]


def _without_rates(arguments: dict) -> dict:
    fields = {key: value for key, value in arguments["model_fields"].items() if key != "pretrain_learning_rate"}
    return {key: value for key, value in arguments.items() if key != "learning_rate"} | {"model_fields": fields}


def test_the_makefile_trains_every_checkpoint_of_the_package():
    makefile = (RECIPES.parent / "Makefile").read_text(encoding="utf-8")
    (names,) = [line.split()[2:] for line in makefile.splitlines() if line.startswith("NINE =")]
    assert sorted(names) == sorted(NINE)
    assert sorted([DEFAULT, *names]) == sorted(list_checkpoints())


def test_a_phase_of_the_recipe_starts_from_the_one_before():
    runs = parse_runs(["--config", str(RECIPES / "default.yaml"), "--cpu"])
    assert [run.output_dir for run in runs] == [
        *(f"runs/default-{number}" for number in range(1, len(runs))),
        "runs/default",
    ]
    made = [None, *(run.output_dir for run in runs)]
    assert all(run.pretrained_model_name_or_path in made[: number + 1] for number, run in enumerate(runs))
    assert {run.teacher for run in runs} == {None}


@pytest.mark.parametrize("approach", [*NINE, "lite_unet"])
def test_on_a_gpu_the_full_network_is_trained(approach, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    recipe = ["default.yaml"] if approach == "lite_unet" else ["full.yaml", "--approach", approach]
    (arguments,) = parse_runs(["--config", str(RECIPES / recipe[0]), *recipe[1:], "--output_dir", "runs/full"])
    assert arguments.model_fields["width"] == 1
    assert arguments.pretrained_model_name_or_path is None
    if approach in NINE:
        published = vars(get_model_class(approach).recipe)
        assert {key: getattr(arguments, key) for key in published} == published
