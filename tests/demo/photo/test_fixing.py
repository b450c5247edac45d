"""Colors fixed in the viewer, in a real browser."""

import re

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from tests.demo.pages import wait_until
from tests.demo.photo.viewer_page import DENSE, answers_held_back, open_photo, right, shown, tap, thumb


def test_a_color_is_fixed_with_three_taps_and_dots_are_moved_and_removed(page: Page, halves: str) -> None:
    open_photo(page, halves)
    thumb(page, DENSE).click()
    expect(right(page)).to_have_attribute("alt", re.compile("First try"))
    expect(right(page)).to_have_attribute("src", re.compile("tiny-dense"))
    plain, address = shown(page), right(page).get_attribute("src")
    page.get_by_role("button", name="Fix a color").click()
    panel = page.locator(".paint")
    height = panel.bounding_box()["height"]
    tap(page, 0.2)
    swatches = page.locator(".swatches button")
    expect(swatches).to_have_count(8)
    assert all(swatch.bounding_box()["height"] >= 44 for swatch in swatches.all())  # for a finger
    swatches.nth(6).click()  # the hue opposite to what is predicted
    change = np.abs(shown(page, address) - plain).max(2)
    assert change[200:227, 118:138].mean() > 10
    assert change[:, 345:].mean() < 1.5  # as much as a JPEG loses
    dot = page.locator(".dot")
    expect(dot).to_have_count(1)
    expect(page.locator(".viewer .status")).to_contain_text("is shown, with 1 fixed color. 2 colorings")
    assert panel.bounding_box()["height"] == height  # what is below does not jump
    box = page.locator(".frame").bounding_box()
    place = dot.bounding_box()
    page.mouse.move(place["x"] + 10, place["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=4)
    address = right(page).get_attribute("src")
    page.mouse.up()
    moved = np.abs(shown(page, address) - plain).max(2)
    assert moved[200:227, 500:520].mean() > 10 > 1.5 > moved[:, :300].mean()
    for name, count in (("undo", 1), ("undo", 0), ("redo", 1)):
        page.locator(".history").get_by_role("button", name=name).click()
        expect(page.locator(".dot[style*='rgb']")).to_have_count(count)
    dot.first.focus()
    page.keyboard.press("Delete")
    expect(page.locator(".history").get_by_role("button", name="clear")).to_be_disabled()
    # By keyboard alone.
    for _ in range(2):
        page.get_by_role("button", name="Fix a color").press("Enter")
    expect(page.locator(".cross")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(swatches.first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".dot[style*='rgb']")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".cross")).to_be_focused()
    page.locator(".own input").evaluate(
        "input => { input.value = '#3366cc'; input.dispatchEvent(new Event('change', {bubbles: true})); }"
    )
    expect(page.locator(".dot")).to_have_attribute("style", re.compile(r"rgb\(51, 102, 204\)"))
    with page.expect_download() as download:
        page.locator("[data-do=save]").click()
    with Image.open(download.value.path()) as image:
        saved = np.asarray(image).astype(int)
    assert saved.shape == (427, 640, 3)
    across = int(0.22 * 640)  # one step to the right of where the mouse was
    assert saved[213, across, 2] - saved[213, across, 0] > 60


def test_each_of_two_quick_taps_counts(page: Page, halves: str) -> None:
    """The second comes while the first waits for the server's answer, which is held back."""
    open_photo(page, halves)
    page.get_by_role("button", name="Fix a color").click()
    with answers_held_back(page):
        for across in (0.2, 0.8):
            tap(page, across)
    dot = page.locator(".dot")
    wait_until(
        page, lambda: dot.count() == 1 and float(re.search(r"left: ([\d.]+)", dot.get_attribute("style"))[1]) > 79
    )
    swatches = page.locator(".swatches button")
    expect(swatches).to_have_count(8)
    first, second = (swatches.nth(place).get_attribute("data-color") for place in (4, 5))
    with answers_held_back(page):
        for place in (4, 5):
            swatches.nth(place).click()
    colors = {code: f"rgb({', '.join(str(level) for level in bytes.fromhex(code[1:]))})" for code in (first, second)}
    expect(dot).to_have_attribute("style", re.compile(re.escape(colors[second])))
    page.locator(".history").get_by_role("button", name="undo").click()
    expect(dot).to_have_attribute("style", re.compile(re.escape(colors[first])))
