"""Benchmark of the page without a server, in a real browser.

    python -m benchmarks.web [--repeats 5]

Builds the page, opens it for the first time, drops photos of 1 and 12 megapixels on it, and prints the seconds until the sample
is seen and until the first network is loaded; until a photo has its first colors, for the first photo and as the median of the
others; of a slider's answer, and of a download at full size. Goals, on two idle cores: 0.5 s for the sample, 1.5 and 4 s for a
photo, 0.05 s for a slider.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.app import SLIDE, photo_bytes
from colorizer.release.app_pictures import running
from colorizer.web.build import build_page

# In the page: the time of the drop, and of the first colors that are seen after it.
WATCH = """async ([bytes, number]) => {
  const find = (selector) => document.querySelector(".viewer " + selector), right = find(".picture.right");
  const before = right.src, start = performance.now(), transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], `photo-${number}.jpg`, {type: "image/jpeg"}));
  document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
  const isColored = () => right.src !== before && right.complete && /colored by/.test(right.alt)
    && !document.querySelector(".viewer").matches(".local, .waiting");
  while (!isColored()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (performance.now() - start > 120000) throw new Error("the photo was not colored within two minutes");
  }
  return (performance.now() - start) / 1000;
}"""


def measure(page: Page, address: str, repeats: int) -> None:
    """Print the figures of a page that was never visited."""
    start = time.perf_counter()
    page.goto(address)
    page.locator(".picture.right[src]").wait_for()
    print(f"the sample is seen: {time.perf_counter() - start:.2f} s")
    page.locator("#offline:not(:empty)").wait_for(timeout=120_000)
    print(f"the first network is loaded: {time.perf_counter() - start:.2f} s")
    for megapixels in (1, 12):
        times = []
        for number in range(repeats + 1):
            times.append(page.evaluate(WATCH, [photo_bytes(megapixels, number), number]))
            page.wait_for_timeout(500)
        print(f"{megapixels} MP: first {times[0]:.2f} s, then {statistics.median(times[1:]):.2f} s")
        answers = []
        for value in range(2, 3 + repeats):
            answers.append(page.evaluate(SLIDE, ["#tone input", str(value / 10)]))
            page.wait_for_timeout(1500)
        print(f"    slider: {statistics.median(answers[1:]):.3f} s")
        start = time.perf_counter()
        with page.expect_download(timeout=120_000):
            page.locator("[data-do=save]").click()
        print(f"    download at full size: {time.perf_counter() - start:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name, "page")
        build_page(folder)
        server = "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder), "PORT"
        with running(*server) as address:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            time.sleep(2)  # the server starts
            measure(page, address, repeats)
            browser.close()


if __name__ == "__main__":
    main()
