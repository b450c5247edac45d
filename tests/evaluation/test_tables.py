import csv
import io
import json

import pytest
import torch

from colorizer.evaluation.metrics import compute_metrics
from colorizer.evaluation.tables import METRICS, Evaluation, Report, to_csv, to_json, to_markdown


def evaluation(name: str, **means: float) -> Evaluation:
    means = dict.fromkeys(METRICS, 1.0) | means
    intervals = {metric: (mean - 0.5, mean + 0.25) for metric, mean in means.items()}
    return Evaluation(name, means, intervals)


@pytest.fixture
def report() -> Report:
    gray = evaluation("gray", psnr=20.0, ciede2000=11.0, colorfulness=0.0)
    model = evaluation("colorful", psnr=23.5, ciede2000=9.0, colorfulness=20.0)
    model = Evaluation(model.name, model.means, model.intervals, "colorful", 1_650_000, 81.26)
    return Report(
        evaluations=[gray, model],
        dataset="photos",
        split="test",
        num_photos=1000,
        resolution=256,
        true_colorfulness=42.2,
        hardware="CPU",
    )


def test_the_tables_show_exactly_the_metrics_there_are():
    assert list(METRICS) == list(compute_metrics(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)))


def test_markdown_has_a_line_a_model_and_marks_the_best(report: Report):
    caption, table = to_markdown(report).strip().split("\n\n")
    assert "1,000 photos of photos (test) at 256×256" in caption
    assert "42.2" in caption
    header, rule, gray, colorful = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
    )
    assert len(header) == len(rule) == len(gray) == len(colorful) == len(METRICS) + 3
    assert gray[header.index("PSNR (dB) ↑")] == "20.00 ± 0.38"
    assert colorful[header.index("PSNR (dB) ↑")] == "**23.50** ± 0.38"
    assert colorful[header.index("ΔE2000 ↓")] == "**9.00** ± 0.38"
    assert colorful[header.index("colorfulness")] == "20.0 ± 0.4", "more colorful is not better"
    assert (gray[-2:], colorful[-2:]) == (["", ""], ["81.3", "1.65 M"])


def test_csv_holds_every_number(report: Report):
    gray, colorful = csv.DictReader(io.StringIO(to_csv(report)))
    assert (gray["model"], gray["approach"], gray["num_parameters"]) == ("gray", "", "")
    assert (colorful["num_parameters"], colorful["photos_per_second"]) == ("1650000", "81.26")
    assert [float(colorful[column]) for column in ("psnr", "psnr_low", "psnr_high")] == [23.5, 23.0, 23.75]


def test_json_holds_every_number(report: Report):
    content = json.loads(to_json(report))
    assert (content["dataset"], content["split"], content["num_photos"]) == ("photos", "test", 1000)
    assert content["models"]["colorful"]["psnr"] == {"mean": 23.5, "low": 23.0, "high": 23.75}
    assert set(content["models"]["gray"]) == set(METRICS)
    assert content["networks"] == {
        "colorful": {"approach": "colorful", "num_parameters": 1650000, "photos_per_second": 81.26}
    }
