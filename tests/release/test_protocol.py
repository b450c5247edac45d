import json
import re
import shutil

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from colorizer import ColorizerError, create_model, list_approaches
from colorizer.hub.model_names import BASELINES
from colorizer.release.protocol import read_arms, suggested_rates, train_arm
from colorizer.release.protocol_results import combined, describe_training, measure_arms, read_records, write_page
from colorizer.training import parse_runs
from tests.training.conftest import command, dataset, forget_processes  # noqa: F401

ARMS = read_arms()
CLASSIFIER = {"model_type": "resnet", "num_labels": 1000, "hidden_sizes": [4], "depths": [1], "layer_type": "basic"}


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_trains_about_two_million_weights_on_the_same_photos(name, tmp_path):
    config = tmp_path / "arm.yaml"
    config.write_text(yaml.safe_dump(ARMS[name] | {"output_dir": str(tmp_path)}))
    (run,) = parse_runs(["--config", str(config), "--cpu"])
    fields = dict(run.model_fields)
    if run.approach == "fusion":  # as many scores as its classifier, which is not trained
        fields |= {"classifier": "", "classifier_config": json.dumps(CLASSIFIER)}
    with torch.device("meta"):
        network = create_model(run.approach, **fields)
    own = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    assert own == pytest.approx(2e6, rel=0.05)
    assert run.max_train_steps * run.train_batch_size == 64_000
    assert run.teacher is run.max_train_samples is run.pretrained_model_name_or_path is None
    assert (network.config.gain, network.config.chroma_power) == (1, 1)


def test_the_nine_are_among_the_arms():
    own = [name for name in list_approaches(own=True) if name != "lite_unet"]
    assert {name: ARMS[name]["approach"] for name in own} == {name: name for name in own}


def test_arms_of_one_approach_differ_in_what_they_compare_alone():
    objectives = [arm for name, arm in ARMS.items() if name.startswith("cnn")]
    compared = dict.fromkeys(("loss", "objective", "find_lr_steps", "mixed_precision"))
    assert len({json.dumps({**arm, **compared}, sort_keys=True) for arm in objectives}) == 1
    assert len({(arm.get("loss"), arm.get("objective")) for arm in objectives}) == len(objectives) == 8


@pytest.mark.parametrize(("approach", "options"), [("dense", ["--learning_rate"]), ("resnet_unet", [])])
def test_an_arm_is_trained_once_at_the_rate_that_the_finder_suggests(approach, options, dataset, tmp_path):  # noqa: F811
    settings = {"approach": approach, "dataset_name": str(dataset), "width": 1 / 32, "resolution": 32, "cpu": True}
    settings |= {"train_batch_size": 4, "max_train_steps": 4, "validation_steps": 2, "find_lr_steps": 30}
    settings |= {"report_to": "none", "metric_for_best_model": "last", "checkpointing_steps": 2}
    settings |= {"pretrained": "", "pretrain_steps": 2} if approach == "resnet_unet" else {}
    run = train_arm("arm", settings, tmp_path)
    forget_processes()
    arguments = json.loads((run / "training.json").read_text())["arguments"]
    arguments |= json.loads((run / "config.json").read_text())
    rates = suggested_rates(run / "lr_finder.csv")
    assert list(rates) == (options or ["--pretrain_learning_rate", "--learning_rate"])
    for option, rate in rates.items():
        assert arguments[option.removeprefix("--")] == pytest.approx(rate, rel=0.05)
    written = (run / "model.safetensors").stat().st_mtime_ns
    assert train_arm("arm", settings, tmp_path) == run
    assert (run / "model.safetensors").stat().st_mtime_ns == written


def test_a_finder_without_a_suggestion_is_an_error(tmp_path):
    table = tmp_path / "lr_finder.csv"
    table.write_text("player,starts,learning_rate,loss,smoothed_loss\n" + "network,0,1e-7,1.0,1.0\n" * 20)
    with pytest.raises(ColorizerError, match="suggests no learning rate: the loss never falls"):
        suggested_rates(table)


@pytest.fixture
def runs(dataset, tmp_path):  # noqa: F811
    """Two trained arms, under the names of two of the protocol's."""
    for number, name in enumerate(("dense", "cnn-l1")):
        settings = {"approach": "dense", "dataset_name": str(dataset), "width": 1 / 32, "resolution": 16, "cpu": True}
        settings |= {
            "train_batch_size": 4,
            "max_train_steps": 4,
            "validation_steps": 2,
            "find_lr_steps": 30,
            "seed": number,
        }
        train_arm(name, settings | {"report_to": "none"}, tmp_path / "runs")
        forget_processes()
    return tmp_path / "runs"


def test_the_speed_of_a_run_is_that_of_all_its_stages(tmp_path):
    stages = [("network_loss", [20, 80]), ("generator_loss", [10, 16, 20])]
    history = [{"step": 1, loss: 0.5, "photos_per_second": speed} for loss, speeds in stages for speed in speeds]
    (tmp_path / "history.json").write_text(json.dumps([*history, {"step": 1, "validation_ciede2000": 9.0}]))
    arguments = {"train_batch_size": 4, "learning_rate": 1e-3}
    facts = {"arguments": arguments, "photos_seen": 20, "hardware": "CPU", "precision": "bf16"}
    (tmp_path / "training.json").write_text(json.dumps(facts))
    assert describe_training(tmp_path)["precision"] == "bf16"
    assert describe_training(tmp_path)["photos_per_second"] == pytest.approx(5 / (2 / 80 + 3 / 20))


def test_measured_arms_stand_on_one_page(runs, dataset, tmp_path):  # noqa: F811
    shutil.copytree(dataset, tmp_path / "data")
    shutil.copy(dataset / "validation.parquet", tmp_path / "data" / "test.parquet")
    folder = tmp_path / "protocol"
    for name in ("cnn-l1", "dense"):  # one after the other
        measure_arms([name], str(tmp_path / "data"), runs=runs, folder=folder, resolution=32)
    records = read_records(folder)
    assert list(records) == ["dense", "cnn-l1"]
    assert [photos for photos, _ in records["dense"]["curve"]] == [8, 16]
    report = combined(records)
    assert [evaluation.name for evaluation in report.evaluations] == [*BASELINES, "dense", "cnn-l1"]
    other = json.loads(json.dumps(records["cnn-l1"]))
    other["evaluation"]["models"]["mean color"]["psnr"]["mean"] += 0.1
    with pytest.raises(ColorizerError, match="cnn-l1 was measured on other photos than dense"):
        combined(records | {"cnn-l1": other})
    (folder / "findings.md").write_text("Both learned nothing.\n")
    page = write_page(folder).read_text()
    assert page.index("Both learned nothing.") < page.index("## Results")
    assert "Not trained yet: residual_encoder, colorful, fusion, cnn, " in page
    assert page.count("| dense |") == page.count("| cnn-l1 |") == 2
    pictures = re.findall(r"!\[.*?\]\(protocol/(.*?)\)", page)
    assert sorted(pictures) == sorted(path.name for path in folder.iterdir() if path.suffix in (".png", ".webp"))
    plates = {name: np.asarray(Image.open(folder / f"{name}.webp"), float) for name in ("gray", "truth", "dense")}
    assert len({plate.shape for plate in plates.values()}) == 1
    assert np.ptp(plates["gray"], axis=2).mean() < 1 < np.ptp(plates["truth"], axis=2).mean()
    assert {path.name for path in folder.glob("*.png")} == {"accuracy.png", "training.png"}
