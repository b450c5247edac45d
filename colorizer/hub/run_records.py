"""Records in a checkpoint's folder: its configuration, training, results and pictures."""

import math
import re
from pathlib import Path
from typing import Any

from colorizer.approaches.base.checkpoint_files import MAX_RECORD_BYTES, read_json, read_shapes
from colorizer.checkpoints import EVALUATION, SAMPLES
from colorizer.checkpoints import FOLDER as PACKAGE
from colorizer.errors import CheckpointError

RECORDS = ("training", "evaluation")


def read_info(
    folder: str | Path, *, name: str | None = None, repo_id: str | None = None, data_terms: str | None = None
) -> dict[str, Any]:
    """Read the data for a card: the content of config, training and evaluation, sizes, and pictures.

    Raises:
        CheckpointError: `folder` contains no checkpoint, or a record in it is not JSON.
    """
    folder = Path(folder).absolute()
    config = _read_object(folder / "config.json")
    if config is None:
        raise CheckpointError(f"{folder / 'config.json'} is missing: {folder} is not a checkpoint, so it has no card.")
    samples = sorted(
        (folder / "samples").glob("*.png"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.stem)]
    )
    pictures = [("Learning curves", "curves.png")] if (folder / "curves.png").is_file() else []
    if samples:
        pictures.append(("Validation photos: gray, colorized, true", f"samples/{samples[-1].name}"))
    if (folder / SAMPLES).is_file():
        pictures.append(("Photos not used in training: gray, colorized, true; from best to worst", SAMPLES))
    num_weights, num_bytes = _measure_weights(folder)
    records = {record: publishable(_read_object(folder / f"{record}.json")) for record in RECORDS}
    if folder.parent == PACKAGE.absolute():
        # The package's checkpoints are evaluated together.
        records["evaluation"] = records["evaluation"] or publishable(_read_object(EVALUATION))
    trained_in = ((records["training"] or {}).get("arguments") or {}).get("output_dir") or ""
    return {
        "name": name or folder.name,
        "model": repo_id or name or (trained_in if Path(trained_in).name == folder.name else folder.name),
        "config": config,
        **records,
        "num_weights": num_weights,
        "num_bytes": num_bytes,
        "pictures": pictures,
        "data_terms": data_terms,
    }


def all_commands(training: dict[str, Any]) -> list[str]:
    """Return the commands from training.json that made a checkpoint, oldest first, without repeats (phases of a recipe)."""
    return list(dict.fromkeys([*training.get("earlier_commands", []), *filter(None, [training.get("command")])]))


def publishable(value: Any) -> Any:
    """Return a record without private content: tokens, names of photos, and parent folders in absolute paths."""
    if isinstance(value, dict):
        return {key: publishable(item) for key, item in value.items() if "token" not in key and key != "names"}
    if isinstance(value, list):
        return [publishable(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"(--\w*token[= ])\S+", r"\1…", value)
        return re.sub(r"""(?<![\w:/.~-])/(?:[^\s/'"]+/)*([^\s/'"]+)/?""", r"\1", value)
    return value


def read_record(path: Path) -> Any:
    """Return the content of a JSON file, or None if the file doesn't exist.

    Raises:
        CheckpointError: the file is not JSON; the message names it.
    """
    try:
        return read_json(path, object, max_bytes=MAX_RECORD_BYTES)
    except FileNotFoundError:
        return None


def _read_object(path: Path) -> dict[str, Any] | None:
    content = read_record(path)
    if content is not None and not isinstance(content, dict):
        raise CheckpointError(f"{path} is not a JSON object. Fix or delete it.")
    return content


def _measure_weights(folder: Path) -> tuple[int, int]:
    files, count = sorted(folder.glob("model*.safetensors")), 0
    for file in files:
        count += sum(math.prod(shape) for shape in read_shapes(file).values())
    return count, sum(file.stat().st_size for file in files)
