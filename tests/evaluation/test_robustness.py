import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import Tensor

from colorizer.data import PhotoDataset, age_lightness, photo_seeds
from colorizer.errors import ColorizerError
from colorizer.evaluation import robustness
from colorizer.evaluation.breakdowns import bleeding_table
from colorizer.evaluation.candidates import Candidate
from colorizer.evaluation.evaluate import evaluate
from colorizer.evaluation.metrics import Truth, compute_metrics
from colorizer.evaluation.other_photos import measure_others
from colorizer.evaluation.report_sections import sections
from colorizer.evaluation.results import Evaluation, Report, Scores
from colorizer.evaluation.robustness import age_table, size_table
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.merging import merge_colors


def steady(lightness: Tensor) -> Tensor:
    """Predict the same color for every photo."""
    return torch.tensor([20.0, -10.0]).view(1, 2, 1, 1).expand(len(lightness), -1, -1, -1)


def restless(lightness: Tensor) -> Tensor:
    """Predict a color that depends on the size and the lightness of the photo."""
    return torch.cat((lightness / 4, torch.full_like(lightness, lightness.shape[-1] / 4)), 1)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustness, "SIZES", (24, 48, 96))


def test_colors_that_ignore_the_size_do_not_move(dataset: PhotoDataset, sizes: None):
    table = robustness.measure_sizes([Candidate("steady", steady), Candidate("restless", restless)], dataset)
    assert table["sizes"] == [24, 48], "no photo has 96 pixels"
    assert table["num_photos"] == len(dataset)
    assert table["models"]["steady"] == {"mean": 0, "low": 0, "high": 0, "pairs": {"24–48": 0}}
    assert table["models"]["restless"]["mean"] > 1


def test_photos_too_small_for_two_sizes_are_told_so_before_anything_is_computed(dataset: PhotoDataset):
    for evaluate_sizes in (
        lambda: robustness.measure_sizes([Candidate("steady", steady)], dataset),
        lambda: evaluate(["no model"], dataset, size_photos=dataset),
    ):
        with pytest.raises(ColorizerError, match="at least 256"):
            evaluate_sizes()


def test_the_distance_between_sizes_is_that_of_the_results_on_the_smallest(dataset: PhotoDataset, sizes: None):
    distances = []
    for photo in dataset.batch(range(len(dataset)))["rgb"]:
        small = torch.nn.functional.interpolate(photo[None].float(), (24, 24), mode="bilinear", antialias=True)
        small = small.round().byte()
        pixels = small[0].permute(1, 2, 0).numpy()
        lightness = [rgb_to_lab(rgb.float() / 255)[:, :1] for rgb in (small, photo[None])]
        labs = [rgb2lab(merge_colors(pixels, restless(each)[0])) for each in lightness]
        distances.append(deltaE_ciede2000(*labs).mean())
    table = robustness.measure_sizes([Candidate("restless", restless)], dataset)
    measured = table["models"]["restless"]
    assert measured["mean"] == pytest.approx(np.mean(distances), abs=0.02)
    assert measured["low"] < measured["mean"] < measured["high"]


def test_old_photos_are_colored_and_their_colors_measured_on_the_new_ones(dataset: PhotoDataset):
    candidates = [Candidate("steady", steady), Candidate("restless", restless)]
    photos = dataset.batch(range(len(dataset)))["rgb"]
    seeds = photo_seeds(5, 0, list(range(len(dataset))))
    expected = []
    for index, photo in enumerate(photos):
        rgb = photo[None].float() / 255
        for candidate in candidates:
            pixels = photo.permute(1, 2, 0).contiguous().numpy()
            truth = Truth(rgb, bin_weights=torch.ones(313))
            candidate.variants[0].measure(index, pixels, candidate.color(photo[None])[0], truth)
        ab = restless(age_lightness(rgb, [seeds[index]]))[0]
        merged = torch.from_numpy(merge_colors(pixels, ab)).permute(2, 0, 1)[None].float() / 255
        expected.append(float(compute_metrics(merged, rgb)["ciede2000"]))
    table = robustness.measure_aged(candidates, dataset, seed=5, batch_size=2)
    assert (table["seed"], table["num_photos"]) == (5, len(dataset))
    still, moved = table["models"]["steady"], table["models"]["restless"]
    assert {name: value["mean"] for name, value in still["old"].items()} == pytest.approx(still["new"])
    assert moved["old"]["ciede2000"]["mean"] == pytest.approx(np.mean(expected), rel=1e-4)
    assert moved["old"]["ciede2000"]["mean"] != pytest.approx(moved["new"]["ciede2000"], rel=1e-4)


@pytest.fixture
def report() -> Report:
    def errors(edge: float, elsewhere: float) -> tuple[dict, dict]:
        return {"edge_error": edge, "elsewhere_error": elsewhere}, {}

    aged = {"old": {"psnr": {"mean": 21.0, "low": 20.0, "high": 22.0}}, "new": {"psnr": 23.0}}
    return Report(
        evaluations=[
            Evaluation(*errors(20, 10), name="gray"),
            Evaluation(*errors(15, 10), name="sharp", approach="dense", matched=Scores(*errors(18, 15), gain=2)),
        ],
        dataset="photos",
        split="test",
        num_photos=7,
        resolution=48,
        true_colorfulness=40.0,
        hardware="CPU",
        size={
            "num_photos": 7,
            "sizes": [128, 256],
            "models": {"sharp": {"mean": 1.5, "low": 1.0, "high": 2.0, "pairs": {"128–256": 1.5}}},
        },
        age={"num_photos": 7, "seed": 0, "models": {"sharp": aged}},
        others={
            "plates": {
                "num_photos": 13,
                "models": {
                    "sharp": {
                        "psnr_lead": {"mean": 1.25, "low": 1.0, "high": 1.5},
                        "ciede2000_share": {"mean": 0.875, "low": 0.85, "high": 0.9},
                    }
                },
            }
        },
    )


def test_other_photos_are_compared_with_gray(dataset: PhotoDataset):
    others = measure_others([Candidate("restless", restless)], {"here": dataset}, seed=3, batch_size=2)
    leads, errors, grays = [], [], []
    for photo in dataset.batch(range(len(dataset)))["rgb"]:
        rgb, pixels = photo[None].float() / 255, photo.permute(1, 2, 0).contiguous().numpy()
        ab = restless(rgb_to_lab(rgb)[:, :1])[0]
        ours, gray = (
            compute_metrics(torch.from_numpy(merge_colors(pixels, each)).permute(2, 0, 1)[None].float() / 255, rgb)
            for each in (ab, torch.zeros(2, 1, 1))
        )
        leads.append(float(ours["psnr"] - gray["psnr"]))
        errors.append(float(ours["ciede2000"]))
        grays.append(float(gray["ciede2000"]))
    assert others["here"]["num_photos"] == len(dataset)
    measured = others["here"]["models"]["restless"]
    assert measured["psnr_lead"]["mean"] == pytest.approx(np.mean(leads), abs=1e-3)
    assert measured["ciede2000_share"]["mean"] == pytest.approx(np.mean(errors) / np.mean(grays), rel=1e-4)
    for value in measured.values():
        assert value["low"] < value["mean"] < value["high"]


def test_each_table_is_a_section_with_a_word_on_how_to_read_it(report: Report):
    assert [title for title, _, _ in sections(report)] == ["Bleeding", "Size", "Age", "Other photos"]
    for _, text, table in sections(report):
        assert text.endswith(".")
        assert table.startswith("| model |")
    assert bleeding_table(report).splitlines()[2:] == [
        "| gray | 20.00 | **10.00** | 2.00 |",
        "| sharp | **15.00** | **10.00** | 1.50 |",
        "| sharp × 2.00 | 18.00 | 15.00 | 1.20 |",
    ]
    assert size_table(report).splitlines()[2] == "| sharp | 1.50 ± 0.50 | 1.50 |"
    assert age_table(report).splitlines()[2] == "| sharp | 23.00 | 21.00 ± 1.00 |"
