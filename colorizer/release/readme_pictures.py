"""Generate the pictures for README and cards.

python -m colorizer.release.readme_pictures FOLDER -o twelve.jpg    # or --samples, for all checkpoints
python -m colorizer.release.readme_pictures --opening               # the photo that the app opens with
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer.checkpoints import SAMPLES, checkpoint_folder, list_checkpoints
from colorizer.data.photo_dataset import spread
from colorizer.errors import ColorizerError
from colorizer.evaluation.contact_sheets import contact_sheet
from colorizer.evaluation.photo_scores import reduce, score
from colorizer.photos.files.reading import read_photo
from colorizer.photos.files.saving import save_image
from colorizer.photos.merging import gray_pixels
from colorizer.pipelines.image_colorization import pipeline
from colorizer.viewer.examples import FOLDER

NUM_PHOTOS = 12
ACROSS = 3
HEIGHT = 170
SAMPLE_HEIGHT = 140
STRIP_SIDE = 200
OPENING = FOLDER / "pavilion.webp"


def before_and_after(photos: Sequence[Path], *, model: str = "default") -> Image.Image:
    """Lay out twelve of the photos, spread evenly over their sorted names, each in gray and in color.

    The choice depends on the number of photos alone, so nobody can pick the good ones.

    Raises:
        ColorizerError: fewer than twelve photos, one that can't be read, or no such model.
    """
    if len(photos) < NUM_PHOTOS:
        raise ColorizerError(f"{NUM_PHOTOS} photos are needed, but the folder has {len(photos)}: give one with more.")
    colorize = pipeline(model)
    chosen = [sorted(photos)[place] for place in spread(NUM_PHOTOS, len(photos))]
    shown = []
    for path in chosen:
        photo = read_photo(path)
        shown += [reduce(gray_pixels(photo.pixels)), reduce(np.asarray(colorize(photo).convert("RGB")))]
    rows = [("", shown[start : start + 2 * ACROSS]) for start in range(0, len(shown), 2 * ACROSS)]
    return contact_sheet(rows, height=HEIGHT)


def samples(photos: Sequence[Path], *, model: str) -> Image.Image:
    """Lay out every color photo in gray, colored and as it is, two per row, with the worst (by ΔE2000) last.

    Raises:
        ColorizerError: no color photo, one that can't be read, or no such model.
    """
    colorize = pipeline(model)
    shown = []
    for path in sorted(photos):
        photo = read_photo(path)
        if photo.is_gray:
            continue
        truth, colored = reduce(photo.pixels), reduce(np.asarray(colorize(photo).convert("RGB")))
        error = score(colored, truth)["ciede2000"]
        shown.append((error, [reduce(gray_pixels(photo.pixels)), colored, truth], path.stem))
    if not shown:
        raise ColorizerError("No photo is in color, and samples show the true colors: give a folder with color photos.")
    shown.sort(key=lambda sample: sample[0])
    halves = [shown[start : start + 2] for start in range(0, len(shown), 2)]
    return contact_sheet(
        [("", [picture for _, pictures, _ in half for picture in pictures]) for half in halves],
        captions=[[text for error, _, name in half for text in (name, f"ΔE2000 {error:.1f}", "")] for half in halves],
        height=SAMPLE_HEIGHT,
    )


def color_opening(photo: Path) -> None:
    """Write the photo that the app opens with, beside it, in gray, and in the colors of each checkpoint, small but for one."""
    gray = Image.fromarray(gray_pixels(read_photo(photo)))
    save_image(gray, photo.with_stem(f"{photo.stem}-before"), quality=72, method=6)
    for name in list_checkpoints():
        colored = pipeline(name)(read_photo(photo)).convert("RGB")
        if name != "default":
            colored.thumbnail((STRIP_SIDE, STRIP_SIDE), Image.Resampling.LANCZOS)
        save_image(colored, photo.with_stem(f"{photo.stem}-{name}"), quality=72, method=6)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("."))
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("-o", "--output", type=Path, help="twelve photos before and after coloring by default")
    wanted.add_argument(
        "--samples", action="store_true", help=f"write {SAMPLES} into the folder of each checkpoint of the package"
    )
    wanted.add_argument("--opening", action="store_true", help="the app's first photo in the colors of each checkpoint")
    given = parser.parse_args()
    photos = [*given.folder.glob("*.jpg")]
    if given.opening:
        color_opening(OPENING)
    elif given.output:
        save_image(before_and_after(photos), given.output, quality=88)
    else:
        for name in list_checkpoints():
            save_image(samples(photos, model=name), checkpoint_folder(name) / SAMPLES, quality=75)
