"""The Hint tab of the running app in a real browser, and its endpoint. Screenshots are left in tests/artifacts/."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageColor
from playwright.sync_api import Browser, Locator, Page, Route, expect

from colorizer.demo.hint.history import MAX_HINTS
from tests.demo.pages import leave_screenshots, open_tab, visit, wait_until


@pytest.fixture(scope="module")
def gray_halves(tmp_path_factory: pytest.TempPathFactory) -> str:
    """640×427, the left half darker than the right."""
    path = tmp_path_factory.mktemp("photos") / "two halves.png"
    Image.fromarray(np.where(np.mgrid[:427, :640][1] < 320, 90, 170).astype(np.uint8)).save(path)
    return str(path)


@pytest.fixture
def tab(browser: Browser, app_url: str) -> Iterator[Locator]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    for _ in visit(page, app_url):
        yield open_tab(page, "Hint")


def start(tab: Locator, photo: str, model: str = "tiny-dense") -> None:
    tab.get_by_label("Approach").click()
    tab.get_by_role("option", name=model, exact=True).click()
    tab.locator("input[type=file]").first.set_input_files(photo)
    expect(tab.locator("#hint-canvas img")).to_be_visible()
    expect(tab.locator("#hint-note")).to_contain_text(model)


def says(tab: Locator, words: str) -> None:
    expect(tab.locator("#hint-status")).to_contain_text(words)


def choose(tab: Locator, across: float, down: float) -> None:
    canvas = tab.locator("#hint-canvas img")
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * across, "y": box["height"] * down})
    says(tab, "Now pick a color")


def pick(tab: Locator, number: int) -> None:
    tab.locator("#swatches").get_by_role("button").nth(number).click()
    says(tab, "Pick another color")


def picture(tab: Locator, change_from: str | None = None) -> np.ndarray:
    """The colored photo that is shown, once it is another than that of the address."""
    canvas = tab.locator("#hint-canvas img")
    if change_from is not None:
        expect(canvas).not_to_have_attribute("src", change_from)
    answer = httpx.get(canvas.get_attribute("src"), trust_env=False)
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


def shown(tab: Locator) -> str:
    return tab.locator("#hint-canvas img").get_attribute("src")


@contextmanager
def answers_held_back(page: Page) -> Iterator[None]:
    """Keep what the page asks of the server until the end, and send it in order then."""
    waiting: list[Route] = []
    page.route("**/queue/join*", lambda route: waiting.append(route))
    yield
    for route in waiting:
        with page.expect_response("**/queue/join*"):
            route.continue_()
    page.unroute("**/queue/join*")


def test_a_hint_changes_the_colors_near_the_click_and_not_far_away(tab: Locator, gray_halves: str, tmp_path: Path):
    start(tab, gray_halves)
    expect(tab.get_by_text("was not trained with hints")).to_be_visible()
    before = picture(tab)
    address = shown(tab)
    choose(tab, 0.2, 0.5)
    expect(tab.locator("#swatches").get_by_role("button")).to_have_count(8)
    expect(tab.locator("#swatches").get_by_role("button").first).to_contain_text("predicted")
    for swatch in tab.locator("#swatches").get_by_role("button").all():
        assert swatch.bounding_box()["height"] >= 44  # for a finger
    pick(tab, 6)  # the hue opposite to what is predicted
    after = picture(tab, address)
    change = np.abs(after - before).max(2)
    assert change[200:227, 150:160].mean() > 10  # beside the dot
    for far_away in (change[:, 345:], change[:20]):
        assert far_away.mean() < 1.5  # as much as a JPEG loses
    tab.get_by_role("button", name="Save at full size").click()
    with tab.page.expect_download() as download:
        tab.get_by_role("button", name="Download two-halves-tiny-dense-hints.png").click()
    download.value.save_as(tmp_path / "saved.png")
    saved = np.asarray(Image.open(tmp_path / "saved.png")).astype(int)
    assert saved.shape == (427, 640, 3)
    has_no_dot = np.hypot(*(np.mgrid[:427, :640] - [[[213]], [[128]]])) > 40
    assert np.abs(saved - after)[has_no_dot].mean() < 3  # as much as a JPEG loses


def test_hints_are_undone_done_again_cleared_and_stay_with_another_approach(tab: Locator, gray_halves: str):
    start(tab, gray_halves)
    undo, redo, clear = (tab.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo", "Clear"))
    expect(undo).to_be_disabled()
    choose(tab, 0.2, 0.5)
    pick(tab, 4)
    choose(tab, 0.8, 0.5)
    pick(tab, 5)
    says(tab, "2 hints.")
    undo.click()
    says(tab, "1 hint.")
    redo.click()
    says(tab, "2 hints.")
    expect(redo).to_be_disabled()
    with_both = picture(tab)
    tab.get_by_label("Approach").click()
    tab.get_by_role("option", name="tiny-colorful", exact=True).click()
    expect(tab.locator("#hint-note")).to_contain_text("tiny-colorful")
    says(tab, "2 hints.")
    expect(tab.locator("#swatches").get_by_role("button").first).to_contain_text("%")
    by_other = picture(tab)
    for column in (128, 512):  # a dot's middle
        assert np.abs(with_both[213, column] - by_other[213, column]).max() < 30
    clear.click()
    says(tab, "No hints yet")
    undo.click()
    says(tab, "2 hints.")
    tab.get_by_role("button", name="Remove", exact=True).click()
    says(tab, "1 hint.")


def test_each_of_two_quick_taps_counts(tab: Locator, gray_halves: str):
    """The second comes while the first waits for the server's answer, which is held back."""
    start(tab, gray_halves)
    before = picture(tab)
    canvas, swatches = tab.locator("#hint-canvas img"), tab.locator("#swatches").get_by_role("button")

    def is_ringed(column: int) -> bool:
        return np.abs(picture(tab) - before)[190:236, column - 25 : column + 25].max() > 60

    def is_colored(rgb: tuple[int, ...]) -> bool:
        return np.abs(picture(tab)[213, 512] - rgb).max() < 25

    box = canvas.bounding_box()
    with answers_held_back(tab.page):
        for across in (0.2, 0.8):
            canvas.click(position={"x": box["width"] * across, "y": box["height"] * 0.5})
    wait_until(tab.page, lambda: is_ringed(512) and not is_ringed(128))
    expect(swatches).to_have_count(8)
    first, second = (ImageColor.getrgb(swatches.nth(place).get_attribute("data-color")) for place in (4, 5))
    with answers_held_back(tab.page):
        for place in (4, 5):
            swatches.nth(place).click()
    wait_until(tab.page, lambda: is_colored(second))
    says(tab, "1 hint.")
    undo = tab.get_by_role("button", name="Undo", exact=True)
    undo.click()
    wait_until(tab.page, lambda: is_colored(first))
    undo.click()
    says(tab, "No hints yet")


def test_colors_of_ones_own_the_keyboard_and_a_broken_photo(tab: Locator, gray_halves: str, broken_photo: str):
    tab.locator("input[type=file]").first.set_input_files(broken_photo)
    says(tab, "⚠ broken.jpg is not a photo")
    assert "Traceback" not in tab.page.content()
    tab.get_by_role("button", name="Remove Image").click()
    says(tab, "Choose a photo first")
    start(tab, gray_halves)
    tab.get_by_role("button", name="Use this color").click()
    says(tab, "⚠ Click on the photo first")
    tab.get_by_role("button", name="Choose a place by keyboard").press("Enter")
    across = tab.get_by_label("number input for From the left, in %")
    across.fill("25")
    across.press("Tab")
    tab.get_by_role("button", name="Choose this place").press("Enter")
    says(tab, "Now pick a color")
    tab.get_by_role("button", name="Use this color").press("Enter")
    says(tab, "1 hint.")
    wait_until(tab.page, lambda: np.abs(picture(tab)[213, 160] - (51, 102, 204)).max() < 25)
    address = shown(tab)
    tab.locator("#swatches").get_by_role("button").first.press("Enter")
    expect(tab.locator("#hint-canvas img")).not_to_have_attribute("src", address)
    says(tab, "1 hint.")
    expect(tab.locator("#hint-canvas img")).to_have_attribute("alt", re.compile("dots are hints"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_looks(browser: Browser, app_url: str, color_photo: str, theme: str):
    page = browser.new_page(viewport={"width": 1440, "height": 800})
    for _ in visit(page, app_url, theme):
        tab = open_tab(page, "Hint")
        start(tab, color_photo, "tiny-colorful")
        choose(tab, 0.2, 0.5)
        pick(tab, 1)
        choose(tab, 0.7, 0.3)
        leave_screenshots(page, f"hint-{theme}")


def test_the_endpoint_follows_hints_within_bounds(app_url: str, color_photo: str, gray_halves: str):
    client = Client(app_url, verbose=False)
    photo = handle_file(gray_halves)
    path = client.predict(photo, [[100, 200, [30, 60, 220]]], "tiny-dense", api_name="/hint")
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (640, 427))
        assert np.ptp(np.asarray(image)[200, 100].astype(int)) > 40
    for hints, message in (
        ([[1, 1, [0, 0, 0]]] * (MAX_HINTS + 1), f"There are {MAX_HINTS + 1} hints"),
        ([[640, 1, [0, 0, 0]]], "lies outside"),
        ([[1, 1, "blue"]], "has no color"),
        ("blue", "must be a list of hints"),
    ):
        with pytest.raises(AppError, match=message):
            client.predict(photo, hints, "tiny-dense", api_name="/hint")
