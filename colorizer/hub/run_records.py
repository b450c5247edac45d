"""Records in a checkpoint's folder: its configuration, training, results and pictures."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from colorizer.approaches.base.checkpoint_files import GRAPH, MAX_RECORD_BYTES, read_json, read_shapes
from colorizer.approaches.base.configuration import check_precision
from colorizer.approaches.base.limits import build_skeleton
from colorizer.checkpoints import EVALUATION, SAMPLES
from colorizer.checkpoints import FOLDER as PACKAGE
from colorizer.errors import CheckpointError, ColorizerError, quote
from colorizer.hub.loading import read_config

RECORDS = ("training", "evaluation")
FILES = "config.json, training.json or evaluation.json"


@contextmanager
def checking_values(files: str | Path) -> Iterator[None]:
    """Raise CheckpointError, naming `files`, where a value from them has the wrong type. It is also a decorator."""
    try:
        yield
    except ColorizerError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointError(f"{files} has an invalid value ({quote(error)}). Fix or delete it.") from error


@checking_values(FILES)
def read_info(
    folder: str | Path, *, name: str | None = None, repo_id: str | None = None, data_terms: str | None = None
) -> dict[str, Any]:
    """Read the data for a card: the content of config, training and evaluation, sizes, and pictures.

    Raises:
        CheckpointError: `folder` contains no checkpoint, or a record in it is not JSON or has a value of the wrong type.
    """
    folder = Path(folder).absolute()
    config = read_record(folder / "config.json", dict)
    if config is None:
        raise CheckpointError(f"{folder / 'config.json'} is missing: {folder} is not a checkpoint, so it has no card.")
    check_precision(config)
    samples = sorted(
        (folder / "samples").glob("*.png"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.stem)]
    )
    pictures = [("Learning curves", "curves.png")] if (folder / "curves.png").is_file() else []
    if samples:
        pictures.append(("Validation photos: gray, colorized, true", f"samples/{samples[-1].name}"))
    if (folder / SAMPLES).is_file():
        pictures.append(("Photos not used in training: gray, colorized, true; from best to worst", SAMPLES))
    num_weights, num_bytes = _measure_weights(folder)
    records = {record: publishable(read_record(folder / f"{record}.json", dict)) for record in RECORDS}
    if folder.parent == PACKAGE.absolute():
        # The package's checkpoints are evaluated together.
        records["evaluation"] = records["evaluation"] or publishable(read_record(EVALUATION, dict))
    trained_in = ((records["training"] or {}).get("arguments") or {}).get("output_dir") or ""
    return {
        "name": name or folder.name,
        "model": repo_id or name or (trained_in if Path(trained_in).name == folder.name else folder.name),
        "config": config,
        **records,
        "num_weights": num_weights,
        "num_bytes": num_bytes,
        "size_multiple": _size_multiple(folder) if (folder / GRAPH).is_file() else None,
        "pictures": pictures,
        "data_terms": data_terms,
    }


def _size_multiple(folder: Path) -> int:
    """Return the number that sides of a graph's input are multiples of, which some networks compute from their fields."""
    model_class, config = read_config(folder)
    return build_skeleton(lambda: model_class(config)).size_multiple


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


def read_record(path: Path, kind: type = object) -> Any:
    """Return the content of a JSON file that holds a `kind`, or None if the file doesn't exist.

    Raises:
        CheckpointError: the file is damaged or holds something else; the message names it.
    """
    try:
        return read_json(path, kind, max_bytes=MAX_RECORD_BYTES)
    except FileNotFoundError:
        return None


def _measure_weights(folder: Path) -> tuple[int, int]:
    files, count = sorted(folder.glob("model*.safetensors")), 0
    for file in files:
        count += sum(math.prod(shape) for shape in read_shapes(file).values())
    return count, sum(file.stat().st_size for file in files)
