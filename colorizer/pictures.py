"""The README's picture of the best checkpoint: `python -m colorizer.pictures FOLDER -o twelve.jpg`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer import images
from colorizer.errors import ColorizerError
from colorizer.evaluation.comparison import reduce
from colorizer.evaluation.places import spread
from colorizer.evaluation.sheets import contact_sheet
from colorizer.pipelines import pipeline

NUM_PHOTOS = 12
ACROSS = 3
HEIGHT = 170


def before_and_after(photos: Sequence[Path], *, model: str = "default") -> Image.Image:
    """Twelve of the photos, spread evenly over them in the order of their names, each gray and, beside it, colored.

    Which are shown follows from their number alone, so that nobody can choose the good ones.

    Raises:
        ColorizerError: fewer photos than that, one that can't be read, or no such model.
    """
    if len(photos) < NUM_PHOTOS:
        raise ColorizerError(f"{NUM_PHOTOS} photos are shown, and here are {len(photos)}: give a folder of more.")
    colorize = pipeline(model)
    chosen = [sorted(photos)[place] for place in spread(NUM_PHOTOS, len(photos))]
    shown = []
    for path in chosen:
        photo = images.read(path)
        shown += [reduce(images.gray_pixels(photo.pixels)), reduce(np.asarray(colorize(photo).convert("RGB")))]
    rows = [("", shown[start : start + 2 * ACROSS]) for start in range(0, len(shown), 2 * ACROSS)]
    return contact_sheet(rows, height=HEIGHT)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", default="default")
    given = parser.parse_args()
    before_and_after([*given.folder.glob("*.jpg")], model=given.model).save(given.output, quality=88)
