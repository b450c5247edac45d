import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from colorizer import checkpoints, images
from colorizer.approaches import create_model, list_approaches
from colorizer.cli import main
from colorizer.loading import save_checkpoint
from tests.hub_server import HubServer
from tests.test_sampling import lively

COMMANDS = ("colorize", "video", "compare", "evaluate", "report", "push", "list")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two tiny checkpoints: small, of dense, and bins, of colorful."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    save_checkpoint(create_model("dense", width=1 / 64), folder / "small")
    bins = create_model("colorful", width=1 / 16, resolution=64)
    # An untrained network's distributions are so flat that no temperature would show.
    bins.network[-1].weight.data *= 30
    save_checkpoint(bins, folder / "bins")
    return folder


@pytest.fixture(autouse=True)
def package(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny checkpoints are those that come with the package."""
    monkeypatch.setattr(checkpoints, "FOLDER", models)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Three photos of different sizes and kinds."""
    folder = tmp_path / "album"
    folder.mkdir()
    Image.fromarray(data.astronaut()[:120, :90]).save(folder / "face.jpg")
    Image.fromarray(data.camera()[:64, :100]).save(folder / "gray.png")
    cat = Image.fromarray(data.chelsea()[:80, :80])
    cat.putalpha(128)
    cat.save(folder / "cat.png")
    return folder


@pytest.fixture
def broken(album: Path) -> Path:
    """One more photo of the album, cut off."""
    whole = (album / "face.jpg").read_bytes()
    (album / "broken.jpg").write_bytes(whole[: len(whole) // 4])
    return album / "broken.jpg"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def all_numbers(value: Any) -> list[float]:
    """All numbers of a JSON value, in order."""
    if isinstance(value, dict | list):
        return [
            number for item in (value.values() if isinstance(value, dict) else value) for number in all_numbers(item)
        ]
    return [float(value)] if isinstance(value, int | float) else []


def run_python(*arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=300, check=False
    )


def test_colorize_saves_a_photo_a_model_at_its_own_size(album: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert main(["colorize", str(album), "-o", str(out), "--model", "small", "bins"]) == 0
    assert names(out) == sorted(
        f"{stem}-{model}.png" for stem in ("face", "gray", "cat") for model in ("small", "bins")
    )
    for path in out.iterdir():
        source = next(album.glob(f"{path.stem.rsplit('-')[0]}.*"))
        with Image.open(path) as colored, Image.open(source) as photo:
            assert colored.size == photo.size
            assert ("A" in colored.getbands()) == ("A" in photo.getbands())
            assert path.stem.rsplit("-")[1] in " ".join(map(str, colored.info.values())), "no word of whose guess it is"
    with Image.open(out / "gray-small.png") as colored:
        pixels = np.asarray(colored.convert("RGB")).astype(int)
    assert np.ptp(pixels, axis=-1).max() > 0, "the gray photo stayed gray"


def test_colorize_with_one_model_keeps_the_photos_name(album: Path, models: Path, tmp_path: Path):
    arguments = ["colorize", f"{album}/*.jpg", "-o", str(tmp_path / "out"), "--model", str(models / "bins")]
    options = [
        "--format",
        "webp",
        "--temperature",
        "0.5",
        "--saturation",
        "1.3",
        "--resolution",
        "32",
        "--device",
        "cpu",
    ]
    assert main([*arguments, *options]) == 0
    assert names(tmp_path / "out") == ["face.webp"]


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


def test_colorize_is_the_pipeline(album: Path, tmp_path: Path):
    from colorizer.pipelines import pipeline

    assert main(["colorize", str(album / "face.jpg"), "-o", str(tmp_path / "out"), "--model", "bins"]) == 0
    expected = pipeline("bins")(str(album / "face.jpg"))
    with Image.open(tmp_path / "out" / "face.png") as colored:
        np.testing.assert_array_equal(np.asarray(colored.convert("RGB")), np.asarray(expected.convert("RGB")))


def test_several_answers_are_numbered_and_a_second_run_goes_on(album: Path, tmp_path: Path):
    out = tmp_path / "out"
    arguments = ["colorize", str(album / "face.jpg"), "-o", str(out), "--model", "bins", "--num_images", "3"]
    assert main([*arguments, "--seed", "5"]) == 0
    assert names(out) == ["face-1.png", "face-2.png", "face-3.png"]
    assert len({path.read_bytes() for path in out.iterdir()}) == 3
    before = times(out)
    assert main([*arguments, "--seed", "5"]) == 0
    assert times(out) == before
    (out / "face-2.png").unlink()
    assert main([*arguments, "--seed", "5"]) == 0
    assert names(out) == ["face-1.png", "face-2.png", "face-3.png"]
    one = ["colorize", str(album / "face.jpg"), "-o", str(tmp_path / "one"), "--model", "bins", "--seed", "5"]
    assert main(one) == 0
    assert (tmp_path / "one/face.png").read_bytes() == (out / "face-1.png").read_bytes()


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


def test_a_photo_that_can_not_be_read_is_named_and_the_others_go_on(
    album: Path, broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    sources = [str(album), "missing.jpg"]
    assert main(["colorize", *sources, "-o", str(tmp_path / "out"), "--model", "small", "--batch_size", "2"]) == 1
    errors = capsys.readouterr().err
    assert "broken.jpg" in errors
    assert "missing.jpg" in errors
    assert "2 of 5 photos failed" in errors
    assert names(tmp_path / "out") == ["cat.png", "face.png", "gray.png"]


def test_a_second_run_goes_on_where_the_first_stopped(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    out = tmp_path / "out"
    arguments = ["colorize", str(album), "-o", str(out), "--model", "small", "bins"]
    assert main(arguments) == 0
    before = times(out)
    assert main(arguments) == 0
    assert times(out) == before
    assert "3 of 3 photos are done already" in capsys.readouterr().out

    (out / "cat-bins.png").unlink()
    assert main(arguments) == 0
    after = times(out)
    assert {name for name in after if after[name] != before[name]} == {"cat-bins.png"}

    assert main([*arguments, "--overwrite"]) == 0
    assert all(time != before[name] for name, time in times(out).items())


def test_a_photo_is_decoded_once_for_all_models(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    read, sources = images.read, []

    def count(source, **arguments):
        if isinstance(source, str):  # not what is read already
            sources.append(source)
        return read(source, **arguments)

    monkeypatch.setattr(images, "read", count)
    assert main(["colorize", str(album), "-o", str(tmp_path / "out"), "--model", "small", "bins"]) == 0
    assert main(["compare", str(album), "-o", str(tmp_path / "sheet.png")]) == 0
    assert sorted(sources) == sorted(2 * [str(path) for path in album.iterdir()])


def test_compare_makes_a_sheet_of_all_checkpoints(
    album: Path, broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    sheet = tmp_path / "sheets" / "sheet.png"
    assert main(["compare", str(album), "-o", str(sheet)]) == 1
    assert "broken.jpg" in capsys.readouterr().err
    with Image.open(sheet) as picture:
        assert picture.width > 4 * 190, "gray, two models and the truth"
        assert picture.height > 3 * 320

    gray_sheet = tmp_path / "gray.png"
    assert main(["compare", str(album / "gray.png"), "-o", str(gray_sheet), "--model", "bins"]) == 0
    with Image.open(gray_sheet) as picture:
        assert 2 * 500 <= picture.width < 3 * 500, "a gray photo has no truth to show"


def test_compare_without_any_photo_writes_nothing(broken: Path, tmp_path: Path):
    assert main(["compare", str(broken), "-o", str(tmp_path / "sheet.png")]) == 1
    assert not (tmp_path / "sheet.png").exists()


def test_evaluate_writes_its_tables_alike_in_one_process_and_two(models: Path, tmp_path: Path):
    photos = tmp_path / "photos"
    for split, numbers in {"train": (5, 6), "val": (7, 8), "test": range(5)}.items():
        (photos / split).mkdir(parents=True)
        for number in numbers:
            cut = data.coffee()[20 * number : 20 * number + 96, 40 * number : 40 * number + 96]
            Image.fromarray(cut).save(photos / split / f"{number}.png")

    def arguments(folder: str) -> list[str]:
        dataset = ["--dataset", str(photos), "--resolution", "64", "--batch_size", "2"]
        further = ["--by", "label", "--aged", "--sizes"]
        return ["evaluate", "--model", str(models / "bins"), *dataset, *further, "-o", str(tmp_path / folder)]

    assert main(arguments("one")) == 0
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "colorizer"]
    two = run_python(*launch, *arguments("two"))
    assert two.returncode == 0, two.stderr
    assert two.stdout.count("| bins |") == 1, "only one process reports"
    assert main(["report", str(tmp_path / "one"), "-o", str(tmp_path / "report.html")]) == 0
    assert "bins" in (tmp_path / "report.html").read_text()
    for folder in ("one", "two"):
        assert names(tmp_path / folder) == [
            "evaluation.json",
            "sheet-matched.png",
            "sheet.png",
            "table.csv",
            "table.md",
        ]
    one_table, two_table = (
        list(csv.DictReader((tmp_path / folder / "table.csv").read_text().splitlines())) for folder in ("one", "two")
    )
    assert [row["model"] for row in one_table] == ["gray", "mean color", "mean by lightness", "bins", "bins"]
    table = (tmp_path / "one" / "table.md").read_text()
    assert "from 2 of the training photos" in table
    assert "for want of" not in table
    for one_row, two_row in zip(one_table, two_table, strict=True):
        for column in set(one_row) - {"model", "approach", "photos_per_second", "num_parameters"}:
            assert float(one_row[column]) == pytest.approx(float(two_row[column]), rel=1e-4, abs=1e-6), column
    one, two = (json.loads((tmp_path / folder / "evaluation.json").read_text()) for folder in ("one", "two"))
    assert one["size"]["sizes"] == [128, 256], "larger ones would be mostly made up"
    for part in ("matched", "curves", "labels", "size", "age"):
        assert all_numbers(one[part]) == pytest.approx(all_numbers(two[part]), rel=1e-3, abs=1e-4), part


def test_push_publishes_and_says_where(hub: HubServer, models: Path, capsys: pytest.CaptureFixture):
    assert main(["push", str(models / "small"), "ada/small", "--private"]) == 0
    assert f"{hub.url}/ada/small" in capsys.readouterr().out
    assert hub.repositories["ada/small"].is_private
    assert main(["push", str(models / "small"), "a/b/c"]) == 2
    assert "a/b/c" in capsys.readouterr().err


def test_list_shows_approaches_and_checkpoints(capsys: pytest.CaptureFixture):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for approach in list_approaches():
        assert any(line.startswith(f"{approach} ") for line in lines)
    (bins,) = (line.split() for line in lines if line.startswith("bins "))
    assert bins[1] == "colorful"
    assert bins[3] == "M"
    for approach, option in (("colorful", "temperature"), ("joint", "scene")):
        assert any(option in line for line in lines if line.startswith(f"{approach} "))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nothing"], "small"),
        (["--model", "small", "--temperature", "0.4"], "temperature"),
        (["--model", "small", "--saturation", "-1"], "saturation"),
        (["--model", "small", "--device", "toaster"], "toaster"),
        (["--model", "small", "small"], "more than once"),
        (["--model", "bins", "small", "--num_images", "2"], "dense has one answer"),
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


def test_a_sheet_needs_the_suffix_of_a_picture(album: Path, capsys: pytest.CaptureFixture):
    assert main(["compare", str(album), "-o", "sheet"]) == 2
    assert "sheet.png" in capsys.readouterr().err


def test_ctrl_c_exits_with_130(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(source, **arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(images, "read", interrupt)
    assert main(["colorize", str(album), "-o", str(tmp_path / "out"), "--model", "small"]) == 130


COLORIZE = ["colorize", "x.jpg", "-o", "out", "--model", "bins"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["paint"],
        ["colorize", "x.jpg"],
        ["evaluate", "--max_photos", "0"],
        [*COLORIZE, "--hint", "1,2,blue"],
        [*COLORIZE, "--hint", "-1,2,#336699"],
        [*COLORIZE, "--num_images", "0"],
    ],
)
def test_a_wrong_command_line_exits_with_2(arguments: list[str]):
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 2


def test_help_has_examples_for_every_command(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in ([], *([command] for command in COMMANDS)):
        with pytest.raises(SystemExit) as exit_info:
            main([*arguments, "--help"])
        assert exit_info.value.code == 0
        text = capsys.readouterr().out
        assert all(len(line) < 80 for line in text.splitlines())
        assert arguments == ["list"] or f"python -m colorizer {' '.join(arguments)}" in text


def test_help_comes_without_waiting_for_torch():
    script = "import sys, runpy\nsys.argv = ['colorizer', '--help']\ntry: runpy.run_module('colorizer', run_name='__main__')\n"
    finished = run_python("-c", script + "except SystemExit: print('torch' in sys.modules)")
    assert finished.stdout.endswith("False\n"), finished.stderr


def test_the_module_runs_as_a_command(album: Path, models: Path, broken: Path, tmp_path: Path):
    out = tmp_path / "out"
    finished = run_python("-m", "colorizer", "colorize", str(album), "-o", str(out), "--model", str(models / "small"))
    assert finished.returncode == 1
    assert "broken.jpg" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert names(out) == ["cat.png", "face.png", "gray.png"]
