"""Helpers shared by the browser tests of all tabs."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
WAIT = 60_000  # milliseconds; one second is enough on an idle machine


def visit(page: Page, url: str, theme: str = "light") -> Iterator[Page]:
    """Open the app in `page` and close it at the end; a request to any other host fails the test."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_default_timeout(WAIT)
    expect.set_options(timeout=WAIT)
    page.goto(f"{url}?__theme={theme}")
    # Gradio renders a page piece by piece, so wait until the first tab is complete.
    expect(page.locator(".viewer .film button")).not_to_have_count(0)
    expect(page.locator("#examples").get_by_role("button")).not_to_have_count(0)
    yield page
    page.close()
    assert not [url_ for url_ in requests if not url_.startswith((url, "data:", "blob:"))]


def wait_until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for a condition that Playwright's `expect` can't express; fail if it isn't met in time."""
    deadline = time.monotonic() + WAIT / 1000
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        page.wait_for_timeout(50)


def open_tab(page: Page, name: str) -> Locator:
    """Open a tab and return its panel."""
    page.get_by_role("tab", name=name).click()
    return page.get_by_role("tabpanel").filter(visible=True)


def pale_texts(page: Page) -> list[str]:
    """Visible texts whose contrast is too low, each with its ratio."""
    return page.evaluate(CONTRAST)


def assert_whole(parts: Locator, boxes: Locator) -> None:
    """Each part must lie inside of its box, so that it can be seen and moved to its ends."""
    for part, box in zip(parts.all(), boxes.all(), strict=True):
        inner, outer = part.bounding_box(), box.bounding_box()
        assert outer["x"] <= inner["x"] < inner["x"] + inner["width"] <= outer["x"] + outer["width"]


def leave_screenshot(page: Page, name: str) -> None:
    """Save the whole page as tests/artifacts/NAME.png for inspection."""
    ARTIFACTS.mkdir(exist_ok=True)
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True, animations="disabled")


def leave_screenshots(page: Page, name: str) -> None:
    """Save the page on a wide screen and on a phone, and check that it fits on both."""
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        leave_screenshot(page, f"{name}-{width}")
