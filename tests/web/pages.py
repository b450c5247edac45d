"""Steps of the tests on the page, and the photos that they give it."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

THUMBS = ".film button:not([data-id=truth]) span[style*=blob]"
COLORED = ".viewer:not(.waiting, .local) .picture.right[src^=blob]"


def small(pixels: np.ndarray, width: int = 160) -> Image.Image:
    image = Image.fromarray(pixels)
    return image.resize((width, round(width * image.height / image.width)))


def turned(image: Image.Image) -> bytes:
    """Return a JPEG that says in its EXIF data to be turned by a quarter."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    image.save(stream, "JPEG", exif=exif, quality=95, subsampling=0)
    return stream.getvalue()


def encoded(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return stream.getvalue()


def choose(page: Page, photo: Path) -> None:
    """Choose a photo and wait until it is in color."""
    expect(page.locator(".film button")).not_to_have_count(0)
    before = page.locator(".picture.right").get_attribute("src") or ""
    page.set_input_files("input[type=file]", photo)
    expect(page.locator(".picture.right")).not_to_have_attribute("src", before)
    expect(page.locator(COLORED)).to_have_count(1)
    expect(page.locator(".film [aria-selected=true] span")).to_have_attribute("style", re.compile("blob:"))


def thumb(page: Page, number: int) -> Locator:
    """Return the button of an approach, counted without that of the true colors, which only a color photo has."""
    return page.locator(".film button:not([data-id=truth])").nth(number)


def downloaded(page: Page, act: Callable[[], None]) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        act()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def pixels_of(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
