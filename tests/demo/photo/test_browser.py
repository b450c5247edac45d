"""The Photo tab of the running app in a real browser, as a visitor uses it. Screenshots are left in tests/artifacts/."""

import re
import secrets
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pillow_heif
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from colorizer.demo.ui import MAX_SESSIONS
from tests.demo.pages import ARTIFACTS, assert_whole, open_tab, pale_texts, visit, wait_until
from tests.demo.photo.viewer_page import (
    COLORFUL,
    DENSE,
    answers_held_back,
    expect_ready,
    open_photo,
    position,
    right,
    shown,
    tap,
    thumb,
    width_of,
)


def test_the_page_opens_in_color_and_a_choice_and_a_tap_give_a_file(page: Page, color_photo: str) -> None:
    assert width_of(page.locator(".frame .picture.left")) > 300
    assert width_of(right(page)) > 300
    expect(page.locator(".viewer .sample")).to_contain_text("1910")
    expect(page.locator("#head a")).to_have_attribute("href", "https://example.org/private")
    open_photo(page, color_photo)
    # The best of those that were measured would come first; these two were not.
    expect(page.locator(".film button")).to_have_count(3)
    expect(page.locator("#about")).to_contain_text(
        "First try" if "dense" in right(page).get_attribute("src") else "Zhang"
    )
    expect(page.locator("#about")).to_contain_text(re.compile(r"\d\.\d\d s"))
    for score in ("PSNR", "SSIM", "ΔE2000", "Colorfulness"):
        expect(page.locator("#about")).to_contain_text(score)
    with page.expect_download() as download:
        page.locator("[data-do=save]").click()
    assert re.fullmatch(r"harbor-view-tiny-\w+\.jpg", download.value.suggested_filename)
    with Image.open(download.value.path()) as image:
        assert (image.format, image.size) == ("JPEG", (80, 48))
    with page.expect_download() as download:
        page.get_by_role("button", name="All (ZIP)").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert sorted(archive.namelist()) == [
            "harbor-view-contact-sheet.png",
            "harbor-view-tiny-colorful.jpg",
            "harbor-view-tiny-dense.jpg",
        ]


def test_any_two_are_held_against_each_other_by_mouse_and_keyboard(page: Page, color_photo: str) -> None:
    open_photo(page, color_photo)
    thumb(page, COLORFUL).click()
    expect(right(page)).to_have_attribute("alt", re.compile("colored by Zhang"))
    expect(page.locator("#about")).to_contain_text("Zhang")
    assert "approach=tiny-colorful" in page.url
    thumb(page, DENSE).click(modifiers=["Shift"])
    left = page.locator(".frame .picture.left")
    expect(left).to_have_attribute("alt", re.compile("colored by First try"))
    page.get_by_label("Left picture", exact=True).select_option("truth")
    expect(left).to_have_attribute("alt", "The photo in its true colors")
    expect(left).to_have_attribute("src", re.compile(r"truth\.jpg"))
    thumb(page, COLORFUL).focus()
    page.keyboard.press("ArrowRight")
    expect(thumb(page, DENSE)).to_be_focused()
    expect(right(page)).to_have_attribute("alt", re.compile("colored by First try"))
    handle = page.get_by_role("slider", name="Divider")
    for key, expected in (("Home", 0), ("PageUp", 10), ("ArrowRight", 12), ("End", 100)):
        handle.press(key)
        assert position(page) == expected
    box = page.locator(".frame").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 210, steps=4)
    page.mouse.up()
    assert abs(position(page) - 25) <= 1
    page.get_by_role("button", name="best first").click()
    years = [int(text[:4]) for text in page.locator(".film small").all_inner_texts() if text[:4].isdigit()]
    assert years == sorted(years)


def test_all_stand_side_by_side_and_zoom_in_step(page: Page, color_photo: str) -> None:
    open_photo(page, color_photo)
    page.get_by_role("button", name="Side by side").click()
    cells = page.locator(".cell")
    expect(cells).to_have_count(4)
    page.get_by_role("button", name="Zoom in").click()
    before = [cell.locator("img").bounding_box() for cell in cells.all()]
    windows = [cell.locator(".window").bounding_box() for cell in cells.all()]
    assert all(abs(one["width"] / two["width"] - 1.6) < 0.05 for one, two in zip(before, windows, strict=True))
    page.mouse.move(windows[0]["x"] + 60, windows[0]["y"] + 60)
    page.mouse.down()
    page.mouse.move(windows[0]["x"] + 30, windows[0]["y"] + 60, steps=3)
    page.mouse.up()
    after = [cell.locator("img").bounding_box() for cell in cells.all()]
    assert all(abs(one["x"] - two["x"] - 30) < 3 for one, two in zip(before, after, strict=True))
    # By keyboard.
    cells.last.focus()
    page.keyboard.press("Shift+ArrowRight")
    moved = [cell.locator("img").bounding_box() for cell in cells.all()]
    assert all(one["x"] < two["x"] - 10 for one, two in zip(moved, after, strict=True))
    chosen = cells.last.get_attribute("data-id")
    page.keyboard.press("Space")
    expect(page.locator(".frame")).to_be_visible()
    expect(cells.first).to_be_hidden()
    expect(thumb(page, chosen)).to_be_focused()
    divider = page.get_by_role("slider", name="Divider")
    before = right(page).bounding_box()
    divider.press("Shift+ArrowLeft")
    assert right(page).bounding_box()["x"] > before["x"] + 10
    assert position(page) == 50


def test_colors_are_adjusted_and_the_scores_the_code_and_the_file_follow(page: Page, color_photo: str) -> None:
    open_photo(page, color_photo)
    before = right(page).get_attribute("src")
    page.get_by_label("range slider for Saturation").press("Home")
    assert np.ptp(shown(page, before), axis=2).max() <= 4
    expect(page.locator("#about")).to_contain_text("Colorfulness 0")
    with page.expect_download() as download:
        page.locator("[data-do=save]").click()
    with Image.open(download.value.path()) as image:
        assert np.ptp(np.asarray(image).astype(int), axis=2).max() <= 4
    page.get_by_role("button", name="In Python").click()
    expect(page.locator("#python")).to_contain_text("saturation")
    page.get_by_role("button", name="All numbers").click()
    table = page.locator("#numbers table")
    expect(table.get_by_role("row")).to_have_count(3)
    expect(table.get_by_role("columnheader", name="ΔE2000")).to_be_visible()
    adjusted = right(page).get_attribute("src")
    page.get_by_role("button", name="Reset to default value").first.click()
    assert np.ptp(shown(page, adjusted), axis=2).max() > 20
    thumb(page, DENSE).click()
    page.get_by_role("button", name="Approaches and options").scroll_into_view_if_needed()
    page.get_by_label("PNG").check()
    with page.expect_download() as download:
        page.locator("[data-do=save]").click()
    assert download.value.suggested_filename.endswith(".png")


def test_nothing_is_lost_on_reload_or_back(page: Page, halves: str) -> None:
    open_photo(page, halves)
    thumb(page, DENSE).click()
    page.get_by_role("button", name="Fix a color").click()
    tap(page, 0.2)
    expect(page.locator(".swatches button")).to_have_count(8)
    before = right(page).get_attribute("src")
    page.locator(".swatches button").nth(6).click()
    shown(page, before)
    before = right(page).get_attribute("src")
    page.get_by_label("range slider for Saturation").press("End")
    picture = shown(page, before)
    open_tab(page, "Album")
    wait_until(page, lambda: "tab=album" in page.url)
    page.go_back()
    expect(page.locator(".viewer")).to_be_visible()
    assert np.array_equal(shown(page), picture)
    page.reload()
    expect_ready(page, halves)
    expect(page.get_by_label("number input for Saturation")).to_have_value("2")
    expect(right(page)).to_have_attribute("alt", re.compile("First try"))
    wait_until(page, lambda: np.array_equal(shown(page), picture))
    page.get_by_role("button", name="Fix a color").click()
    expect(page.locator(".dot[style*='rgb']")).to_have_count(1)


def test_nothing_is_lost_when_many_others_come(page: Page, app_url: str, halves: str) -> None:
    open_photo(page, halves)
    page.get_by_role("button", name="Fix a color").click()
    tap(page, 0.2)
    before = right(page).get_attribute("src")
    page.locator(".swatches button").nth(6).click()
    picture = shown(page, before)
    forget_visitors(app_url)
    before = right(page).get_attribute("src")
    page.get_by_label("range slider for Saturation").press("End")
    assert not np.array_equal(shown(page, before), picture)
    expect_ready(page, halves)
    expect(page.locator(".dot[style*='rgb']")).to_have_count(1)
    forget_visitors(app_url)
    before = right(page).get_attribute("src")
    page.get_by_label("range slider for Saturation").fill("1")
    assert np.array_equal(shown(page, before), picture)
    forget_visitors(app_url)
    with page.expect_download() as download:
        page.locator("[data-do=save]").click()
    assert download.value.suggested_filename.startswith("two-bhalves-")  # Gradio leaves out the rest of its name


def forget_visitors(app_url: str) -> None:
    """Come as so many visitors that the app forgets those before."""
    with httpx.Client(base_url=f"{app_url}gradio_api", trust_env=False, timeout=60) as client:
        config = httpx.get(f"{app_url}config", trust_env=False, timeout=60).json()
        event = next(each["id"] for each in config["dependencies"] if each["api_name"] == "begin")
        for number in range(MAX_SESSIONS + 10):
            body = {"data": [], "fn_index": event, "session_hash": f"{secrets.token_hex(8)}-{number}"}
            client.post("/run/predict", json=body).raise_for_status()


def test_a_photo_is_dropped_or_pasted_and_the_newer_one_wins(page: Page, color_photo: str, halves: str) -> None:
    page.evaluate("sessionStorage.clear()")
    send = """([name, bytes, kind]) => {
      const file = new File([new Uint8Array(bytes)], name, {type: "image/png"}), data = new DataTransfer();
      data.items.add(file);
      const event = kind == "paste" ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true})
        : new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
      document.body.dispatchEvent(event);
    }"""
    page.evaluate(send, ["first.png", list(Path(color_photo).read_bytes()), "drop"])
    page.evaluate(send, ["second.png", list(Path(halves).read_bytes()), "paste"])
    # Seen before the server answers.
    expect(page.locator(".frame .picture.left")).to_have_attribute("src", re.compile("^(blob|http)"))
    expect_ready(page, "second.png")
    expect(page.locator(".film button")).to_have_count(2)  # the second has no true colors
    wait_until(page, lambda: right(page).evaluate("image => image.naturalWidth") == 640)


def test_what_is_wrong_is_said_once_and_the_earlier_photo_is_back(
    page: Page, halves: str, color_photo: str, broken_photo: str
) -> None:
    open_photo(page, color_photo)
    before = right(page).get_attribute("src")
    page.locator(".viewer input[type=file]").set_input_files(broken_photo)
    expect(page.locator(".viewer .status")).to_contain_text("broken.jpg is not a photo")
    expect(right(page)).to_have_attribute("src", before)
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
    page.locator(".viewer input[type=file]").set_input_files(
        files=[{"name": "letter.txt", "mimeType": "text/plain", "buffer": b"dear"}]
    )
    expect(page.locator(".viewer .status")).to_contain_text("letter.txt is not a photo")
    assert "Traceback" not in page.content()
    with answers_held_back(page):
        page.locator(".viewer input[type=file]").set_input_files(halves)
        # Not what was measured on the photo before.
        expect(page.locator(".film small").filter(has_text="ΔE")).to_have_count(0)
    # A name is shown as text.
    open_photo(page, halves)
    assert page.locator(".viewer b, #python b").filter(has_text="halves").count() == 0


def test_an_example_shows_what_it_really_looked_like(page: Page) -> None:
    page.get_by_role("button", name=re.compile("woman on a carpet")).click()
    expect_ready(page, "carpet.webp")
    page.locator(".film button").first.click()
    expect(page.locator(".frame .picture.left")).to_have_attribute("alt", "The photo in its true colors")
    for note in page.locator(".film button:not(:first-child) small").all_inner_texts():
        assert note.startswith("ΔE ")


@pytest.mark.parametrize("name", ["harbor.tif", "HARBOR.JP2", "harbor.pgm", "harbor.mpo", "harbor.heic"])
def test_photos_that_browsers_do_not_show_are_shown(page: Page, color_photo: str, tmp_path: Path, name: str) -> None:
    pillow_heif.register_heif_opener()
    with Image.open(color_photo) as photo:
        photo.convert("L" if name.endswith("pgm") else "RGB").save(tmp_path / name)
    open_photo(page, str(tmp_path / name))
    for side in ("left", "right"):
        picture = page.locator(f".frame .picture.{side}")
        wait_until(page, lambda picture=picture: picture.evaluate("image => image.naturalWidth") == 80)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1366, 768), (390, 844)])
def test_viewer_strip_and_buttons_are_above_the_fold(
    browser: Browser, app_url: str, color_photo: str, width: int, height: int, theme: str
) -> None:
    is_phone = width < 600
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=is_phone, is_mobile=is_phone)
    page = context.new_page()
    for _ in visit(page, app_url, theme):
        for part in (".stage", ".strip", ".bar"):
            box = page.locator(part).bounding_box()
            assert 0 <= box["y"] < box["y"] + box["height"] <= height, part
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ARTIFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"photo-{width}-{theme}.png", animations="disabled")
        assert_whole(page.locator("#adjust input[type=range]"), page.locator("#adjust .block"))
        page.get_by_role("button", name="In Python").click()
        expect(page.locator("#python .cm-content")).to_contain_text("pipeline")
        assert not pale_texts(page)
        page.evaluate("window.scrollTo(0, 0)")
        if is_phone and theme == "light":
            page.get_by_role("button", name="Fix a color").tap()
            box = page.locator(".frame").bounding_box()
            page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            expect(page.locator(".swatches button")).to_have_count(8, timeout=120_000)  # all networks load for it
            expect(page.locator(".paint")).to_be_visible()
            page.set_viewport_size({"width": 360, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            page.screenshot(path=ARTIFACTS / "photo-fixing-360.png", animations="disabled")
    context.close()
