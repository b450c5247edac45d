"""The Photo tab where a page is hard to use: behind a prefix, zoomed, by touch, unseen, without motion, on a slow line."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.demo.pages import assert_whole, visit
from tests.demo.photo.viewer_page import right, width_of


@pytest.fixture
def phone(browser: Browser, app_url: str):
    """The app on a phone, 360 pixels wide."""
    context = browser.new_context(viewport={"width": 360, "height": 800}, has_touch=True, is_mobile=True)
    yield from visit(context.new_page(), app_url)
    context.close()


def test_two_fingers_zoom_and_one_scrolls_the_page(phone: Page) -> None:
    box = phone.locator(".frame").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = phone.context.new_cdp_session(phone)
    for kind, far in (("touchStart", 20), ("touchMove", 30), ("touchMove", 45), ("touchMove", 60), ("touchEnd", None)):
        fingers = [{"x": x + side * far, "y": y, "id": (side + 1) // 2} for side in (-1, 1)] if far else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    scale = phone.locator(".viewer").evaluate("viewer => Number(viewer.style.getPropertyValue('--scale'))")
    assert 2 < scale < 4
    assert phone.locator(".stage").evaluate("stage => getComputedStyle(stage).touchAction") == "none"
    phone.locator(".cell, .frame").first.dblclick()
    assert phone.locator(".stage").evaluate("stage => getComputedStyle(stage).touchAction") == "pan-y"
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_a_narrow_photo_both_names_are_whole(phone: Page) -> None:
    phone.locator(".viewer").evaluate("viewer => viewer.style.setProperty('--ratio', 0.5)")
    left, right = (phone.locator(f".chip.{side} select").bounding_box() for side in ("left", "right"))
    frame = phone.locator(".frame").bounding_box()
    assert left["width"] + right["width"] > frame["width"]
    assert left["y"] + left["height"] <= right["y"]
    assert frame["x"] <= left["x"] < right["x"] + right["width"] <= frame["x"] + frame["width"]


def test_a_slider_has_a_way_back_beside_its_name(phone: Page) -> None:
    heads = phone.locator("#adjust .head")
    expect(heads).to_have_count(3)
    for head in heads.all():
        name, button = (head.locator(part).bounding_box() for part in ("label", "button"))
        assert name["x"] + name["width"] <= button["x"]
        assert name["y"] < button["y"] + button["height"] / 2 < name["y"] + name["height"] + 12
        assert min(button["width"], button["height"]) >= 24
    slider = phone.get_by_label("range slider for Warmth")
    slider.press("End")
    expect(slider).to_have_value("40")
    heads.filter(has_text="Warmth").get_by_role("button").tap()
    expect(slider).to_have_value("0")


def test_at_twice_the_size_nothing_is_cut_off(browser: Browser, app_url: str) -> None:
    page = browser.new_page(viewport={"width": 683, "height": 384}, device_scale_factor=2)  # 200 % of 1366×768
    for _ in visit(page, app_url):
        assert page.evaluate("document.documentElement.scrollWidth") <= 683
        for part in (".stage", ".strip", ".bar", "#adjust", "#examples"):
            box = page.locator(part).first.bounding_box()
            assert 0 <= box["x"] < box["x"] + box["width"] <= 683, part
        assert_whole(page.locator("#adjust input[type=range]"), page.locator("#adjust .block"))
        expect(page.get_by_role("button", name="Zoom in")).to_be_visible()


def test_a_screen_reader_hears_of_results_and_nothing_moves_where_that_is_asked(browser: Browser, app_url: str) -> None:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1366, "height": 768})
    for page in visit(context.new_page(), app_url):
        page.evaluate("""() => {
            window.heard = [];
            const line = document.querySelector(".viewer [role=status]");
            new MutationObserver(() => window.heard.push(line.textContent)).observe(line, {childList: true, subtree: true});
        }""")
        page.get_by_role("button", name=re.compile("red cliff")).click()
        page.wait_for_function("window.heard.length")
        moving = "document.getAnimations().filter((each) => each.playState === 'running').length"
        assert page.evaluate(moving) == 0
        expect(page.locator(".viewer .status")).to_contain_text("colorings are ready", timeout=120_000)
        heard = page.evaluate("window.heard")
        assert heard[0] == "Coloring …"
        assert re.fullmatch(r"cliff\.webp: .+ is shown\. \d+ colorings are ready\.", heard[-1])
    context.close()


def test_on_a_slow_line_the_photo_is_seen_before_it_is_sent(browser: Browser, app_url: str, tmp_path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 900), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")  # half a megabyte: six seconds at this rate
    page = browser.new_page()
    for _ in visit(page, app_url):
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        line = {"downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8, "latency": 150, "offline": False}
        session.send("Network.emulateNetworkConditions", line)
        page.locator(".viewer input[type=file]").set_input_files(tmp_path / "noise.png")
        expect(right(page)).to_have_attribute("src", re.compile("^blob:"), timeout=3000)
        assert width_of(right(page)) == 900
        assert "Coloring" in page.locator(".viewer .status").inner_text()
