"""`python -m colorizer colorize`: its models and their options."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import checkpoints
from colorizer.approaches import create_model
from colorizer.cli.parser import main
from colorizer.hub.loading import save_checkpoint
from tests.pipelines.test_prediction import lively

pytestmark = pytest.mark.usefixtures("package")


def test_colorize_takes_the_best_checkpoint_unless_told_otherwise(
    album: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "package"
    shutil.copytree(models / "small", package / "default")
    shutil.copytree(models / "bins", package / "bins")
    monkeypatch.setattr(checkpoints, "FOLDER", package)
    for folder, given in (("unsaid", []), ("said", ["--model", "default"])):
        assert main(["colorize", str(album / "face.jpg"), "-o", str(tmp_path / folder), *given]) == 0
    assert (tmp_path / "unsaid" / "face.png").read_bytes() == (tmp_path / "said" / "face.png").read_bytes()


def test_hints_color_a_photo(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    save_checkpoint(lively("pix2pix", num_levels=4, resolution=48, hints=True), tmp_path / "hinted")
    arguments = ["colorize", str(album / "gray.png"), "--model", str(tmp_path / "hinted"), "-o"]
    assert main([*arguments, str(tmp_path / "plain")]) == 0
    assert main([*arguments, str(tmp_path / "told"), "--hint", "50,30,#3366cc", "--hint", "10, 10, #FF0000"]) == 0
    plain, told = (np.asarray(Image.open(tmp_path / folder / "gray.png")).astype(int) for folder in ("plain", "told"))
    assert np.abs(plain - told).max() > 5
    capsys.readouterr()
    assert main([*arguments, str(tmp_path / "out"), "--hint", "100,30,#3366cc"]) == 2
    assert "hints[0] at 100, 30 lies outside" in capsys.readouterr().err
    assert main(["colorize", str(album), *arguments[2:], str(tmp_path / "out"), "--hint", "1,1,#3366cc"]) == 2
    assert "one photo, and these are 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nothing"], "small"),
        (["--model", "small", "--temperature", "0.4"], "temperature"),
        (["--model", "small", "--saturation", "-1"], "saturation"),
        (["--model", "small", "--device", "toaster"], "toaster"),
        (["--model", "small", "small"], "more than once"),
        (["--model", "bins", "small", "--num_images", "2"], "takes no num_images"),
        (["--model", "bins", "--num_images", "1000"], "num_images"),
        (["--model", "bins", "--seed", "-1"], "seed"),
    ],
)
def test_wrong_requests_exit_with_2_and_a_message(
    arguments: list[str], message: str, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    assert main(["colorize", str(album), "-o", str(tmp_path / "out"), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_temperature_goes_to_the_models_that_have_one(album: Path, tmp_path: Path):
    out = tmp_path / "out"
    arguments = ["colorize", str(album / "cat.png"), "-o", str(out), "--model", "small", "bins", "--overwrite"]
    pictures = []
    for temperature in ("0.1", "1"):
        assert main([*arguments, "--temperature", temperature]) == 0
        pictures.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert pictures[0]["cat-small.png"] == pictures[1]["cat-small.png"]
    assert pictures[0]["cat-bins.png"] != pictures[1]["cat-bins.png"]


def test_a_scene_goes_to_the_models_that_know_scenes(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    joint = create_model("joint", width=1 / 16, resolution=32, scenes=["beach", "forest"])
    joint.learn_scenes(torch.rand(2, 16) * 100, torch.tensor([0, 1]))
    save_checkpoint(joint, tmp_path / "joint")
    out = tmp_path / "out"
    arguments = ["colorize", str(album / "cat.png"), "-o", str(out), "--model", str(tmp_path / "joint"), "small"]
    pictures = []
    for scene in ("beach", "forest"):
        assert main([*arguments, "--overwrite", "--scene", scene]) == 0
        pictures.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert pictures[0]["cat-small.png"] == pictures[1]["cat-small.png"]
    assert pictures[0]["cat-joint.png"] != pictures[1]["cat-joint.png"]
    assert main([*arguments, "--overwrite", "--scene", "moon"]) == 2
    assert "there are beach, forest" in capsys.readouterr().err
    assert main([*arguments[:-2], "small", "--overwrite", "--scene", "beach"]) == 2
    assert "No model here takes the option scene" in capsys.readouterr().err
