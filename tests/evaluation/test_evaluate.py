import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from colorizer.approaches import create_model
from colorizer.color import colorfulness, rgb_to_lab
from colorizer.data import PhotoDataset, load_photos
from colorizer.errors import CheckpointError, ColorizerError
from colorizer.evaluation.evaluate import evaluate
from colorizer.evaluation.metrics import compute_metrics
from colorizer.evaluation.names import model_names
from colorizer.loading import save_checkpoint
from colorizer.merging import merge
from colorizer.modeling import ColorizerModel

SIZE = 48


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PhotoDataset:
    """Seven cuts of scikit-image's color photos."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(7):
        source = (data.astronaut, data.coffee, data.chelsea)[number % 3]()
        top = 20 * number
        Image.fromarray(source[top : top + 144, top : top + 144]).resize((SIZE, SIZE)).save(folder / f"{number}.png")
    return load_photos(folder, resolution=SIZE, cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def model() -> ColorizerModel:
    torch.manual_seed(0)
    return create_model("dense", width=1 / 64).eval()


def true_rgb(dataset: PhotoDataset) -> Tensor:
    return dataset.batch(range(len(dataset)))["rgb"].float() / 255


def test_a_model_is_measured_on_what_the_merge_makes_of_its_prediction(dataset: PhotoDataset, model: ColorizerModel):
    report = evaluate([model], dataset, batch_size=3)
    assert [evaluation.name for evaluation in report.evaluations] == ["gray", "mean color", "dense"]

    rgb = true_rgb(dataset)
    small = torch.nn.functional.interpolate(rgb_to_lab(rgb)[:, :1], (32, 32), mode="bilinear", antialias=True)
    expected = []
    for photo, lightness in zip(dataset.batch(range(len(dataset)))["rgb"], small, strict=True):
        with torch.no_grad():
            merged = merge(photo.permute(1, 2, 0).numpy(), model(lightness[None]).ab[0])
        predicted = torch.from_numpy(merged).permute(2, 0, 1)[None].float() / 255
        expected.append(compute_metrics(predicted, photo[None].float() / 255))
    dense = report.evaluations[-1]
    for name, mean in dense.means.items():
        assert mean == pytest.approx(np.mean([float(values[name]) for values in expected]), rel=1e-3), name
        low, high = dense.intervals[name]
        assert low <= mean <= high
    assert dense.num_parameters == sum(p.numel() for p in model.parameters())
    assert dense.photos_per_second > 0
    assert report.true_colorfulness == pytest.approx(float(colorfulness(rgb).mean()), rel=1e-4)
    assert report.num_photos == len(dataset)


def test_the_baselines_are_gray_and_the_mean_color(dataset: PhotoDataset):
    gray, mean_color = evaluate([], dataset).evaluations
    rgb = true_rgb(dataset)
    ab = rgb_to_lab(rgb)[:, 1:]
    assert gray.means["ab_mae"] == pytest.approx(float(ab.abs().mean()), abs=0.01)
    assert gray.means["colorfulness"] < 0.5
    mean = ab.mean(dim=(0, 2, 3))[:, None, None]
    merged = [merge(photo.permute(1, 2, 0).numpy(), mean) for photo in dataset.batch(range(len(dataset)))["rgb"]]
    predicted = torch.from_numpy(np.stack(merged)).permute(0, 3, 1, 2) / 255
    expected = {name: float(values.mean()) for name, values in compute_metrics(predicted, rgb).items()}
    assert mean_color.means == pytest.approx(expected, rel=1e-3)
    assert mean_color.means["mse_ab128"] < gray.means["mse_ab128"]
    assert gray.photos_per_second is None
    assert gray.num_parameters is None


def test_the_batch_size_changes_nothing(dataset: PhotoDataset, model: ColorizerModel):
    one, all_at_once = (evaluate([model], dataset, batch_size=size).evaluations[-1] for size in (1, 16))
    assert one.means == pytest.approx(all_at_once.means, rel=1e-4)
    for name, interval in one.intervals.items():
        assert interval == pytest.approx(all_at_once.intervals[name], rel=1e-4)


def test_it_writes_tables_and_a_sheet(dataset: PhotoDataset, model: ColorizerModel, tmp_path: Path):
    checkpoint = save_checkpoint(model, tmp_path / "runs" / "mine")
    folder = tmp_path / "results" / "new"
    report = evaluate([checkpoint], dataset, dataset="cuts", split="test", output_dir=folder)
    assert {path.name for path in folder.iterdir()} == {"table.md", "table.csv", "evaluation.json", "sheet.png"}
    content = json.loads((folder / "evaluation.json").read_text())
    assert content["dataset"] == "cuts"
    assert content["models"]["mine"]["psnr"]["mean"] == report.evaluations[-1].means["psnr"]
    assert content["networks"]["mine"]["approach"] == "dense"
    assert str(tmp_path) not in (folder / "evaluation.json").read_text()
    with (folder / "table.csv").open() as lines:
        assert [row["model"] for row in csv.DictReader(lines)] == ["gray", "mean color", "mine"]
    assert "| mine |" in (folder / "table.md").read_text()
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.width > 4 * 144
        assert sheet.height > 7 * 240


def test_folders_go_by_their_own_names_unless_two_share_it(tmp_path: Path):
    for name in ("a/best", "b/best", "c/other"):
        (tmp_path / name).mkdir(parents=True)
    first, second = str(tmp_path / "a" / "best"), str(tmp_path / "b" / "best")
    assert model_names(["colorful", "user/name", tmp_path / "c" / "other"]) == ["colorful", "user/name", "other"]
    assert model_names([first, second]) == [first, second]
    with pytest.raises(ColorizerError, match="more than once"):
        model_names(["colorful", "colorful"])


def test_wrong_requests_are_refused(dataset: PhotoDataset, tmp_path: Path):
    with pytest.raises(ColorizerError, match="There are: gray, mean color"):
        evaluate([], dataset, baselines=["sepia"])
    with pytest.raises(ColorizerError, match="at least one model"):
        evaluate([], dataset, baselines=[])
    with pytest.raises(CheckpointError, match="no checkpoint 'nothing'"):
        evaluate(["nothing"], dataset)
    with pytest.raises(ColorizerError, match="toaster"):
        evaluate([], dataset, device="toaster")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ColorizerError, match="can't be made"):
        evaluate([], dataset, output_dir=tmp_path / "file" / "results")
