"""What the browser tests of all tabs share."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
WAIT = 20_000  # milliseconds; what is waited for takes a second where the machine is not busy


def visit(page: Page, url: str, theme: str = "light") -> Iterator[Page]:
    """The app in `page`, which is closed at the end; a request to any other machine fails the test."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_default_timeout(WAIT)
    expect.set_options(timeout=WAIT)
    page.goto(f"{url}?__theme={theme}")
    expect(page.get_by_role("button", name="Colorize")).to_be_visible()
    # Gradio draws a page piece by piece: what stands in the first tab is there before the page is used.
    expect(page.locator("#approaches").get_by_role("checkbox")).not_to_have_count(0)
    expect(page.locator("#examples").get_by_role("button")).not_to_have_count(0)
    yield page
    page.close()
    assert not [url_ for url_ in requests if not url_.startswith((url, "data:", "blob:"))]


def wait_until(page: Page, condition: Callable[[], bool]) -> None:
    """For what Playwright's `expect` has no word for; fails when `condition` has not come true in time."""
    deadline = time.monotonic() + WAIT / 1000
    while not condition():
        assert time.monotonic() < deadline, "what the page was to show has not come"
        page.wait_for_timeout(50)


def open_tab(page: Page, name: str) -> Locator:
    """Open a tab, which on a narrow screen may be one of those behind the three dots; returns what is in it."""
    tab = page.get_by_role("tab", name=name)
    hidden = page.locator(".overflow-dropdown button", has_text=name)
    expect(tab.or_(hidden).first).to_be_attached()
    if not tab.is_visible():
        page.locator(".overflow-menu > button").click()
        hidden.click()
    else:
        tab.click()
    return page.get_by_role("tabpanel").filter(visible=True)


def leave_screenshot(page: Page, name: str) -> None:
    """The whole page as tests/artifacts/NAME.png, to be looked at."""
    ARTIFACTS.mkdir(exist_ok=True)
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True, animations="disabled")


def leave_screenshots(page: Page, name: str) -> None:
    """The page on a wide screen and on a phone; it must fit on both."""
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        leave_screenshot(page, f"{name}-{width}")
