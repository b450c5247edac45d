"""Add a trained run to the package, as a checkpoint with the run's name.

python -m colorizer.release.add_checkpoint runs/colorful
"""

import json
import re
import sys
from pathlib import Path

import skimage
from PIL import Image

from colorizer.approaches.base.checkpoint_files import CONFIG, GRAPHS, WEIGHTS
from colorizer.atomic_write import copy_file, write_text
from colorizer.checkpoints import FOLDER, SAMPLES, THUMBNAIL
from colorizer.errors import CheckpointError
from colorizer.graphs.network import graph_names
from colorizer.hub.loading import load_model
from colorizer.hub.run_records import publishable, read_record
from colorizer.photos.files.saving import save_image
from colorizer.pipelines.image_colorization import pipeline

MAX_BYTES = 16 * 2**20
# Cards and app show the learning curves. Samples are not copied: their photos are not ours to publish.
FILES = (CONFIG, WEIGHTS, "curves.png")
# A NASA photo, free of rights, from scikit-image: a face, cloth and a flag, whose colors everybody knows.
PHOTO = Path(skimage.__file__).parent / "data" / "astronaut.png"
CROP = (40, 0, 400, 360)
THUMBNAIL_SIDE = 144


def add_checkpoint(run: Path, *, name: str | None = None, package: Path = FOLDER) -> Path:
    """Copy a run's checkpoint, curves and record into `package`, as `name` (default: the run's own). Return the folder.

    A thumbnail colored by the checkpoint is added.

    Raises:
        CheckpointError: the run holds no complete checkpoint with its record, or one over 16 MiB.
    """
    model = load_model(run)
    graphs = graph_names(model)
    if (num_bytes := (run / WEIGHTS).stat().st_size) > MAX_BYTES:
        raise CheckpointError(
            f"{run / WEIGHTS} has {num_bytes / 2**20:.1f} MiB, over the package's limit of {MAX_BYTES / 2**20:.0f} MiB: "
            "train with a smaller --width."
        )
    for file in (*FILES, *graphs, "training.json"):
        if not (run / file).is_file():
            raise CheckpointError(
                f"{run / file} is missing: the run is unfinished. Resume it with --resume_from_checkpoint."
            )
    training = publishable(read_record(run / "training.json", dict))
    folder = package / (name or run.resolve().name)
    folder.mkdir(exist_ok=True)
    for file in (*FILES, *graphs):
        copy_file(run / file, folder / file)
    # Keep the number of photos left out, but not their names, which are private.
    training["dataset"]["report"] = re.sub(r"(left out: [^:]*):.*", r"\1", training["dataset"]["report"])
    write_text(folder / "training.json", json.dumps(training, indent=1, ensure_ascii=False) + "\n")
    save_thumbnail(folder)
    # Delete samples and graphs of earlier weights; `make pictures` writes new samples.
    for file in {SAMPLES, *GRAPHS} - set(graphs):
        (folder / file).unlink(missing_ok=True)
    return folder


def save_thumbnail(folder: Path) -> None:
    """Color `PHOTO`, the same for all checkpoints to compare them, and save it small into the folder."""
    with Image.open(PHOTO) as photo:
        colored = pipeline(folder)(photo.crop(CROP))
    thumbnail = colored.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    save_image(thumbnail, folder / THUMBNAIL, quality=80)


if __name__ == "__main__":
    for given in sys.argv[1:]:
        print(add_checkpoint(Path(given)))
