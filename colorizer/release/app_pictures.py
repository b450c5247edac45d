"""Take the README's screenshots of the app and of the page without a server, in a real browser.

python -m colorizer.release.app_pictures model_cards/pictures    # from the repository's root; needs Chromium, playwright, npm
"""

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from colorizer.photos.files.saving import save_image

if TYPE_CHECKING:
    from playwright.sync_api import Page

WINDOW = {"width": 1440, "height": 900}
WIDTH = 1200
TIMEOUT = 180_000  # milliseconds
# The wall of the opening photo's pavilion, and the swatch for it.
PLACE, SWATCH = (0.56, 0.56), 3
EXAMPLE = 3  # the settlers, for the page without a server


@contextmanager
def running(*command: str) -> Iterator[str]:
    """Start a Python program that serves on the loopback port which is its last argument or Gradio's, and yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = os.environ | {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": port}
    command = [sys.executable, *(port if part == "PORT" else part for part in command)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield f"http://127.0.0.1:{port}/?__theme=light"
        finally:
            server.terminate()


@contextmanager
def opened(address: str) -> "Iterator[Page]":
    """Open a page of a server that is starting."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW)
        page.set_default_timeout(TIMEOUT)
        while True:
            try:
                page.goto(address)
                break
            except Exception:  # not listening yet
                page.wait_for_timeout(500)
        page.locator(".film [aria-selected=true]").wait_for()
        yield page
        browser.close()


def take_page_picture(folder: Path) -> None:
    """Write web.jpg: the page without a server, with an example in color and another network chosen."""
    with tempfile.TemporaryDirectory() as built:
        subprocess.run([sys.executable, "-m", "colorizer", "web", "-o", f"{built}/page"], check=True)
        server = "-m", "http.server", "--bind", "127.0.0.1", "--directory", f"{built}/page", "PORT"
        with running(*server) as address, opened(address) as page:
            page.locator("#examples button").nth(EXAMPLE).click()
            page.locator(".viewer:not(.waiting, .local) .picture.right[src^=blob]").wait_for()
            page.locator(".film button").nth(1).click()
            page.locator(".film button:nth-child(2)[aria-selected=true]").wait_for()
            page.evaluate("() => scrollTo(0, 0)")
            page.wait_for_timeout(2000)
            _save(page.screenshot(), folder / "web.jpg")


def take_pictures(folder: Path) -> None:
    """Write app.jpg, the page as it opens, and hint.jpg, with a color fixed."""
    with running("app.py") as address, opened(address) as page:
        page.wait_for_timeout(2000)
        _save(page.screenshot(), folder / "app.jpg")
        page.get_by_role("button", name="Fix a color").click()
        box = page.locator(".frame").bounding_box()
        page.mouse.click(box["x"] + PLACE[0] * box["width"], box["y"] + PLACE[1] * box["height"])
        page.locator(".swatches button").nth(SWATCH).click()
        page.locator(".dot[style*=rgb]").wait_for()
        page.wait_for_timeout(2000)
        _save(page.screenshot(), folder / "hint.jpg")


def _save(screenshot: bytes, path: Path) -> None:
    image = Image.open(io.BytesIO(screenshot)).convert("RGB")
    image.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    save_image(image, path, quality=85)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    take_pictures(folder)
    take_page_picture(folder)
