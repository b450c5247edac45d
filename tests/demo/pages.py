"""What the browser tests of all tabs share."""

from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, expect

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
    yield page
    page.close()
    assert not [url_ for url_ in requests if not url_.startswith((url, "data:", "blob:"))]
