"""The page without a server in a browser: the colors of `pipeline`, and nothing sent."""

import io
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from skimage import data

from colorizer import list_checkpoints, pipeline
from colorizer.photos.adjusting import adjust
from colorizer.photos.merging import merge_colors
from colorizer.viewer.examples import EXAMPLES
from tests.demo.pages import ARTIFACTS
from tests.web.conftest import WAIT, Site
from tests.web.pages import COLORED, THUMBS, choose, downloaded, encoded, pixels_of, small, thumb


def names_in(page: Page) -> list[str]:
    return [model["id"] for model in page.evaluate("async () => (await (await fetch('models.json')).json()).models")]


def test_every_network_gives_the_colors_of_the_pipeline(page: Page, photos: list[Path]) -> None:
    names = names_in(page)
    assert sorted(names) == sorted(list_checkpoints())
    page.locator("#format select").select_option("image/png")
    choose(page, photos[0])
    for number in range(1, len(names)):
        thumb(page, number).click()
        expect(thumb(page, number)).to_have_attribute("aria-selected", "true")
    pipes = {name: pipeline(name) for name in names}
    for index, photo in enumerate(photos):
        if index:
            choose(page, photo)
        expect(page.locator(THUMBS)).to_have_count(len(names))
        name, content = downloaded(page, page.locator("[data-do=zip]").click)
        assert name == f"{photo.stem}-colors.zip"
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert sorted(archive.namelist()) == sorted(f"{photo.stem}-{model}.png" for model in names)
            for model, pipe in pipes.items():
                difference = np.abs(
                    pixels_of(archive.read(f"{photo.stem}-{model}.png")) - np.asarray(pipe(str(photo)).convert("RGB"))
                )
                assert difference.mean() <= 1, (photo.name, model, difference.mean())
                assert difference.max() <= 4, (photo.name, model, difference.max())


def test_pixels_are_merged_as_by_python(page: Page) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (61, 47, 3), np.uint8)
    pixels[:20] = pixels[:20, :, :1]  # gray ones, too
    ab = random.normal(0, 40, (2, 7, 5)).astype(np.float32)
    rgba = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    script = """async ({ pixels, ab, tone }) => {
      const { adjust, merger } = await import("./color.js");
      const merged = Uint8ClampedArray.from(pixels);
      merger(adjust({ data: Float32Array.from(ab), width: 5, height: 7 }, tone), 47, 61)(merged, 0);
      return [...merged];
    }"""
    for tone in ({}, {"saturation": 1.7, "warmth": -20, "strength": 0.6}):
        merged = page.evaluate(script, {"pixels": rgba.ravel().tolist(), "ab": ab.ravel().tolist(), "tone": tone})
        ours = np.array(merged).reshape(61, 47, 4)[..., :3]
        expected = merge_colors(pixels, adjust(torch.from_numpy(ab), **tone)).astype(int)
        assert np.abs(ours - expected).max() <= 1
        assert (ours != expected).mean() < 0.01


def test_a_color_is_fixed_as_by_the_pipeline_and_taken_back(page: Page, photos: list[Path]) -> None:
    photo = photos[1]
    page.locator("#format select").select_option("image/png")
    choose(page, photo)
    before = downloaded(page, page.locator("[data-do=save]").click)
    page.locator("[data-do=fix]").click()
    box = page.locator(".frame").bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"])
    expect(page.locator(".swatches button")).not_to_have_count(0)
    src = page.locator(".picture.right").get_attribute("src")
    page.locator(".own input").evaluate(
        "input => { input.value = '#3060c0'; input.dispatchEvent(new Event('change', { bubbles: true })); }"
    )
    expect(page.locator(".picture.right")).not_to_have_attribute("src", src)
    dot = page.locator(".dot").evaluate("dot => [dot.style.left, dot.style.top]")
    width, height = Image.open(photo).size
    x, y = (float(part.rstrip("%")) / 100 for part in dot)
    _, content = downloaded(page, page.locator("[data-do=save]").click)
    hints = [(x * (width - 1), y * (height - 1), (0x30, 0x60, 0xC0))]
    difference = np.abs(pixels_of(content) - np.asarray(pipeline()(str(photo), hints=hints)))
    assert difference.mean() <= 1
    assert np.percentile(difference, 99) <= 4
    page.screenshot(path=ARTIFACTS / "web-fix.png")
    page.locator("[data-do=undo]").click()
    expect(page.locator(".dot[aria-label*='not chosen']")).to_have_count(1)
    page.locator("[data-do=fix]").click()
    expect(page.locator(".viewer.fixing")).to_have_count(0)
    assert downloaded(page, page.locator("[data-do=save]").click)[1] == before[1]


def test_networks_that_are_asked_for_at_the_same_time_keep_apart(page: Page, photos: list[Path]) -> None:
    page.locator("#format select").select_option("image/png")
    names = names_in(page)
    choose(page, photos[1])
    for number in (2, 3, 5):
        thumb(page, number).click()
    expect(page.locator(THUMBS)).to_have_count(4)
    for number in (2, 3, 5):
        thumb(page, number).click()
        _, content = downloaded(page, page.locator("[data-do=save]").click)
        assert np.abs(pixels_of(content) - np.asarray(pipeline(names[number])(str(photos[1])))).max() <= 4


def test_sliders_change_the_picture_and_the_file(page: Page, photos: list[Path]) -> None:
    choose(page, photos[1])
    src = page.locator(".picture.right").get_attribute("src")
    page.locator("[name=saturation]").fill("0")
    expect(page.locator(".picture.right")).not_to_have_attribute("src", src)
    expect(page.locator("#tone output").first).to_have_text("0")
    name, content = downloaded(page, page.locator("[data-do=save]").click)
    assert name == "cup-default.jpg"
    assert np.ptp(pixels_of(content), axis=2).mean() < 2
    page.locator("#tone button").click()
    expect(page.locator("#tone output").first).to_have_text("1")
    _, content = downloaded(page, page.locator("[data-do=save]").click)
    assert np.ptp(pixels_of(content), axis=2).mean() > 8


def test_the_first_visit_is_small_and_the_next_needs_no_connection(page: Page, site: Site, photos: list[Path]) -> None:
    expect(page.locator("#offline")).to_contain_text("without a connection")
    assert site.num_bytes < 14e6
    site.stop()
    page.reload()
    choose(page, photos[0])
    page.locator("[name=warmth]").fill("9")
    thumb(page, 3).click()
    expect(page.locator(".status")).to_contain_text("is there a connection?")
    expect(thumb(page, 3).locator("small")).to_contain_text("MB")  # offered again


def test_what_is_no_photo_gets_a_sentence(page: Page, photos: list[Path]) -> None:
    expect(page.locator("#offline")).not_to_be_empty()  # nothing else is going on
    page.set_input_files(
        "input[type=file]", {"name": "scan.heic", "mimeType": "image/heic", "buffer": b"\0\0\0\x18ftypheic"}
    )
    expect(page.locator(".status")).to_contain_text("can't read scan.heic")
    expect(page.locator("[data-do=save]")).to_be_disabled()
    expect(page.locator(".handle")).not_to_be_visible()
    page.set_input_files("input[type=file]", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"})
    expect(page.locator(".status")).to_contain_text("a.txt is not a photo")
    choose(page, photos[0])
    expect(page.locator(".status")).to_contain_text("is shown")
    expect(page.locator("[data-do=save]")).to_be_enabled()


def test_another_photo_takes_the_place_of_one_that_is_being_colored(page: Page, photos: list[Path]) -> None:
    large = encoded(small(data.rocket(), 4000), "JPEG")  # still being read when the small one is there
    page.set_input_files("input[type=file]", {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": large})
    choose(page, photos[3])
    thumb(page, 4).click()  # still being loaded when the next photo is there
    choose(page, photos[4])
    expect(page.locator(THUMBS)).to_have_count(2)
    choose(page, photos[3])
    ratio = page.locator(".frame").evaluate("frame => frame.clientWidth / frame.clientHeight")
    width, height = Image.open(photos[3]).size
    assert math.isclose(ratio, width / height, rel_tol=0.03)
    name, _ = downloaded(page, page.locator("[data-do=save]").click)
    assert name == "coins-default.jpg"


def test_a_network_that_arrives_damaged_is_not_kept(page: Page, site: Site, photos: list[Path]) -> None:
    model = page.evaluate("async () => (await (await fetch('models.json')).json()).models[5]")
    site.damaged = model["weights"][0]["path"]
    choose(page, photos[1])
    thumb(page, 5).click()
    expect(page.locator(".status")).to_contain_text("arrived damaged")
    site.damaged = None
    thumb(page, 5).click()
    expect(page.locator(THUMBS)).to_have_count(2)
    addresses = [address for address in site.addresses if address.endswith(model["weights"][0]["path"])]
    page.reload()
    choose(page, photos[1])
    thumb(page, 5).click()
    expect(page.locator(THUMBS)).to_have_count(2)
    assert [address for address in site.addresses if address.endswith(model["weights"][0]["path"])] == addresses


def test_the_opening_photo_is_downloaded_and_changed_like_any(page: Page) -> None:
    name, _ = downloaded(page, page.locator("[data-do=save]").click)
    assert name == f"{EXAMPLES[0].name}-default.jpg"
    page.reload()
    expect(page.locator(".sample")).to_contain_text(EXAMPLES[0].title)  # its script listens
    page.locator("[name=saturation]").fill("0")
    expect(page.locator(THUMBS)).to_have_count(1)
    _, content = downloaded(page, page.locator("[data-do=save]").click)
    assert np.ptp(pixels_of(content), axis=2).mean() < 2


def test_an_example_is_colored_by_a_network_on_demand(page: Page) -> None:
    expect(page.locator(".sample")).to_contain_text(EXAMPLES[0].title)
    assert page.locator("#space").get_attribute("href") == "https://example.org/app"
    offered = thumb(page, 2)
    page.locator(".film [tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(offered).to_be_focused()
    page.keyboard.press("Enter")
    expect(offered).to_have_attribute("aria-selected", "true")
    expect(page.locator(COLORED)).to_have_count(1)
    expect(page.locator("#about h2")).to_contain_text(offered.locator("b").inner_text())
    page.locator("#examples button").nth(1).click()
    expect(page.locator(COLORED)).to_have_count(1)
    expect(page.locator(THUMBS)).to_have_count(2)


@pytest.mark.parametrize(("width", "height", "theme"), [(390, 844, "dark"), (1440, 900, "light")])
def test_the_work_is_in_sight(
    browser: Browser, site: Site, photos: list[Path], width: int, height: int, theme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme, has_touch=width < 600
    )
    page = context.new_page()
    page.set_default_timeout(WAIT)
    page.goto(site.url)
    choose(page, photos[4])
    page.screenshot(path=ARTIFACTS / f"web-{width}-{theme}.png")
    for name in ("open", "save"):
        box = page.locator(f"[data-do={name}]").bounding_box()
        assert box["y"] + box["height"] <= height, name
        assert box["height"] >= 40
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".handle").get_attribute("role") == "slider"
    context.close()
