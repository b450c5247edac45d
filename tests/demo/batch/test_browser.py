"""The Album tab of the running app in a real browser. Screenshots are left in tests/artifacts/."""

import zipfile
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.demo.pages import leave_screenshots, open_tab, visit


@pytest.fixture
def album(tmp_path: Path, color_photo: str, gray_photo: str, broken_photo: str) -> Path:
    with zipfile.ZipFile(tmp_path / "album.zip", "w") as archive:
        archive.write(color_photo, "town/harbor.png")
        archive.write(gray_photo, "town/old/gray.png")
        archive.write(broken_photo, "town/broken.jpg")
        archive.write(color_photo, "../outside.png")
    return tmp_path / "album.zip"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_zip_comes_back(
    browser: Browser, app_url: str, album: Path, color_photo: str, tmp_path: Path, theme: str
) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    for _ in visit(page, app_url, theme):
        tab = open_tab(page, "Album")
        status = tab.locator("#many-status")
        tab.get_by_role("button", name="Colorize all").click()
        expect(status).to_contain_text("Choose photos first")
        tab.get_by_label("Approach").click()
        tab.get_by_role("option", name="First try (tiny-dense), 2018", exact=True).click()
        tab.locator("input[type=file]").set_input_files([album, color_photo])
        # Names alone show while files are still on their way.
        expect(tab.locator("#many-files .file-preview tr")).to_have_count(2)
        tab.get_by_role("button", name="Colorize all").click()
        expect(status).to_contain_text("3 of 5 photos colored.")
        expect(status.get_by_role("listitem").filter(has_text="town/broken.jpg")).to_contain_text("is not a photo")
        expect(status.get_by_role("listitem").filter(has_text="../outside.png")).to_contain_text(
            "leads outside the ZIP"
        )
        expect(tab.locator("#many-results img")).to_have_count(3)
        with page.expect_download() as download:
            tab.get_by_role("button", name="Download 3 photos (ZIP)").click()
        download.value.save_as(tmp_path / "colored.zip")
        with zipfile.ZipFile(tmp_path / "colored.zip") as archive:
            expected = ["town/harbor.jpg", "town/old/gray.jpg", "harbor view.jpg", "report.txt"]
            assert archive.namelist() == expected
            with archive.open("town/old/gray.jpg") as file:
                assert Image.open(file).size == (80, 48)
            assert "town/broken.jpg" in archive.read("report.txt").decode()
        leave_screenshots(page, f"album-{theme}")
