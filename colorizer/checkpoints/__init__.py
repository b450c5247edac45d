"""Trained checkpoints that come with the package: one folder each, with config.json and model.safetensors."""

from pathlib import Path

from colorizer.errors import CheckpointError, quote

FOLDER = Path(__file__).parent
DEFAULT = "default"
"""The best checkpoint."""
EVALUATION = FOLDER / "evaluation.json"
"""Results of all checkpoints on the same test photos, read by the cards, the README and the app."""
THUMBNAIL = "thumbnail.webp"
"""In each checkpoint's folder: its coloring of one small photo, the same for all checkpoints."""
SAMPLES = "samples.webp"
"""In each checkpoint's folder: its colorings of the same large photos, none of them used for training."""


def list_checkpoints() -> list[str]:
    """Return the names of the checkpoints in the package, as `pipeline` takes them: the best, `default`, then the others."""
    names = (config.parent.name for config in FOLDER.glob("*/config.json"))
    return sorted(names, key=lambda name: (name != DEFAULT, name))


def checkpoint_folder(name: str) -> Path:
    """Return the folder of a checkpoint that comes with the package.

    Raises:
        CheckpointError: no checkpoint has this name; the message lists the names.
    """
    if name not in list_checkpoints():
        raise CheckpointError(
            f"No checkpoint {quote(name)} comes with the package. Available: {', '.join(list_checkpoints())}."
        )
    return FOLDER / name
