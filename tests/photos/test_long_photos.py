"""Photos of one pixel by millions: as quick, and in as little memory, as others of as many pixels."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from colorizer.photos import lightness
from colorizer.photos.lightness import compute_lightness

SECONDS = 20  # 3 where the machine is not busy
# The photo and the result take 60 MB each, the lightness 80 MB, and the weights of the resizing 150 MB.
MEMORY = 600_000_000
PROGRAM = """
import resource, sys, time
import numpy as np, torch
from colorizer.photos.lightness import compute_lightness
from colorizer.photos.merging import merge_colors

torch.set_num_threads(1)
merge_colors(np.zeros((8, 8, 3), np.uint8), torch.zeros(2, 8, 8))
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + {memory}, size + {memory}))
start = time.monotonic()
pixels = np.full(({height}, {width}, 3), 100, np.uint8)
lightness = compute_lightness(pixels, (256, 256))
assert float(lightness.std()) < 1e-3, lightness
merged = merge_colors(pixels, torch.full((2, 256, 256), 5.0))
assert (merged == merged[0, 0]).all()
print(time.monotonic() - start)
"""


@pytest.mark.parametrize("size", [(1, 20_000_000), (20_000_000, 1)])
def test_a_photo_of_one_pixel_by_millions(size: tuple[int, int]) -> None:
    program = PROGRAM.format(memory=MEMORY, width=size[0], height=size[1])
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert float(finished.stdout) < SECONDS


def test_resizing_in_two_steps_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4000, 3, 3), np.uint8)
    expected = compute_lightness(pixels, (64, 32))
    monkeypatch.setattr(lightness, "_MAX_WIDENED", 0)
    torch.testing.assert_close(compute_lightness(pixels, (64, 32)), expected, atol=1e-3, rtol=0)
