"""The Film tab in a real browser, as a visitor uses it."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.clips import PITCH, RATE, frames_of, make_clip, pan, pitch_of
from tests.demo.pages import ARTIFACTS, WAIT, visit


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    """The Film tab on a wide light screen; a request to any other machine fails the test."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    for _ in visit(page, app_url):
        page.get_by_role("tab", name="Film").click()
        yield page


def choose(page: Page, clip: str | Path) -> None:
    box = page.locator("#clip")
    if box.get_by_role("button", name="Clear").is_visible():
        box.get_by_role("button", name="Clear").click()
    box.locator("input[type=file]").set_input_files(clip)
    expect(box.get_by_label("Clear")).to_be_visible()


def colorize(page: Page, clip: str | Path, model: str) -> Locator:
    """Press the button for a clip; returns the line that says how it goes."""
    choose(page, clip)
    page.get_by_role("tabpanel").get_by_label("Approach", exact=True).filter(visible=True).click()
    page.get_by_role("option", name=model).click()
    page.get_by_role("button", name="Colorize the clip").click()
    return page.locator("#video-status")


def screenshot(page: Page, name: str) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True, animations="disabled")


def test_a_clip_comes_back_with_its_sound(page: Page, clip: str, tmp_path: Path) -> None:
    for limit in ("30 seconds", "900 frames", "2.1 megapixels", "40 MB"):
        expect(page.locator("#limits")).to_contain_text(limit)
    status = colorize(page, clip, "tiny-dense")
    expect(status).to_have_text(f"{RATE} frames colored, one scene.")
    player = page.locator("#colored-clip video")
    expect(player).to_have_js_property("videoWidth", 64)
    assert player.evaluate("video => video.captureStream().getAudioTracks().length") == 1
    with page.expect_download() as download:
        page.get_by_role("button", name="Download (MP4)").click()
    assert download.value.suggested_filename == "harbor-view-tiny-dense.mp4"
    file = tmp_path / "colored.mp4"
    download.value.save_as(file)
    assert len(frames_of(file)) == RATE
    assert pitch_of(file) == pytest.approx(PITCH, abs=3)
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 900})
        for theme in ("light", "dark"):
            page.evaluate("theme => document.body.classList.toggle('dark', theme == 'dark')", theme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            screenshot(page, f"video-{width}-{theme}")


@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [
        ("pan.avi", "mpeg4", "mp3"),
        ("PAN.MPG", "mpeg2video", "mp2"),
        ("pan.wmv", "wmv2", None),
        ("pan.mp4", "libx264", "aac"),
    ],
)
def test_a_clip_is_seen_before_it_is_colored(
    page: Page, tmp_path: Path, name: str, codec: str, sound: str | None
) -> None:
    choose(page, make_clip(tmp_path / name, pan(), codec=codec, sound=sound, options={}))
    player = page.locator("#clip-preview video")
    expect(player).to_have_js_property("videoWidth", 64)
    expect(page.get_by_text("not playable")).to_have_count(0)
    page.locator("#clip").get_by_label("Clear").click()
    expect(player).to_be_hidden()


def work_folders(files: Path) -> list[str]:
    """Folders of clips that are being colored; unlike `rglob`, a walk goes on where one is removed meanwhile."""
    return [name for _, folders, _ in os.walk(files) for name in folders if name.endswith(".coloring")]


def test_stop_ends_the_work_and_leaves_nothing(page: Page, app_files: Path, tmp_path: Path) -> None:
    long = make_clip(tmp_path / "long.mp4", pan(40) * 15, sound=None)
    status = colorize(page, long, "tiny-colorful")
    expect(status).to_contain_text(re.compile(r"[1-5]\d\d of 600 frames left, about \d+ s"))
    assert work_folders(app_files)
    screenshot(page, "video-running")
    page.get_by_role("button", name="Stop").filter(visible=True).click()
    expect(status).to_have_text("Stopped. Nothing was saved.")
    expect(page.get_by_role("button", name="Colorize the clip")).to_be_visible()
    deadline = time.monotonic() + WAIT / 1000
    while work_folders(app_files) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not work_folders(app_files)


def test_what_is_wrong_is_said_in_the_page(page: Page, clip: str, broken_clip: str) -> None:
    status = page.locator("#video-status")
    page.get_by_role("button", name="Colorize the clip").click()
    expect(status).to_contain_text("Choose a clip first")
    colorize(page, broken_clip, "tiny-dense")
    expect(status).to_contain_text("broken.mp4 is not a video")
    expect(page.get_by_test_id("toast-body")).to_have_count(0)  # it is said once
    assert "Traceback" not in page.content()
    expect(colorize(page, clip, "tiny-dense")).to_contain_text("frames colored")
