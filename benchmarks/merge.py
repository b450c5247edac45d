"""Benchmark of merging predicted chroma with a photo: `merge_colors` against scikit-image in one process.

    python -m benchmarks.merge [--megapixels 12] [--repeats 5]

With scikit-image: rgb2lab, replace a and b, lab2rgb, on the whole photo. The chroma is the photo's own at a network's
output size; it is upsampled in advance for scikit-image, while `merge_colors` does so itself. Prints both times (the
best of the repeats), their ratio, the largest difference where the color is inside sRGB, and the peak of the extra
memory.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from skimage import color, data
from torch import Tensor
from torch.nn import functional

from colorizer.photos.color import DELTA, RGB_TO_XYZ, rgb_to_lab
from colorizer.photos.merging import merge_colors

NETWORK_SIZE = (216, 288)


def merge_by_skimage(pixels: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Merge as the common tutorial does: uint8 (H, W, 3) and ab (H, W, 2) to uint8 (H, W, 3)."""
    lab = np.concatenate([color.rgb2lab(pixels)[..., :1], ab], axis=-1)
    return np.rint(color.lab2rgb(lab) * 255).astype(np.uint8)


def is_inside(pixels: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Return the mask of pixels whose lightness with this chroma is inside sRGB, (H, W)."""
    y = (color.rgb2lab(pixels)[..., 0] + 16) / 116
    roots = np.stack([y + ab[..., 0] / 500, y, y - ab[..., 1] / 200], axis=-1)
    xyz = np.where(roots > DELTA, roots**3, 3 * DELTA**2 * (roots - 4 / 29)) * np.sum(RGB_TO_XYZ, axis=1)
    linear = xyz @ np.linalg.inv(RGB_TO_XYZ).T
    return ((linear >= 0) & (linear <= 1)).all(-1)


def best_time(run: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """Return the seconds of the fastest of `repeats` runs, and the result."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def peak_memory(run: Callable[[], np.ndarray]) -> int:
    """Return the peak memory of `run` in bytes, with its result. NumPy reports its arrays to tracemalloc."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def enlarge(ab: Tensor, height: int, width: int) -> np.ndarray:
    """Upsample ab (2, h, w) to (height, width, 2)."""
    return functional.interpolate(ab[None], (height, width), mode="bilinear")[0].permute(1, 2, 0).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    height = round((arguments.megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    print(f"{width}×{height} pixels, {torch.get_num_threads()} threads")
    for name in ("astronaut", "coffee", "chelsea"):
        image = Image.fromarray(getattr(data, name)())
        pixels = np.array(image.resize((width, height), Image.Resampling.BICUBIC))
        small = np.array(image.resize(NETWORK_SIZE[::-1], Image.Resampling.BOX))
        ab = rgb_to_lab(torch.from_numpy(small).permute(2, 0, 1) / 255)[1:]
        large = enlarge(ab, height, width)

        # Alternate, so that other load on the machine affects both.
        ours, theirs = [], []
        for _ in range(arguments.repeats):
            seconds, merged = best_time(lambda pixels=pixels, ab=ab: merge_colors(pixels, ab), 2)
            ours.append(seconds)
            seconds, expected = best_time(lambda pixels=pixels, large=large: merge_by_skimage(pixels, large), 1)
            theirs.append(seconds)
        difference = np.abs(merged.astype(np.int16) - expected)[is_inside(pixels, large)].max()
        memory = peak_memory(lambda pixels=pixels, ab=ab: merge_colors(pixels, ab)) / pixels.nbytes
        print(
            f"{name:10} scikit-image {min(theirs):.2f} s, merge {min(ours):.3f} s: {min(theirs) / min(ours):.1f} times as "
            f"fast; largest difference inside sRGB {difference} of 255; extra memory {memory:.2f} times the photo"
        )


if __name__ == "__main__":
    main()
