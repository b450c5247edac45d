import csv
import io
from dataclasses import replace

import pytest
import torch

from colorizer.evaluation.metrics import NAMES, Truth, compute_metrics
from colorizer.evaluation.results import Evaluation, Report, Scores
from colorizer.evaluation.tables import comparison_table, markdown_table, to_csv, to_markdown
from colorizer.hub.metric_names import METRICS


def scores(**means: float) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    means = dict.fromkeys(NAMES, 1.0) | means
    return means, {metric: (mean - 0.5, mean + 0.25) for metric, mean in means.items()}


@pytest.fixture
def report() -> Report:
    model = Evaluation(
        *scores(psnr=23.5, ciede2000=9.0, colorfulness=20.0),
        name="colorful",
        approach="colorful",
        num_parameters=1_650_000,
        photos_per_second=81.26,
        matched=Scores(*scores(psnr=21.0, ciede2000=12.0, colorfulness=42.2), gain=2.125),
    )
    return Report(
        evaluations=[Evaluation(*scores(psnr=20.0, ciede2000=11.0, colorfulness=0.0), name="gray"), model],
        dataset="photos",
        split="test",
        num_photos=1000,
        resolution=256,
        true_colorfulness=42.2,
        hardware="CPU",
        notes=["The moon was full."],
    )


def test_the_tables_show_exactly_the_metrics_there_are():
    photo = torch.zeros(1, 3, 16, 16)
    measured = compute_metrics(photo, Truth(photo, bin_weights=torch.ones(313)))
    assert tuple(measured) == NAMES
    assert [name for name in METRICS if name not in ("lpips", "fid")] == list(measured)


def test_markdown_has_a_line_a_model_as_it_is_and_one_matched_and_marks_the_best_of_each_kind(report: Report):
    caption, table = to_markdown(report).strip().split("\n\n")
    assert "1,000 photos of photos (test) at 256×256" in caption
    assert "42.2" in caption
    assert "The moon was full." in caption
    header, rule, gray, colorful, matched = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
    )
    assert {len(header), len(rule), len(gray), len(colorful), len(matched)} == {len(NAMES) + 3}
    assert (gray[0], colorful[0], matched[0]) == ("gray", "colorful", "colorful × 2.12")
    column = header.index("PSNR (dB) ↑")
    assert (gray[column], colorful[column], matched[column]) == ("20.00 ± 0.38", "**23.50** ± 0.38", "21.00 ± 0.38")
    assert colorful[header.index("ΔE2000 ↓")] == "**9.00** ± 0.38"
    assert colorful[header.index("colorfulness")] == "20.0 ± 0.4", "more colorful is not better"
    assert (gray[-2:], colorful[-2:]) == (["", ""], ["81.3", "1.65 M"])


def test_whatever_a_name_holds_a_table_has_its_cells_and_lines(report: Report):
    name = "a|b\\|c\nd **e** _f_ my_model <i> [g](h) &lt; R&D"
    gray, colorful = report.evaluations
    changed = replace(report, evaluations=[gray, replace(colorful, name=name)], dataset="photos\n\n| of | mine |")
    caption, table = to_markdown(changed).strip().split("\n\n")
    assert table == comparison_table(changed).strip()
    assert "\n" not in caption
    lines = table.splitlines()
    assert len(lines) == len(to_markdown(report).splitlines()) - 2
    shown = r"a\|b\\\|c\\nd \*\*e\*\* \_f\_ my_model \<i> \[g\](h) \&lt; R&D"
    assert lines[3].startswith(f"| {shown} | **23.50** ± 0.38 |")
    words = markdown_table(["model|s", "a\nb"], [["c", "d|e"]], has_numbers=False)
    assert words == "| model\\|s | a\\\\nb |\n| --- | --- |\n| c | d\\|e |\n"


@pytest.mark.parametrize("name", ["=1+2", "+1", "-1+cmd", "@SUM(A1)", "\t=1", "＝1"])
def test_names_are_no_formulas_in_csv_and_numbers_stay_numbers(name: str, report: Report):
    gray = replace(report.evaluations[0], name=name, means={"psnr": -3.5}, intervals={})
    model, *_ = csv.DictReader(io.StringIO(to_csv(replace(report, evaluations=[gray]))))
    assert (model["model"], model["psnr"]) == (f"'{name}", "-3.5")


def test_csv_holds_every_number(report: Report):
    gray, colorful, matched = csv.DictReader(io.StringIO(to_csv(report)))
    assert (gray["model"], gray["approach"], gray["num_parameters"]) == ("gray", "", "")
    assert (colorful["num_parameters"], colorful["photos_per_second"]) == ("1650000", "81.26")
    assert [float(colorful[column]) for column in ("psnr", "psnr_low", "psnr_high")] == [23.5, 23.0, 23.75]
    assert (matched["model"], matched["gain"], matched["psnr"]) == ("colorful", "2.125", "21.0")
