"""A running `python app.py` and a client for it, shared by the benchmarks. As a program, a benchmark of its page.

    python -m benchmarks.app [--repeats 5]

Drops photos of 1 and 12 megapixels on the page in a real browser. Prints, for the first photo after the start and as the median
of the others, the seconds until the photo itself is seen, until its first colors are, and until all approaches are done; then
the answer of a slider, and the bytes that the page takes before anything is done. Goals, warm, on two idle cores: colors after
0.5 s and all after 1.2 s for 1 megapixel, 1.0 and 2.5 s for 12; at most 2 s more for the first; a slider 0.15 s; 1.3 MB.
"""

import argparse
import io
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from skimage import data

REPOSITORY = Path(__file__).parents[1]
TIMEOUT = 120.0


@contextmanager
def running_app(**environment: str) -> Iterator[tuple[subprocess.Popen, httpx.Client]]:
    """Start the app on a free loopback port. Yield it, possibly before it listens, and a client of its HTTP API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1", **environment}
    with (
        subprocess.Popen([sys.executable, "app.py"], cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL) as app,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/gradio_api", timeout=TIMEOUT, trust_env=False) as client,
    ):
        try:
            yield app, client
        finally:
            app.terminate()


def wait_for(app: subprocess.Popen, client: httpx.Client) -> None:
    """Wait until the app listens; RuntimeError if it ends or does not listen in time."""
    until = time.perf_counter() + TIMEOUT
    while time.perf_counter() < until:
        if app.poll() is not None:
            raise RuntimeError(f"app.py ended with exit code {app.returncode}.")
        try:
            client.get("/info").raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.02)
    raise RuntimeError(f"app.py does not listen after {TIMEOUT:.0f} s.")


def colorize(client: httpx.Client, photo: bytes, model: str) -> bytes:
    """Return the PNG that the app makes from a photo's file; RuntimeError if it makes none."""
    (uploaded,) = client.post("/upload", files={"files": ("photo.jpg", photo, "image/jpeg")}).json()
    image = {"path": uploaded, "meta": {"_type": "gradio.FileData"}}
    call = client.post("/call/colorize", json={"data": [image, model, 1.0, None, None, ""]}).raise_for_status().json()
    answer = client.get(f"/call/colorize/{call['event_id']}").raise_for_status().text
    if "event: complete" not in answer:
        raise RuntimeError(f"app.py did not color the photo: {answer}")
    path = answer.split('"path": "', 1)[1].split('"', 1)[0]
    return client.get(f"/file={path}").raise_for_status().content


# In the page: the time of the drop, and of everything that is seen after it.
WATCH = """async ([bytes, number]) => {
  const find = (selector) => document.querySelector(".viewer " + selector), seen = {}, start = performance.now();
  const right = find(".picture.right"), note = (name) => { seen[name] ??= (performance.now() - start) / 1000; };
  const before = right.src, transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], `photo-${number}.jpg`, {type: "image/jpeg"}));
  document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (right.src !== before && right.complete) note("photo");
    if (/preview-/.test(right.src) && right.src !== before && right.complete) { note("photo"); note("first"); }
    const line = find(".status").textContent, isReady = line.startsWith(`photo-${number}.jpg: `) && line.endsWith("are ready.");
    if (seen.first && isReady) { note("all"); return seen; }
    if (performance.now() - start > 120000) throw new Error("the photo was not colored within two minutes");
  }
}"""
SLIDE = """async ([selector, value]) => {
  const slider = document.querySelector(selector), right = document.querySelector(".picture.right");
  const before = right.src, start = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event("input", {bubbles: true}));
  while (right.src === before) await new Promise((resolve) => setTimeout(resolve, 1));
  return (performance.now() - start) / 1000;
}"""


def photo_bytes(megapixels: int, number: int) -> list[int]:
    """Return a gray JPEG of this size, a different one for each number."""
    side = round((megapixels * 1e6) ** 0.5)
    photo = Image.fromarray(data.astronaut()).convert("L").rotate(number).resize((side, side))
    stream = io.BytesIO()
    photo.save(stream, "JPEG", quality=90)
    return list(stream.getvalue())


def time_photos(page: Page, megapixels: int, repeats: int) -> list[dict[str, float]]:
    """Return the seconds until the photo, its first colors and all colors are seen, for each of some photos."""
    times = []
    for number in range(repeats):
        times.append(page.evaluate(WATCH, [photo_bytes(megapixels, number), number]))
        page.wait_for_timeout(300)
    return times


@contextmanager
def open_page(client: httpx.Client, watch: Callable[[Page], None] = lambda page: None) -> Iterator[Page]:
    """Open the app in a browser, and yield its page when it has started; `watch` sees it before it is loaded."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        watch(page)
        page.goto(str(client.base_url).replace("gradio_api/", ""))
        page.locator(".film button").first.wait_for()
        page.wait_for_timeout(3000)
        yield page
        browser.close()


def medians(times: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each time of `time_photos`."""
    return {name: statistics.median(time[name] for time in times) for name in times[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    sizes = []

    def count_bytes(page: Page) -> None:
        session = page.context.new_cdp_session(page)
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        session.send("Network.enable")

    with running_app() as (app, client):
        wait_for(app, client)
        with open_page(client, count_bytes) as page:
            print(f"page before anything: {sum(sizes) / 1e6:.2f} MB")
            (first,) = time_photos(page, 1, 1)
            print("first photo after the start: " + ", ".join(f"{name} {value:.2f} s" for name, value in first.items()))
            for megapixels in (1, 12):
                times = medians(time_photos(page, megapixels, repeats))
                print(f"{megapixels} MP: " + ", ".join(f"{name} {value:.2f} s" for name, value in times.items()))
            time_photos(page, 1, 1)
            answers = [
                page.evaluate(SLIDE, ["#adjust input[type=range]", str(value / 10)]) for value in range(2, 2 + repeats)
            ]
            print(f"slider: {statistics.median(answers):.2f} s")


if __name__ == "__main__":
    main()
