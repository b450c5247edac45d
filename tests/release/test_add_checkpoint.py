import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import CheckpointError, create_model, pipeline, save_checkpoint
from colorizer.approaches import get_model_class
from colorizer.checkpoints import checkpoint_folder, list_checkpoints
from colorizer.release import add_checkpoint
from colorizer.training import parse_runs

RECIPES = Path(__file__).parents[2] / "recipes"
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
    (package / "mine" / "samples.webp").write_bytes(b"by earlier weights")
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
def test_the_recipe_of_a_checkpoint_is_what_it_was_trained_by(name):
    """Arguments newer than the run have their defaults."""
    recipe = asdict(parse_runs(["--config", str(RECIPES / f"{name}.yaml"), "--cpu"])[-1]) | {"cpu": False}
    trained = json.loads((checkpoint_folder(name) / "training.json").read_text(encoding="utf-8"))["arguments"]
    fields = {key: value for key, value in recipe["model_fields"].items() if key in trained["model_fields"]}
    assert {key: value for key, value in recipe.items() if key in trained} | {"model_fields": fields} == trained


def test_every_recipe_can_be_run_in_the_makefiles_order():
    makefile = (RECIPES.parent / "Makefile").read_text(encoding="utf-8")
    (names,) = [line.split()[2:] for line in makefile.splitlines() if line.startswith("CHECKPOINTS =")]
    assert (
        sorted(names)
        == sorted(list_checkpoints())
        == sorted(path.stem for path in RECIPES.glob("*.yaml") if path.stem != "protocol")
    )
    made = []
    for name in names:
        *phases, last = parse_runs(["--config", str(RECIPES / f"{name}.yaml"), "--cpu"])
        assert last.output_dir == f"runs/{name}"
        for number, phase in enumerate((*phases, last), 1):
            assert phase.pretrained_model_name_or_path in (None, *made)
            assert phase.teacher in (None, "default", *made)
            made.append(f"runs/{name}-{number}" if phase is not last else f"runs/{name}")
            assert phase.output_dir == made[-1]


@pytest.mark.parametrize("name", list_checkpoints())
def test_on_a_gpu_a_recipe_trains_the_full_network(name, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    (arguments,) = parse_runs(["--config", str(RECIPES / f"{name}.yaml")])
    assert arguments.model_fields["width"] == 1
    assert arguments.pretrained_model_name_or_path is None
    if arguments.approach != "lite_unet":  # it has no paper
        published = vars(get_model_class(arguments.approach).recipe)
        assert {key: getattr(arguments, key) for key in published} == published
