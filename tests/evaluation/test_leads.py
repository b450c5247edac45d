import pytest
import torch

from colorizer.evaluation.bootstrap import Averages
from colorizer.evaluation.leads import COMPARED, lead_table, leads
from colorizer.evaluation.results import Report


@pytest.fixture
def averages() -> dict[str, Averages]:
    """Photos of very different difficulty; on each `model` is 1 to 3 better than gray, and a little worse than mean color."""
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


def test_a_lead_is_positive_where_the_model_is_better_whichever_way_the_metric_goes(averages: dict[str, Averages]):
    found = leads(averages, ["gray", "mean color"])
    assert list(found) == ["model"]
    for name in COMPARED:
        ahead, behind = found["model"]["gray"][name], found["model"]["mean color"][name]
        assert ahead["mean"] == pytest.approx(2, abs=0.2)
        assert 1 < ahead["low"] < ahead["mean"] < ahead["high"] < 3
        assert behind["mean"] == pytest.approx(-0.105, abs=0.005)
        assert behind["high"] < 0


def test_pairing_makes_sure_what_two_intervals_leave_open(averages: dict[str, Averages]):
    (low, _), (_, high) = averages["model"].intervals()["psnr"], averages["gray"].intervals()["psnr"]
    assert low < high
    assert leads(averages, ["gray"])["model"]["gray"]["psnr"]["low"] > 0


def test_the_table_marks_the_leads_that_are_sure(averages: dict[str, Averages]):
    report = Report([], "photos", "test", 50, 64, 41.0, "CPU", leads=leads(averages, ["gray", "mean color"]))
    header, _, row = lead_table(report).strip().splitlines()
    assert header.startswith("| model | PSNR (dB), over gray | PSNR (dB), over mean color | ΔE2000, over gray |")
    cells = row.split(" | ")
    assert cells[1].startswith("**+")
    assert cells[2].startswith("-0.1")
