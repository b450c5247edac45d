import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from colorizer.approaches import create_model
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.data import PhotoDataset
from colorizer.errors import CheckpointError, ColorizerError
from colorizer.evaluation.evaluate import evaluate
from colorizer.evaluation.metrics import compute_metrics
from colorizer.hub.loading import save_checkpoint
from colorizer.hub.model_names import BASELINES, model_names
from colorizer.photos.color import colorfulness, rgb_to_lab
from colorizer.photos.merging import merge_colors


@pytest.fixture(scope="module")
def model() -> ColorizerModel:
    torch.manual_seed(0)
    return create_model("dense", width=1 / 64).eval()


def true_rgb(dataset: PhotoDataset) -> Tensor:
    return dataset.batch(range(len(dataset)))["rgb"].float() / 255


def test_a_model_is_measured_on_what_the_merge_makes_of_its_prediction(dataset: PhotoDataset, model: ColorizerModel):
    report = evaluate([model], dataset, batch_size=3)
    assert [evaluation.name for evaluation in report.evaluations] == [*BASELINES, "dense"]

    rgb = true_rgb(dataset)
    small = torch.nn.functional.interpolate(rgb_to_lab(rgb)[:, :1], (32, 32), mode="bilinear", antialias=True)
    expected = []
    for photo, lightness in zip(dataset.batch(range(len(dataset)))["rgb"], small, strict=True):
        with torch.no_grad():
            merged = merge_colors(photo.permute(1, 2, 0).numpy(), model(lightness[None]).ab[0])
        predicted = torch.from_numpy(merged).permute(2, 0, 1)[None].float() / 255
        expected.append(compute_metrics(predicted, photo[None].float() / 255))
    dense = report.evaluations[-1]
    per_photo = [name for name in expected[0] if name not in ("edge_error", "elsewhere_error")]
    for name in per_photo:
        assert dense.means[name] == pytest.approx(np.mean([float(values[name]) for values in expected]), rel=1e-3), name
    for name, mean in dense.means.items():
        low, high = dense.intervals[name]
        assert low <= mean <= high
    assert dense.num_parameters == sum(p.numel() for p in model.parameters())
    assert dense.photos_per_second > 0
    assert report.true_colorfulness == pytest.approx(float(colorfulness(rgb).mean()), rel=1e-4)
    assert report.num_photos == len(dataset)


def test_the_baselines_know_the_mean_colors_of_the_training_photos(dataset: PhotoDataset):
    rest, evaluated = dataset.split_off(3)
    report = evaluate([], evaluated, training_photos=rest)
    gray, mean_color, by_lightness = report.evaluations
    rgb = true_rgb(evaluated)
    lab = rgb_to_lab(rgb)
    assert gray.means["ab_mae"] == pytest.approx(float(lab[:, 1:].abs().mean()), abs=0.01)
    assert gray.means["colorfulness"] < 0.5
    known = rgb_to_lab(true_rgb(rest))
    mean = known[:, 1:].mean(dim=(0, 2, 3))[:, None, None].expand(2, 48, 48)
    levels, colors = known[:, 0].round().flatten(), known[:, 1:].movedim(1, 0).flatten(1)
    table = {level: colors[:, levels == level].mean(1) for level in levels.unique().tolist()}
    fitting = torch.stack(
        [
            torch.stack([table.get(level, mean[:, 0, 0]) for level in photo.flatten().tolist()], 1).view(2, 48, 48)
            for photo in lab[:, 0].round()
        ]
    )
    for evaluation, ab in ((mean_color, mean.expand(3, -1, -1, -1)), (by_lightness, fitting)):
        photos = evaluated.batch(range(3))["rgb"]
        merged = [merge_colors(photo.permute(1, 2, 0).numpy(), color) for photo, color in zip(photos, ab, strict=True)]
        predicted = torch.from_numpy(np.stack(merged)).permute(0, 3, 1, 2) / 255
        expected = compute_metrics(predicted, rgb, ["psnr", "ssim", "ciede2000", "auc", "colorfulness"])
        for name, values in expected.items():
            assert evaluation.means[name] == pytest.approx(float(values.mean()), rel=2e-3), name
        assert evaluation.means["mse_ab128"] < gray.means["mse_ab128"]
    assert (gray.photos_per_second, gray.num_parameters, gray.matched) == (None, None, None)
    assert "from 4 of the training photos" in report.notes[0]


def test_a_model_is_measured_at_matched_colorfulness_too(
    dataset: PhotoDataset, model: ColorizerModel, monkeypatch: pytest.MonkeyPatch
):
    forward, seen = type(model).forward, []

    def counted(self, lightness, **options):
        seen.append(len(lightness))
        return forward(self, lightness, **options)

    monkeypatch.setattr(type(model), "forward", counted)
    training, validating = dataset.split_off(3)
    report = evaluate([model], training, validation_photos=validating, batch_size=2)
    assert sum(seen) == len(dataset), "the network runs once a photo for all gains"
    (dense,) = report.evaluations[len(BASELINES) :]
    matched = dense.matched
    assert set(matched.means) == set(matched.intervals) == set(dense.means)
    assert matched.gain != 1
    assert (matched.means["colorfulness"] > dense.means["colorfulness"]) == (matched.gain > 1)

    points = {point["gain"]: point for point in dense.curve}
    assert list(points) == sorted(points)
    assert set(points) == {1.0, *(min(10.0, share * matched.gain) for share in (0.25, 0.5, 0.75, 1.0, 1.25))}
    for gain, scores in ((1.0, dense), (matched.gain, matched)):
        for name in ("psnr", "ciede2000", "auc", "colorfulness"):
            assert points[gain][name] == pytest.approx(scores.means[name])
    vividness = [point["colorfulness"] for point in dense.curve]
    assert vividness == sorted(vividness)
    own = evaluate([model], validating, validation_photos=validating).evaluations[-1].matched
    assert own.means["colorfulness"] == pytest.approx(float(colorfulness(true_rgb(validating)).mean()), abs=0.1)


def test_the_batch_size_changes_nothing(dataset: PhotoDataset, model: ColorizerModel):
    one, all_at_once = (evaluate([model], dataset, batch_size=size).evaluations[-1] for size in (1, 16))
    assert one.means == pytest.approx(all_at_once.means, rel=1e-4)
    for name, interval in one.intervals.items():
        assert interval == pytest.approx(all_at_once.intervals[name], rel=1e-4)


def test_it_writes_tables_and_a_sheet(dataset: PhotoDataset, model: ColorizerModel, tmp_path: Path):
    checkpoint = save_checkpoint(model, tmp_path / "runs" / "mine")
    folder = tmp_path / "results" / "new"
    report = evaluate([checkpoint], dataset, dataset="cuts", split="test", output_dir=folder)
    sheets = {"sheet.png", "sheet-matched.png"}
    assert {path.name for path in folder.iterdir()} == {"table.md", "table.csv", "evaluation.json", *sheets}
    content = json.loads((folder / "evaluation.json").read_text())
    assert content["dataset"] == "cuts"
    assert content["models"]["mine"]["psnr"]["mean"] == report.evaluations[-1].means["psnr"]
    assert content["networks"]["mine"]["approach"] == "dense"
    assert content["matched"]["mine"]["gain"] == report.evaluations[-1].matched.gain
    assert str(tmp_path) not in (folder / "evaluation.json").read_text()
    with (folder / "table.csv").open() as lines:
        assert [row["model"] for row in csv.DictReader(lines)] == [*BASELINES, "mine", "mine"]
    assert "| mine |" in (folder / "table.md").read_text()
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.width > 4 * 144
        assert sheet.height > 7 * 240
    evaluate([], dataset, output_dir=folder)
    assert {path.name for path in folder.iterdir()} == {"table.md", "table.csv", "evaluation.json", "sheet.png"}


def test_folders_go_by_their_own_names_unless_two_share_it(tmp_path: Path):
    for name in ("a/best", "b/best", "c/other"):
        (tmp_path / name).mkdir(parents=True)
    first, second = str(tmp_path / "a" / "best"), str(tmp_path / "b" / "best")
    assert model_names(["colorful", "user/name", tmp_path / "c" / "other"]) == ["colorful", "user/name", "other"]
    assert model_names([first, second]) == ["a/best", "b/best"], "no more of this machine than is needed"
    (tmp_path / "colorful").mkdir()
    assert model_names(["colorful", tmp_path / "colorful"]) == ["colorful", f"{tmp_path.name}/colorful"]
    with pytest.raises(ColorizerError, match="more than once"):
        model_names([first, f"{first}/../best"])
    with pytest.raises(ColorizerError, match="more than once"):
        model_names(["colorful", "colorful"])


def test_wrong_requests_are_refused(dataset: PhotoDataset, tmp_path: Path):
    with pytest.raises(ColorizerError, match=r"sepia.*gray, mean color"):
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
