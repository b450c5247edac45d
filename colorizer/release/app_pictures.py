"""Take the README's screenshots of the app, in a real browser.

python -m colorizer.release.app_pictures model_cards/pictures    # from the repository's root; needs Chromium and playwright
"""

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from colorizer.photos.saving import save_image

WINDOW = {"width": 1440, "height": 900}
WIDTH = 1200
TIMEOUT = 180_000  # milliseconds
# The wall of the opening photo's pavilion, and the swatch for it.
PLACE, SWATCH = (0.56, 0.56), 3


@contextmanager
def running_app() -> Iterator[str]:
    """Start `python app.py` on a free loopback port, and yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    with subprocess.Popen([sys.executable, "app.py"], env=environment, stdout=subprocess.DEVNULL) as app:
        try:
            yield f"http://127.0.0.1:{port}/?__theme=light"
        finally:
            app.terminate()


def take_pictures(folder: Path) -> None:
    """Write app.jpg, the page as it opens, and hint.jpg, with a color fixed."""
    from playwright.sync_api import sync_playwright

    with running_app() as address, sync_playwright() as playwright:
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
        page.wait_for_timeout(2000)
        _save(page.screenshot(), folder / "app.jpg")
        page.get_by_role("button", name="Fix a color").click()
        box = page.locator(".frame").bounding_box()
        page.mouse.click(box["x"] + PLACE[0] * box["width"], box["y"] + PLACE[1] * box["height"])
        page.locator(".swatches button").nth(SWATCH).click()
        page.locator(".dot[style*=rgb]").wait_for()
        page.wait_for_timeout(2000)
        _save(page.screenshot(), folder / "hint.jpg")
        browser.close()


def _save(screenshot: bytes, path: Path) -> None:
    image = Image.open(io.BytesIO(screenshot)).convert("RGB")
    image.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    save_image(image, path, quality=85)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    take_pictures(parser.parse_args().folder)
