"""Networks of the page: the graphs and weights of checkpoints, and what the page says of them."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from colorizer import checkpoints
from colorizer.approaches.base.checkpoint_files import CONFIG, GRAPH, HINTS_GRAPH
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.graphs.checking import read_graph
from colorizer.graphs.export import export_graphs
from colorizer.graphs.network import graph_names, has_graph
from colorizer.graphs.weight_places import weight_files
from colorizer.hub.loading import load_model
from colorizer.pipelines.image_colorization import pipeline

_MODELS = "models"


@dataclass(frozen=True, eq=False)
class Network:
    """Network of the page: its name, the checkpoint it comes from, and its entry in the manifest."""

    name: str
    source: Path
    entry: dict[str, Any]

    @property
    def is_of_package(self) -> bool:
        return self.source.parent == checkpoints.FOLDER

    def colorize(self, photo: Path) -> Image.Image:
        """Return a photo in the network's colors."""
        return pipeline(self.source)(str(photo)).convert("RGB")


def add_network(page: Path, name: str, source: Path) -> Network:
    """Copy a checkpoint's graphs and weights into the page; a graph that it lacks is made.

    Raises:
        CheckpointError: the checkpoint can't be loaded, its graph is not safe to run, or it can't be written as one.
        OSError: the page can't be written.
    """
    model = load_model(source)
    # The address has the content's digest, so that no browser takes one version's weights for another's graph.
    part = page / _MODELS / "part"
    part.mkdir(parents=True)
    for file in (*weight_files(source), source / CONFIG):
        shutil.copyfile(file, part / file.name)
    if has_graph(source, model):
        for graph in graph_names(model):
            (part / graph).write_bytes(read_graph(source / graph, model))
    else:
        export_graphs(model, part)
    (part / CONFIG).unlink()
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(part.iterdir())}
    digest = hashlib.sha256("".join(digests.values()).encode()).hexdigest()
    folder = f"{_MODELS}/{hashlib.sha256(name.encode()).hexdigest()[:6]}-{digest[:10]}"
    part.rename(page / folder)
    files = {
        file: {
            "name": file,
            "path": f"{folder}/{file}",
            "bytes": (page / folder / file).stat().st_size,
            "digest": digest,
        }
        for file, digest in digests.items()
    }
    hints_graph = files.pop(HINTS_GRAPH, None)
    entry = _describe(name, source, model) | {
        "bytes": sum(file["bytes"] for file in files.values()),
        "graph": files.pop(GRAPH),
        "hintsGraph": hints_graph,
        "weights": list(files.values()),
    }
    return Network(name, source, entry)


def _describe(name: str, source: Path, model: ColorizerModel) -> dict[str, Any]:
    plain_name, plain_text = model.introduce(vars(model.config))
    return {
        "id": name,
        "name": plain_name if source.parent == checkpoints.FOLDER else f"{plain_name} ({name})",
        "text": plain_text,
        "title": model.title,
        "paper": model.paper_url,
        "year": model.year,
        "resolution": model.config.resolution,
        "multiple": model.size_multiple,
        "isFixed": model.is_fixed_size,
    }
