"""The running app in a real browser, as a visitor uses it. Screenshots are left in tests/artifacts/ to be looked at."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.demo.pages import leave_screenshot, visit

TINY = ("tiny-colorful", "tiny-dense")


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    """The app on a wide light screen; a request to any other machine fails the test."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    yield from visit(page, app_url)


def upload(page: Page, photo: str) -> None:
    if page.get_by_role("button", name="Remove Image").is_visible():
        page.get_by_role("button", name="Remove Image").click()
    page.locator("input[type=file]").first.set_input_files(photo)
    expect(page.get_by_role("button", name="Remove Image")).to_be_visible()


def choose(page: Page, names: tuple[str, ...]) -> None:
    for box in page.locator("#approaches").get_by_role("checkbox").all():
        box.set_checked(box.get_attribute("name").split()[0] in names)


def colorize(page: Page, num_results: int) -> Locator:
    page.get_by_role("button", name="Colorize").click()
    expect(page.locator("#status")).to_contain_text("colored by")
    results = page.locator(".result:visible")
    expect(results).to_have_count(num_results)
    return results


def screenshot(page: Page, name: str) -> None:
    # The sliders' pictures load when they come near the window.
    for result in page.locator(".result:visible").all():
        result.scroll_into_view_if_needed()
        expect(result.locator("img").last).to_have_js_property("complete", True)
    leave_screenshot(page, name)


def test_upload_colorize_slide_and_download(page: Page, color_photo: str, tmp_path: Path) -> None:
    upload(page, color_photo)
    choose(page, TINY)
    results = colorize(page, 2)
    for result, name in zip(results.all(), TINY, strict=True):
        expect(result.get_by_role("heading")).to_have_text(name)
        expect(result).to_contain_text(re.compile(r"\d\.\d\d s"))
        for score in ("PSNR", "SSIM", "ΔE2000", "Colorfulness"):
            expect(result.get_by_role("columnheader", name=score)).to_be_visible()
        with page.expect_download() as download:
            result.get_by_role("button", name="Download").click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert file.name == f"harbor-view-{name}.png"
        with Image.open(file) as image:
            image.load()
            assert (image.format, image.size) == ("PNG", (80, 48))
            assert name in str(image.info)
    assert page.get_by_text("★").count() >= 4
    results.first.scroll_into_view_if_needed()
    handle = results.first.locator(".outer")
    before = handle.bounding_box()
    page.mouse.move(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
    page.mouse.down()
    page.mouse.move(before["x"] + 120, before["y"] + before["height"] / 2, steps=4)
    page.mouse.up()
    assert handle.bounding_box()["x"] > before["x"] + 80


def test_example_is_colored(page: Page) -> None:
    page.locator("#examples").get_by_role("button").filter(has_text="Camera (gray)").click()
    expect(page.get_by_role("button", name="Remove Image")).to_be_visible()
    choose(page, TINY[:1])
    results = colorize(page, 1)
    expect(results.first).not_to_contain_text("PSNR")


def test_what_is_wrong_is_said_in_the_page(page: Page, color_photo: str, broken_photo: str) -> None:
    button, status = page.get_by_role("button", name="Colorize"), page.locator("#status")
    button.click()
    expect(status).to_contain_text("Choose a photo first")
    upload(page, color_photo)
    choose(page, ())
    button.click()
    expect(status).to_contain_text("Choose at least one approach")
    choose(page, TINY[:1])
    results = colorize(page, 1)
    upload(page, broken_photo)
    button.click()
    expect(page.get_by_test_id("toast-body").filter(has_text="broken.jpg")).to_be_visible()
    expect(status).to_contain_text("broken.jpg is not a photo")
    assert "Traceback" not in page.content()
    expect(results).to_have_count(1)
    screenshot(page, "broken-photo")


def test_models_tab(page: Page) -> None:
    page.get_by_role("tab", name="Models").click()
    expect(page.get_by_role("cell", name="tiny-dense")).to_be_visible()
    expect(page.get_by_text("nonsense is not offered")).to_be_visible()
    page.get_by_label("Model on the Hugging Face Hub").fill("/etc/passwd")
    page.get_by_role("button", name="Load").click()
    expect(page.get_by_text("no id of a model on the Hub")).to_be_visible()
    screenshot(page, "models")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_looks(browser: Browser, app_url: str, color_photo: str, width: int, theme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    for _ in visit(page, app_url, theme):
        upload(page, color_photo)
        choose(page, TINY)
        colorize(page, 2)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        screenshot(page, f"compare-{width}-{theme}")
