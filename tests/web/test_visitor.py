"""Actions of a visitor by clipboard, fingers and sliders, and with large photos, wide color spaces or little room."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from playwright.sync_api import Browser, Page, expect
from skimage import data

from colorizer import pipeline
from tests.photos import color_profiles
from tests.web.conftest import WAIT, Site
from tests.web.pages import COLORED, choose, downloaded, encoded, pixels_of, small

# Width, height and pixels of the picture in the clipboard.
PASTEBOARD = """async () => {
  const [item] = await navigator.clipboard.read(), image = await createImageBitmap(await item.getType("image/png"));
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  return [image.width, image.height, [...context.getImageData(0, 0, image.width, image.height).data]];
}"""


def test_a_photo_is_pasted_and_its_colors_are_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#format select").select_option("image/png")
    photo = small(data.coins(), 90)
    page.evaluate(
        """async (content) => {
          const blob = new Blob([new Uint8Array(content)], { type: "image/png" });
          await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
        }""",
        list(encoded(photo, "PNG")),
    )
    page.locator("[name=saturation]").focus()
    page.keyboard.press("Control+V")
    expect(page.locator(COLORED)).to_have_count(1)
    expect(page.locator(".film [aria-selected=true] span")).to_have_attribute("style", re.compile("blob:"))
    name, content = downloaded(page, page.locator("[data-do=save]").click)
    assert name == "image-default.png"
    page.locator("[data-do=copy]").click()
    expect(page.locator(".status")).to_have_text("Copied")
    width, height, pixels = page.evaluate(PASTEBOARD)
    assert (width, height) == photo.size
    copied = np.array(pixels).reshape(height, width, 4)[..., :3]
    assert np.abs(copied - pixels_of(content)).mean() < 6  # what is seen is a JPEG


def test_two_fingers_zoom_and_one_then_moves_the_photo_no_further(browser: Browser, site: Site) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(WAIT)
    page.goto(site.url)
    box = page.locator(".frame").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = context.new_cdp_session(page)

    def touch(kind: str, **places: tuple[float, float]) -> list[float]:
        """Start, move or end fingers at places about the middle; return the picture's scale and shifts."""
        numbers = {"left": 0, "right": 1}
        points = [{"id": numbers[name], "x": x + far, "y": y + down} for name, (far, down) in places.items()]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
        return page.locator(".picture.right").evaluate("""async (picture) => {
            for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);  // moves wait for a frame
            const { a, e, f } = new DOMMatrix(getComputedStyle(picture).transform);
            return [a, e, f];
        }""")

    touch("Start", left=(-20, 0))
    touch("Start", left=(-20, 0), right=(20, 0))
    for far in (25, 30, 35, 40):
        zoomed = touch("Move", left=(-far, 0), right=(far, 0))
    assert zoomed[0] == pytest.approx(2, rel=0.05)
    assert zoomed[1:] == pytest.approx((-box["width"] / 2, -box["height"] / 2), abs=8)  # about the fingers' middle
    touch("End", right=(40, 0))
    moved = touch("Move", left=(-30, 6))
    assert moved == pytest.approx((zoomed[0], zoomed[1] + 10, zoomed[2] + 6), abs=2)
    touch("End")
    assert page.evaluate("visualViewport.scale") == 1  # the page itself stays as it is
    context.close()


def test_a_slider_moves_while_a_photo_of_50_megapixels_is_worked_on(page: Page) -> None:
    expect(page.locator("#offline")).not_to_be_empty()  # nothing else is going on
    large = Image.fromarray(data.rocket()).convert("L").resize((8660, 5774))
    stream = io.BytesIO()
    large.save(stream, "JPEG", quality=60)
    before = page.locator(".picture.right").get_attribute("src")
    page.set_input_files(
        "input[type=file]", {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": stream.getvalue()}
    )
    page.locator("[name=saturation]").fill("0.5")
    page.locator("[name=saturation]").fill("0")
    expect(page.locator("#tone output").first).to_have_text("0")
    expect(page.locator(".picture.right")).not_to_have_attribute("src", before)
    expect(page.locator(COLORED)).to_have_count(1)
    shown = page.locator(".picture.right").evaluate(
        "async (picture) => [...new Uint8Array(await (await fetch(picture.src)).arrayBuffer())]"
    )
    assert np.ptp(pixels_of(bytes(shown)), axis=2).mean() < 2


@pytest.mark.parametrize(("name", "mode"), [("ADOBE_RGB", "L"), ("DISPLAY_P3", "RGB")])
def test_a_photo_in_a_wide_color_space_gets_the_colors_of_the_pipeline(
    page: Page, tmp_path: Path, name: str, mode: str
) -> None:
    profile = color_profiles.rgb(*getattr(color_profiles, name))
    small(data.coffee()).convert(mode).convert("RGB").save(tmp_path / "photo.png", icc_profile=profile)
    page.locator("#format select").select_option("image/png")
    choose(page, tmp_path / "photo.png")
    _, content = downloaded(page, page.locator("[data-do=save]").click)
    expected = ImageCms.profileToProfile(
        pipeline()(str(tmp_path / "photo.png")), io.BytesIO(profile), ImageCms.createProfile("sRGB")
    )
    difference = np.abs(pixels_of(content) - np.asarray(expected))
    assert difference.mean() <= 1
    assert np.percentile(difference, 99) <= 4  # a browser converts to sRGB in 8 bits, and the pipeline not at all


def test_a_device_without_room_colors_all_the_same(browser: Browser, site: Site, photos: list[Path]) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(WAIT)
    origin = site.url.removesuffix("/people/page/")
    context.new_cdp_session(page).send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 2_000_000})
    page.goto(site.url)
    choose(page, photos[0])
    expect(page.locator("#offline")).to_contain_text("no room")
    context.close()
