"""`python -m colorizer evaluate` and `report`: equal tables from one process and from two."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from skimage import data

from colorizer.cli.parser import main
from tests.cli.running import names, run_python

pytestmark = pytest.mark.usefixtures("package")


def all_numbers(value: Any) -> list[float]:
    """Collect all numbers of a JSON value, in order."""
    if isinstance(value, dict | list):
        return [
            number for item in (value.values() if isinstance(value, dict) else value) for number in all_numbers(item)
        ]
    return [float(value)] if isinstance(value, int | float) else []


def test_evaluate_writes_its_tables_alike_in_one_process_and_two(models: Path, tmp_path: Path):
    photos = tmp_path / "photos"
    for split, numbers in {"train": (5, 6), "val": (7, 8), "test": range(5)}.items():
        (photos / split).mkdir(parents=True)
        for number in numbers:
            cut = data.coffee()[20 * number : 20 * number + 96, 40 * number : 40 * number + 96]
            Image.fromarray(cut).save(photos / split / f"{number}.png")

    def arguments(folder: str) -> list[str]:
        dataset = ["--dataset", str(photos), "--resolution", "64", "--batch_size", "2"]
        further = ["--by", "label", "--aged", "--sizes", "--others", str(photos / "val")]
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
    assert "evaluated photos" not in table
    for one_row, two_row in zip(one_table, two_table, strict=True):
        for column in set(one_row) - {"model", "approach", "photos_per_second", "num_parameters"}:
            assert float(one_row[column]) == pytest.approx(float(two_row[column]), rel=1e-4, abs=1e-6), column
    one, two = (json.loads((tmp_path / folder / "evaluation.json").read_text()) for folder in ("one", "two"))
    assert one["others"]["val"]["num_photos"] == 2
    assert one["size"]["sizes"] == [128, 256], "larger sizes would be mostly upsampling"
    for part in ("matched", "curves", "labels", "size", "age", "others"):
        assert all_numbers(one[part]) == pytest.approx(all_numbers(two[part]), rel=1e-3, abs=1e-4), part
