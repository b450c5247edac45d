"""The app's page with two tiny networks, and a photo for it."""

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from colorizer.checkpoints import list_checkpoints
from tests.demo.pages import visit
from tests.demo.photo.viewer_page import COLORFUL, DENSE


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> str:
    """640×427, gray, the left half darker than the right."""
    path = tmp_path_factory.mktemp("photos") / "two <b>halves.png"
    Image.fromarray(np.where(np.mgrid[:427, :640][1] < 320, 90, 170).astype(np.uint8)).save(path)
    return str(path)


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    """The app on a wide light screen, with the two tiny networks only; a request to any other machine fails the test."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    for _ in visit(page, app_url):
        page.get_by_role("button", name="Approaches and options").click()
        boxes = page.locator("#options input[type=checkbox]")
        expect(boxes).to_have_count(len(list_checkpoints()) + 2)
        # One after the other, and again where Gradio has not taken in a click, since it was still drawing the one before.
        boxes.evaluate_all(
            """async (boxes, names) => {
              const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
              for (const box of boxes.filter((box) => !names.includes(box.name)))
                for (let tries = 0; box.checked && tries < 20; tries++) {
                  box.click();
                  await drawn();
                  await drawn();
                }
            }""",
            [COLORFUL, DENSE],
        )
        expect(page.locator("#options input[type=checkbox]:checked")).to_have_count(2)
        yield page
