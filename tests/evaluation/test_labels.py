import numpy as np
import pytest
import torch
from PIL import Image

from colorizer.data import PhotoDataset, load_photos
from colorizer.evaluation.bootstrap import Averages
from colorizer.evaluation.labels import by_label, label_tables
from colorizer.evaluation.results import Evaluation, Report

COUNTS = {"sea": 12, "sky": 15, "yak": 2, "emu": 1}


@pytest.fixture(scope="module")
def labeled(tmp_path_factory: pytest.TempPathFactory) -> PhotoDataset:
    folder = tmp_path_factory.mktemp("labeled")
    for label, count in COUNTS.items():
        (folder / label).mkdir()
        for number in range(count):
            patches = np.random.default_rng(number).integers(0, 256, (3, 3, 3), dtype=np.uint8)
            Image.fromarray(patches).resize((16, 16)).save(folder / label / f"{number}.png")
    return load_photos(folder, resolution=16, cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def averages(labeled: PhotoDataset) -> dict[str, Averages]:
    """Gray is off by 10 everywhere; a model halves that at sea and doubles it in the sky."""
    shares = {"sea": 0.5, "sky": 2.0, "yak": 1.0, "emu": 0.7}
    gray, model = Averages(), Averages()
    for index, number in enumerate(labeled.labels.tolist()):
        for each, share in ((gray, 1.0), (model, shares[labeled.classes[number]])):
            names = ("psnr", "ciede2000", "auc", "colorfulness", "ssim")
            each.add(torch.tensor([index]), dict.fromkeys(names, torch.tensor([10 * share])))
    return {"gray": gray, "model": model}


def test_photos_are_put_together_by_label_and_rare_labels_with_one_another(
    labeled: PhotoDataset, averages: dict[str, Averages]
):
    found = by_label(averages, labeled)
    assert {label: group["num_photos"] for label, group in found.items()} == {"sky": 15, "sea": 12, "others": 3}
    assert list(found) == ["sky", "sea", "others"]
    assert found["sea"]["models"]["model"]["ciede2000"] == 5
    assert found["others"]["models"]["model"]["ciede2000"] == pytest.approx(9)
    assert found["sky"]["models"]["gray"]["auc"] == 10


def test_photos_without_a_label_are_a_group_of_their_own(dataset: PhotoDataset):
    gray = Averages()
    names = ("psnr", "ciede2000", "auc", "colorfulness")
    gray.add(torch.arange(7), {name: torch.arange(7.0) for name in names})
    assert by_label({"gray": gray}, dataset) == {
        "no label": {"num_photos": 7, "models": {"gray": dict.fromkeys(names, 3.0)}}
    }


def test_the_tables_say_what_a_model_is_good_and_bad_at(labeled: PhotoDataset, averages: dict[str, Averages]):
    report = Report(
        evaluations=[Evaluation({}, {}, name=name) for name in ("gray", "model")],
        dataset="photos",
        split="test",
        num_photos=30,
        resolution=16,
        true_colorfulness=40.0,
        hardware="CPU",
        labels=by_label(averages, labeled),
    )
    by_labels, summary = label_tables(report).strip().split("\n\n")
    assert by_labels.splitlines()[2:] == [
        "| sky | 15 | 10.0 | **2.00** |",
        "| sea | 12 | 10.0 | **0.50** |",
        "| others | 3 | 10.0 | **0.90** |",
    ]
    assert summary.splitlines()[2:] == [
        "| model | sea (0.50), others (0.90), sky (2.00) | sky (2.00), others (0.90), sea (0.50) |"
    ]
