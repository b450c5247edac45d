"""Benchmark of the input pipeline: the common tutorial's way against ours in one run, in photos per second of CPU time.

    python -m benchmarks.input [--num-photos 192] [--width 1600 --height 1200] [--resolution 256]

The tutorial's way opens each photo with Pillow in a Dataset, resizes it and converts it to float64 Lab with
scikit-image, again in every epoch. Ours decodes once, at reduced scale, and feeds uint8 batches to the device, which
converts whole batches to Lab. Goals: at least 3× in the first pass, at least 10× in later ones. The row "and Lab on the
CPU" adds that conversion on the CPU.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

# Set before torch reads it: more threads would not process more photos per second of CPU time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from PIL import Image
from skimage import color, data
from torch.utils.data import DataLoader, Dataset

from colorizer.data import PhotoBatches, PhotoDataset, load_photos
from colorizer.photos.color import rgb_to_lab

BATCH_SIZE = 16
GOALS = {"first pass": 3, "later pass, memory-mapped": 10, "later pass, in memory": 10}


class TutorialDataset(Dataset):
    """Photos as read in dozens of tutorials."""

    def __init__(self, folder: Path, resolution: int) -> None:
        self.files = sorted(folder.glob("*.jpg"))
        self.resolution = resolution

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        photo = Image.open(self.files[index]).convert("RGB").resize((self.resolution, self.resolution))
        lab = color.rgb2lab(np.array(photo) / 255.0)
        return torch.from_numpy(lab.transpose(2, 0, 1)).float()


def write_photos(folder: Path, num_photos: int, size: tuple[int, int]) -> None:
    """Write `num_photos` different JPEGs: scikit-image's photos, each cropped slightly differently."""
    originals = [
        data.astronaut(),
        data.coffee(),
        data.chelsea(),
        data.rocket(),
        data.retina(),
        data.immunohistochemistry(),
    ]
    for number in range(num_photos):
        photo = Image.fromarray(originals[number % len(originals)])
        inset = number // len(originals)
        photo = photo.crop((inset, inset, photo.width - inset, photo.height - inset)).resize(
            size, Image.Resampling.LANCZOS
        )
        photo.save(folder / f"{number:04}.jpg", quality=90)


def batches(photos: PhotoDataset) -> Iterator[torch.Tensor]:
    """Yield our shuffled uint8 batches."""
    for batch in PhotoBatches(photos, BATCH_SIZE, seed=0, drop_last=False):
        yield batch["rgb"]


def labs(rgbs: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
    """Convert whole batches to Lab."""
    for rgb in rgbs:
        yield rgb_to_lab(rgb.float() / 255)


def photos_per_second(make: Callable[[], Iterable[torch.Tensor]], *, repeats: int = 1) -> float:
    """Return photos per second of CPU time over all threads, the best of some tries, since other programs disturb them."""
    rates = []
    for _ in range(repeats):
        start = time.process_time()
        count = sum(len(batch) for batch in make())
        rates.append(count / (time.process_time() - start))
    return max(rates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-photos", type=int, default=192)
    parser.add_argument("--width", type=int, default=1600)
    parser.add_argument("--height", type=int, default=1200)
    parser.add_argument("--resolution", type=int, default=256)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "photos")
        folder.mkdir()
        write_photos(folder, arguments.num_photos, (arguments.width, arguments.height))
        settings = {"resolution": arguments.resolution, "cache_dir": Path(temporary, "cache")}
        tutorial = DataLoader(TutorialDataset(folder, arguments.resolution), batch_size=BATCH_SIZE, shuffle=True)
        rates = {
            "tutorial": photos_per_second(lambda: tutorial),
            "first pass": photos_per_second(lambda: batches(load_photos(folder, **settings))),
        }
        for name, in_memory in (("later pass, memory-mapped", False), ("later pass, in memory", True)):
            photos = load_photos(folder, cache_in_memory=in_memory, **settings)
            rates[name] = photos_per_second(lambda photos=photos: batches(photos), repeats=3)
        rates["  and Lab on the CPU"] = photos_per_second(lambda: labs(batches(photos)), repeats=3)
        print(f"{arguments.num_photos} JPEGs of {arguments.width}×{arguments.height} at {arguments.resolution}")
        for name, rate in rates.items():
            goal = f"   goal {GOALS[name]}×" if name in GOALS else ""
            print(f"{name:28} {rate:8.0f} photos/s per core {rate / rates['tutorial']:7.1f}×{goal}")


if __name__ == "__main__":
    main()
