"""Files of a checkpoint, read as data from a stranger: bounded before they are parsed, and damage is one kind of error."""

import json
import math
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from colorizer.errors import CheckpointError, quote

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
GRAPH, HINTS_GRAPH = GRAPHS = "model.onnx", "model-hints.onnx"
"""ONNX graphs without hints, and with them: hints cost time, and most photos have none."""

MAX_CONFIG_BYTES = 2**20
MAX_RECORD_BYTES = 2**26
"""Bound of a run's own records; the history of a long run has a line per step logged."""
MAX_NAME = 500
"""Letters of a path that a message repeats whole."""
MAX_HEADER_BYTES = 2**22
"""Room for the names and shapes of some 30,000 tensors."""
# Others, such as float8, load but can be neither checked nor computed with.
PRECISIONS = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"}

Shapes = Mapping[str, tuple[int, ...]]


def read_json(path: Path, kind: type = dict, *, max_bytes: int = MAX_CONFIG_BYTES) -> Any:
    """Return the content of a JSON file that holds a `kind`.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it is too large, unreadable, damaged, or holds something else; the message names it.
    """
    # Without a bound, a name that no file can have would be repeated whole.
    name = str(path) if len(str(path)) <= MAX_NAME else quote(str(path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
            raise ValueError("it is not a file")
        with path.open("rb") as stream:
            text = stream.read(max_bytes + 1)
        if len(text) > max_bytes:
            raise ValueError(f"it has more than {max_bytes:,} bytes")
        content = json.loads(text.decode("utf-8"), parse_float=_finite, parse_constant=_finite)
        if rb"\ud" in text.lower():  # perhaps half of a character, which can be neither printed nor written
            json.dumps(content, ensure_ascii=False).encode()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(path) from error
    except RecursionError as error:
        raise CheckpointError(f"{name} can't be read: it is nested too deeply. Fix or delete it.") from error
    except (OSError, ValueError, MemoryError) as error:
        raise CheckpointError(f"{name} can't be read: {quote(error)}. Fix or delete it.") from error
    if not isinstance(content, kind):
        raise CheckpointError(f"{name} is not a JSON {'list' if kind is list else 'object'}. Fix or delete it.")
    return content


def _finite(text: str) -> float:
    # Python reads and writes NaN and Infinity, which are not JSON; 1e999 is Infinity, too.
    if not math.isfinite(value := float(text)):
        raise ValueError(f"it has a number that is not finite, {text}")
    return value


def read_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every tensor in a safetensors file, from its header alone.

    Raises:
        CheckpointError: the file is damaged, its header is too large, or a tensor has an unsupported precision.
    """
    try:
        if not file.is_file():
            raise OSError("it is not a file")
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
        if MAX_HEADER_BYTES < length < file.stat().st_size:
            raise OSError(f"its header has {length:,} bytes")
        with safe_open(file, framework="pt") as stored:
            slices = {name: stored.get_slice(name) for name in stored.keys()}  # noqa: SIM118 - not a dict
            precisions = {name: part.get_dtype() for name, part in slices.items()}
            shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{file} is damaged or not safetensors: {quote(error)}. Download or save it again."
        ) from error
    if bad := [f"{name} ({kind})" for name, kind in precisions.items() if kind not in PRECISIONS]:
        raise CheckpointError(f"{file} holds tensors of an unsupported precision: {shorten(bad)}.")
    return shapes


def read_places(file: Path) -> dict[str, tuple[int, int, str, tuple[int, ...]]]:
    """Return where each tensor of a safetensors file lies: offset and length in bytes, its precision and its shape.

    Raises:
        CheckpointError: as `read_shapes`.
    """
    shapes = read_shapes(file)
    with file.open("rb") as stream:
        start = 8 + (length := int.from_bytes(stream.read(8), "little"))
        header = json.loads(stream.read(length))
    places = {}
    for name, shape in shapes.items():
        begin, end = header[name]["data_offsets"]
        places[name] = start + begin, end - begin, header[name]["dtype"], shape
    return places


def list_faults(expected: Shapes, stored: Shapes, optional: Iterable[str] = ()) -> dict[str, set[str]]:
    """Compare names and shapes; return what is wrong with the stored ones: the fault in words → the tensors' names."""
    faults = {
        "lacks": expected.keys() - stored.keys() - set(optional),
        "has left over": stored.keys() - expected.keys(),
        "has the wrong shape for": {
            name for name in expected.keys() & stored.keys() if tuple(expected[name]) != tuple(stored[name])
        },
    }
    return {fault: names for fault, names in faults.items() if names}


def shorten(names: Iterable[str]) -> str:
    """Join the first five names, followed by the number of others."""
    names = sorted(names)
    first = ", ".join(name if len(name) <= 100 else f"{name[:99]}…" for name in names[:5])
    return first + (f" and {len(names) - 5} more" if len(names) > 5 else "")
