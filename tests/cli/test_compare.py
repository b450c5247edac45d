"""`python -m colorizer compare`: one sheet with the colors of all models."""

from pathlib import Path

import pytest
from PIL import Image

from colorizer.cli.parser import main

pytestmark = pytest.mark.usefixtures("package")


def test_compare_makes_a_sheet_of_all_checkpoints(
    album: Path, broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    sheet = tmp_path / "sheets" / "sheet.png"
    assert main(["compare", str(album), "-o", str(sheet)]) == 1
    assert "broken.jpg" in capsys.readouterr().err
    with Image.open(sheet) as picture:
        assert picture.width > 4 * 190, "gray, two models and the truth"
        assert picture.height > 3 * 320

    gray_sheet = tmp_path / "gray.png"
    assert main(["compare", str(album / "gray.png"), "-o", str(gray_sheet), "--model", "bins"]) == 0
    with Image.open(gray_sheet) as picture:
        assert 2 * 500 <= picture.width < 3 * 500, "a gray photo has no truth to show"


def test_compare_without_any_photo_writes_nothing(broken: Path, tmp_path: Path):
    assert main(["compare", str(broken), "-o", str(tmp_path / "sheet.png")]) == 1
    assert not (tmp_path / "sheet.png").exists()


def test_a_sheet_needs_the_suffix_of_a_picture(album: Path, capsys: pytest.CaptureFixture):
    assert main(["compare", str(album), "-o", "sheet"]) == 2
    assert "sheet.png" in capsys.readouterr().err
