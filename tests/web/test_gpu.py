"""The page without a server on a GPU, which Chromium emulates: it colors where it gives WebAssembly's colors."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from colorizer import pipeline
from tests.browser import find_browser
from tests.web.conftest import Site
from tests.web.pages import choose, downloaded, pixels_of

EMULATION = (
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
)
WRONG = """
export const env = { wasm: {} };
export class Tensor {
  constructor(type, data, dims) { Object.assign(this, { data, dims }); }
}
const run = async ({ lightness: { dims: [, , height, width] } }) =>
  ({ ab: { data: new Float32Array(2 * height * width).fill(3), dims: [1, 2, height, width] } });
export const InferenceSession = { create: async () => ({ run }) };
"""
LOST = """
import * as ort from "./ort-wasm.js";
export const env = { wasm: {} }, { Tensor } = ort;
const { body } = await fetch("ort-wasm.bin");
Object.assign(ort.env.wasm, { numThreads: 1,
  wasmBinary: await new Response(body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer() });
let runs = 0;
export const InferenceSession = { create: async (content, options) => {
  const session = await ort.InferenceSession.create(content, { ...options, executionProviders: ["wasm"] });
  return { run: async (inputs) => {
    if (++runs > 2) throw new Error("was lost");
    return session.run(inputs);
  } };
} };
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox", *EMULATION])
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def one_network(built: Path, site: Site) -> None:
    """Serve the smallest network alone: an emulated GPU is slow."""
    manifest = json.loads((built / "people" / "page" / "models.json").read_text(encoding="utf-8"))
    manifest["models"] = [model for model in manifest["models"] if model["id"] == "dense"]
    site.replaced["models.json"] = json.dumps(manifest).encode()


def color_two(page: Page, site: Site, photos: list[Path], found: str) -> list[str]:
    """Color a photo, wait for what is `found` about the network, and return it and what comes with the next photo's colors."""
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(f"{site.url}?webgpu=always")
    page.locator("#format select").select_option("image/png")
    with page.expect_console_message(lambda message: found in message.text):
        choose(page, photos[0])
    choose(page, photos[1])
    _, content = downloaded(page, page.locator("[data-do=save]").click)
    difference = np.abs(pixels_of(content) - np.asarray(pipeline("dense")(str(photos[1])).convert("RGB")))
    assert difference.mean() <= 1
    assert difference.max() <= 4
    return [message for message in messages if "WebGPU" in message]


def test_the_gpu_colors_where_it_gives_the_same_colors(page: Page, site: Site, photos: list[Path]) -> None:
    (found,) = color_two(page, site, photos, "WebGPU colors by dense")
    assert float(found.split("differs by ")[1].split(",")[0]) < 0.01


def test_a_network_that_it_gives_other_colors_stays_with_webassembly(
    page: Page, site: Site, photos: list[Path]
) -> None:
    site.replaced["ort-webgpu.js"] = WRONG.encode()
    assert len(color_two(page, site, photos, "since WebGPU differs by")) == 1


def test_a_photo_gets_its_colors_though_the_gpu_is_lost(page: Page, site: Site, photos: list[Path]) -> None:
    site.replaced["ort-webgpu.js"] = LOST.encode()
    messages = color_two(page, site, photos, "WebGPU colors by dense")
    assert messages[1:] == ["WebAssembly colors by dense, since WebGPU was lost"]
