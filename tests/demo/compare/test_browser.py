"""The running app in a real browser, as a visitor uses it. Screenshots are left in tests/artifacts/ to be looked at."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from colorizer.checkpoints import list_checkpoints
from tests.demo.pages import leave_screenshot, visit, wait_until

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
    for result in page.locator(".result:visible, #side-by-side:visible").all():
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
        for text in ("The photo in gray", f"The photo colored by {name}"):
            expect(result.get_by_alt_text(text, exact=True)).to_be_visible()
    assert page.get_by_text("★").count() >= 4
    results.first.scroll_into_view_if_needed()
    handle = results.first.locator(".outer")
    before = handle.bounding_box()
    page.mouse.move(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
    page.mouse.down()
    page.mouse.move(before["x"] + 120, before["y"] + before["height"] / 2, steps=4)
    page.mouse.up()
    wait_until(page, lambda: handle.bounding_box()["x"] > before["x"] + 80)


def test_colors_change_with_a_slider_and_are_downloaded_so(page: Page, color_photo: str, tmp_path: Path) -> None:
    upload(page, color_photo)
    choose(page, TINY)
    results = colorize(page, 2)
    pictures = [result.locator("img").last for result in results.all()]
    before = [picture.get_attribute("src") for picture in pictures]
    wide = page.locator("#side-by-side img")
    page.get_by_label("range slider for Saturation").press("Home")
    for picture, source in zip(pictures, before, strict=True):
        expect(picture).not_to_have_attribute("src", source)
    expect(wide.first).to_have_attribute("src", pictures[0].get_attribute("src"))
    # The scores follow.
    expect(results.first.get_by_role("cell").last).to_have_text(re.compile("^0"))
    page.get_by_label("JPEG").check()
    with page.expect_download() as download:
        results.first.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "harbor-view-tiny-colorful.jpg"
    with Image.open(download.value.path()) as image:
        assert np.ptp(np.asarray(image).astype(int), axis=2).max() <= 4
    page.get_by_role("button", name="Reset colors").click()
    expect(results.first.get_by_role("cell").last).not_to_have_text(re.compile("^0"))
    expect(page.get_by_label("number input for Saturation")).to_have_value("1")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all (ZIP)").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == 3
        with archive.open("harbor-view-tiny-colorful.jpg") as file, Image.open(file) as image:
            assert np.ptp(np.asarray(image).astype(int), axis=2).max() > 20


def test_two_are_compared_side_by_side_by_keyboard(page: Page, color_photo: str) -> None:
    upload(page, color_photo)
    choose(page, TINY)
    results = colorize(page, 2)
    panel, pictures = page.locator("#side-by-side"), page.locator("#side-by-side img")
    expect(pictures.first).to_have_attribute("alt", TINY[0])
    results.last.get_by_role("button", name="Compare side by side").press("Enter")
    expect(pictures.first).to_have_attribute("alt", TINY[1])
    expect(pictures.last).to_have_attribute("alt", TINY[0])
    expect(panel.locator(".outer")).to_be_in_viewport()
    right = panel.get_by_label("Right")
    right.press("ArrowDown")
    page.get_by_role("option", name="the photo's true colors").click()
    expect(pictures.last).to_have_attribute("alt", "the photo's true colors")
    expect(pictures.last).to_have_attribute("src", re.compile(r"truth\.jpg"))
    before = panel.locator(".outer").bounding_box()
    panel.get_by_label("range slider for Divider").press("End")
    expect(panel.get_by_label("number input for Divider")).to_have_value("100")
    wait_until(page, lambda: panel.locator(".outer").bounding_box()["x"] > before["x"] + 100)


def test_all_dividers_are_moved_by_keyboard(page: Page, color_photo: str) -> None:
    upload(page, color_photo)
    choose(page, TINY)
    results = colorize(page, 2)
    handles = [result.locator(".outer") for result in results.all()]
    before = [handle.bounding_box()["x"] for handle in handles]
    page.get_by_label("range slider for Dividers").press("End")
    expect(page.get_by_label("number input for Dividers")).to_have_value("100")
    wait_until(
        page, lambda: all(handle.bounding_box()["x"] > x + 100 for handle, x in zip(handles, before, strict=True))
    )


def test_a_wheel_over_a_result_scrolls_the_page_and_with_ctrl_zooms(page: Page, color_photo: str) -> None:
    upload(page, color_photo)
    choose(page, TINY)
    picture = colorize(page, 2).first.locator("img").last
    picture.evaluate("picture => picture.scrollIntoView({block: 'center'})")
    expect(picture).to_have_js_property("complete", True)
    before, place = page.evaluate("window.scrollY"), picture.bounding_box()
    assert before > 0
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.mouse.wheel(0, -150)
    page.wait_for_function("before => window.scrollY < before", arg=before)
    assert picture.bounding_box()["width"] == place["width"]
    place = picture.bounding_box()
    picture.evaluate(
        "(picture, place) => picture.dispatchEvent(new WheelEvent('wheel', {...place, bubbles: true, cancelable: true}))",
        {"deltaY": -150, "ctrlKey": True, "clientX": place["x"] + 20, "clientY": place["y"] + 20},
    )
    expect(picture).to_have_attribute("style", re.compile(r"scale\((?!1\))"))


def test_a_run_is_stopped(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "large.jpg"
    Image.effect_noise((1600, 1200), 60).convert("RGB").save(photo)
    upload(page, str(photo))
    page.get_by_role("button", name="Options").click()
    number, slider = page.get_by_label("number input for Variants"), page.get_by_label("range slider for Variants")
    # What opens has its first value set once more after it is there, which is faster than a person.
    for _ in range(20):
        number.fill("3")
        number.press("Tab")
        page.wait_for_timeout(150)
        if slider.input_value() == "3":
            break
    expect(slider).to_have_value("3")
    page.get_by_role("button", name="Colorize").click()
    expect(page.locator(".result:visible").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    status = page.locator("#status")
    expect(status).to_contain_text(re.compile(r"Stopped.*tiny-dense"))
    expect(page.get_by_role("button", name="Colorize")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    # What is done can be used, and another run begun.
    expect(page.get_by_role("button", name="Download all (ZIP)")).to_be_visible()
    choose(page, TINY[:1])
    results = colorize(page, 3)
    expect(results.last.get_by_role("heading")).to_have_text("tiny-colorful, variant 3")


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


def test_approaches_show_a_thumbnail_where_they_have_one(page: Page) -> None:
    names = ["default", *(name for name in list_checkpoints() if name != "default"), *TINY]
    labels = page.locator("#approaches label")
    expect(labels).to_have_count(len(names))
    shown = {}
    for label in labels.all():
        picture = label.evaluate("element => getComputedStyle(element, '::after').backgroundImage")
        shown[label.get_by_role("checkbox").get_attribute("name")] = picture.startswith('url("data:image/webp')
    assert list(shown) == names
    assert [name for name, is_shown in shown.items() if not is_shown] == list(TINY)


def test_models_tab(page: Page) -> None:
    page.get_by_role("tab", name="Models").click()
    expect(page.get_by_role("cell", name="tiny-dense")).to_be_visible()
    expect(page.get_by_text("⚠ nonsense")).to_be_visible()
    page.get_by_label("Model on the Hugging Face Hub").fill("/etc/passwd")
    page.get_by_role("button", name="Load").click()
    expect(page.get_by_text("⚠ '/etc/passwd'")).to_be_visible()
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


def test_options_of_the_approaches_have_controls(page: Page, gray_photo: str) -> None:
    upload(page, gray_photo)
    choose(page, ("joint",))
    page.get_by_role("button", name="Options", exact=False).click()
    scene = page.get_by_label("Scene", exact=True)
    expect(scene).to_have_value("Automatic")
    (result,) = colorize(page, 1).all()
    automatic = result.locator("img").last.get_attribute("src")
    # Its colors are not decoded from a distribution, so no slider for that is shown.
    expect(page.locator("#adjust").get_by_text("Temperature")).to_be_hidden()
    scene.click()
    page.get_by_role("option", name="sunflowers").click()
    colorize(page, 1)
    expect(result.locator("img").last).not_to_have_attribute("src", automatic)
    choose(page, ("tiny-colorful",))
    colorize(page, 1)
    expect(page.locator("#adjust").get_by_text("Temperature")).to_be_visible()
