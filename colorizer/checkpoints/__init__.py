"""The trained checkpoints that come with the package: a folder each, config.json and model.safetensors."""

from pathlib import Path

from colorizer.errors import CheckpointError

FOLDER = Path(__file__).parent
EVALUATION = FOLDER / "evaluation.json"
"""All of them measured on the same test photos, which the cards, the README and the app read."""
THUMBNAIL = "thumbnail.webp"
"""In a checkpoint's folder: what it makes of the same small photo as all others."""
SAMPLES = "samples.webp"
"""There, too: what it makes of the same large photos as all others, none of which was trained on."""


def list_checkpoints() -> list[str]:
    """Names of the checkpoints that come with the package, which `pipeline` takes: the best, `default`, and then the others."""
    names = (config.parent.name for config in FOLDER.glob("*/config.json"))
    return sorted(names, key=lambda name: (name != "default", name))


def checkpoint_folder(name: str) -> Path:
    """The folder of a checkpoint that comes with the package.

    Raises:
        CheckpointError: there is none of this name; the message lists those there are.
    """
    if name not in list_checkpoints():
        raise CheckpointError(
            f"No checkpoint {name!r} comes with the package. There are: {', '.join(list_checkpoints())}."
        )
    return FOLDER / name
