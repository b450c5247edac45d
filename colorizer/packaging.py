"""Take a trained run into the package: `python -m colorizer.packaging runs/colorful`, as a checkpoint of the run's name."""

import json
import re
import shutil
import sys
from pathlib import Path

from colorizer.checkpoints import FOLDER
from colorizer.errors import CheckpointError
from colorizer.loading import CONFIG, WEIGHTS, load_model
from colorizer.records import publishable

MAX_BYTES = 16 * 2**20
# The learning curves are shown by cards and app. Samples stay behind: the photos on them are not ours to publish.
FILES = (CONFIG, WEIGHTS, "curves.png")


def take_in(run: Path, *, name: str | None = None, package: Path = FOLDER) -> Path:
    """Copy a run's checkpoint, curves and record into `package`, as `name` or the run's own; returns the folder.

    Raises:
        CheckpointError: the run holds no whole checkpoint with its record, or one over 16 MiB.
    """
    load_model(run)
    if (num_bytes := (run / WEIGHTS).stat().st_size) > MAX_BYTES:
        raise CheckpointError(
            f"{run / WEIGHTS} has {num_bytes / 2**20:.1f} MiB and the package takes {MAX_BYTES / 2**20:.0f} at most: "
            "train at a smaller --width."
        )
    for file in (*FILES, "training.json"):
        if not (run / file).is_file():
            raise CheckpointError(
                f"{run / file} is missing: the run has not ended. Go on with --resume_from_checkpoint."
            )
    folder = package / (name or run.resolve().name)
    folder.mkdir(exist_ok=True)
    for file in FILES:
        shutil.copyfile(run / file, folder / file)
    training = publishable(json.loads((run / "training.json").read_text(encoding="utf-8")))
    # What was left out is counted; which photos it was is nobody else's business.
    training["dataset"]["report"] = re.sub(r"(left out: [^:]*):.*", r"\1", training["dataset"]["report"])
    (folder / "training.json").write_text(json.dumps(training, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


if __name__ == "__main__":
    for given in sys.argv[1:]:
        print(take_in(Path(given)))
