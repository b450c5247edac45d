"""Helpers for tests of the viewer in a real browser."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

DENSE, COLORFUL = "tiny-dense", "tiny-colorful"


def open_photo(page: Page, photo: str, count: int = 2) -> None:
    """Choose a photo and wait until all have colored it."""
    page.locator(".viewer input[type=file]").set_input_files(photo)
    expect_ready(page, photo, count)
    # Until the result has loaded, the photo from before it was sent stays.
    expect(right(page)).not_to_have_attribute("src", re.compile("^blob:"))


def expect_ready(page: Page, photo: str, count: int = 2) -> None:
    """Wait until all have colored the photo, whose name Gradio writes without special characters."""
    name = re.sub("[<>]", "", Path(photo).name)
    line = re.compile(rf"^{re.escape(name)}: .+ is shown.*\. {count} colorings are ready\.$")
    expect(page.locator(".viewer .status")).to_have_text(line)


def thumb(page: Page, name: str) -> Locator:
    return page.locator(f".film button[data-id='{name}']")


def width_of(picture: Locator) -> int:
    """Return the width in pixels of a picture that the browser has decoded, or 0 if there is none after ten seconds.

    `image.decode()` would fail where another picture takes its place meanwhile.
    """
    return picture.evaluate("""async (image) => {
        for (let frame = 0; frame < 600 && !(image.complete && image.naturalWidth); frame++)
            await new Promise(requestAnimationFrame);
        return image.naturalWidth;
    }""")


def right(page: Page) -> Locator:
    return page.locator(".frame .picture.right")


def shown(page: Page, change_from: str | None = None) -> np.ndarray:
    """The picture on the right, once it is another than that of the address."""
    if change_from is not None:
        expect(right(page)).not_to_have_attribute("src", change_from)
    expect(right(page)).to_have_attribute("src", re.compile("^http"))
    answer = httpx.get(right(page).get_attribute("src"), trust_env=False)
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


def tap(page: Page, across: float, down: float = 0.5) -> None:
    box = page.locator(".frame").bounding_box()
    page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)


def position(page: Page) -> int:
    return int(page.get_by_role("slider", name="Divider").get_attribute("aria-valuenow"))


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
