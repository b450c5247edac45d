"""Places of a checkpoint's weights in its files, to which its graphs refer."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from colorizer.approaches.base.checkpoint_files import WEIGHTS, WEIGHTS_INDEX, read_places
from colorizer.approaches.base.configuration import own_fields
from colorizer.approaches.base.modeling import ColorizerModel


@dataclass(frozen=True)
class Place:
    """Place of a tensor: the name of its file, offset and length in bytes; its precision, such as F16; its shape."""

    file: str
    offset: int
    length: int
    precision: str
    shape: tuple[int, ...]

    @property
    def reference(self) -> dict[str, str]:
        """The entries by which a graph says where a tensor lies."""
        return {"location": self.file, "offset": str(self.offset), "length": str(self.length)}


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files in a checkpoint's folder."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    return sorted(folder.glob("model-*-of-*.safetensors")) if (folder / WEIGHTS_INDEX).is_file() else []


def list_places(folder: Path) -> dict[str, Place]:
    """Return the place of every tensor in a checkpoint's folder.

    Raises:
        CheckpointError: a file is damaged; the message names it.
    """
    files = weight_files(folder)
    return {name: Place(file.name, *place) for file in files for name, place in read_places(file).items()}


def digest_of(model: ColorizerModel, places: Mapping[str, Place], graph: bytes) -> str:
    """Return a SHA-256 of a graph and all that it depends on: the configuration, and the weights' names, places and shapes.

    It doesn't depend on the weights' values, which are not in the graph, nor on fields that have their defaults: an approach
    may get another field, and older graphs stay valid.
    """
    fields = own_fields(type(model.config))
    changed = {name: value for name in fields if (value := getattr(model.config, name)) != fields[name]}
    described = [model.approach, changed, {name: astuple(place) for name, place in places.items()}]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode() + graph).hexdigest()
