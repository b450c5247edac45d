import numpy as np
import pytest
import torch
from PIL import Image

from colorizer.data import PhotoDataset, load_photos
from colorizer.evaluation.bootstrap import Averages
from colorizer.evaluation.breakdowns import COMPARED, label_tables, lead_table, measure_labels, measure_leads
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
def by_label(labeled: PhotoDataset) -> dict[str, Averages]:
    """Gray is off by 10 everywhere; a model halves that at sea and doubles it in the sky."""
    shares = {"sea": 0.5, "sky": 2.0, "yak": 1.0, "emu": 0.7}
    gray, model = Averages(), Averages()
    for index, number in enumerate(labeled.labels.tolist()):
        for each, share in ((gray, 1.0), (model, shares[labeled.classes[number]])):
            names = ("psnr", "ciede2000", "auc", "colorfulness", "ssim")
            each.add(torch.tensor([index]), dict.fromkeys(names, torch.tensor([10 * share])))
    return {"gray": gray, "model": model}


def test_photos_are_put_together_by_label_and_rare_labels_with_one_another(
    labeled: PhotoDataset, by_label: dict[str, Averages]
):
    found = measure_labels(by_label, labeled)
    assert {label: group["num_photos"] for label, group in found.items()} == {"sky": 15, "sea": 12, "others": 3}
    assert list(found) == ["sky", "sea", "others"]
    assert found["sea"]["models"]["model"]["ciede2000"] == 5
    assert found["others"]["models"]["model"]["ciede2000"] == pytest.approx(9)
    assert found["sky"]["models"]["gray"]["auc"] == 10


def test_photos_without_a_label_are_a_group_of_their_own(dataset: PhotoDataset):
    gray = Averages()
    names = ("psnr", "ciede2000", "auc", "colorfulness")
    gray.add(torch.arange(7), {name: torch.arange(7.0) for name in names})
    assert measure_labels({"gray": gray}, dataset) == {
        "no label": {"num_photos": 7, "models": {"gray": dict.fromkeys(names, 3.0)}}
    }


def test_the_tables_say_what_a_model_is_good_and_bad_at(labeled: PhotoDataset, by_label: dict[str, Averages]):
    report = Report(
        evaluations=[Evaluation({}, {}, name=name) for name in ("gray", "model")],
        dataset="photos",
        split="test",
        num_photos=30,
        resolution=16,
        true_colorfulness=40.0,
        hardware="CPU",
        labels=measure_labels(by_label, labeled),
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


@pytest.fixture
def over_baselines() -> dict[str, Averages]:
    """Photos of very different difficulty; `model` is 1 to 3 better than gray on each, and slightly worse than mean color."""
    generator = torch.Generator().manual_seed(0)
    difficulty = 20 * torch.rand(50, generator=generator)
    better = 1 + 2 * torch.rand(50, generator=generator)
    noise = 0.1 + 0.01 * torch.rand(50, generator=generator)

    def measured(gain: torch.Tensor) -> Averages:
        each = Averages()
        signs = {"psnr": 1, "ciede2000": -1, "auc": 1}
        each.add(torch.arange(50), {name: difficulty + signs[name] * gain for name in COMPARED})
        return each

    return {"gray": measured(0 * better), "mean color": measured(better + noise), "model": measured(better)}


def test_a_lead_is_positive_where_the_model_is_better_whichever_way_the_metric_goes(
    over_baselines: dict[str, Averages],
):
    found = measure_leads(over_baselines, ["gray", "mean color"])
    assert list(found) == ["model"]
    for name in COMPARED:
        ahead, behind = found["model"]["gray"][name], found["model"]["mean color"][name]
        assert ahead["mean"] == pytest.approx(2, abs=0.2)
        assert 1 < ahead["low"] < ahead["mean"] < ahead["high"] < 3
        assert behind["mean"] == pytest.approx(-0.105, abs=0.005)
        assert behind["high"] < 0


def test_pairing_makes_sure_what_two_intervals_leave_open(over_baselines: dict[str, Averages]):
    (low, _), (_, high) = over_baselines["model"].intervals()["psnr"], over_baselines["gray"].intervals()["psnr"]
    assert low < high
    assert measure_leads(over_baselines, ["gray"])["model"]["gray"]["psnr"]["low"] > 0


def test_the_table_marks_the_leads_that_are_sure(over_baselines: dict[str, Averages]):
    report = Report(
        [], "photos", "test", 50, 64, 41.0, "CPU", leads=measure_leads(over_baselines, ["gray", "mean color"])
    )
    header, _, row = lead_table(report).strip().splitlines()
    assert header.startswith("| model | PSNR (dB), over gray | PSNR (dB), over mean color | ΔE2000, over gray |")
    cells = row.split(" | ")
    assert cells[1].startswith("**+")
    assert cells[2].startswith("-0.1")
