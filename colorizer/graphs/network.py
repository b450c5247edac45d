"""A checkpoint's network on ONNX Runtime."""

import threading
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from colorizer import checkpoints
from colorizer.approaches.base.checkpoint_files import GRAPH, HINTS_GRAPH
from colorizer.approaches.base.modeling import ColorizerModel, ColorizerOutput
from colorizer.errors import CheckpointError, quote
from colorizer.graphs.runner import GraphRunner


def graph_names(model: ColorizerModel) -> tuple[str, ...]:
    """Return the names of the graphs of a model's checkpoint."""
    return (GRAPH, HINTS_GRAPH) if model.takes_hints else (GRAPH,)


def has_graph(folder: Path, model: ColorizerModel) -> bool:
    """Return whether a checkpoint's folder has all graphs of its model."""
    return all((folder / name).is_file() for name in graph_names(model))


def output_names(model: ColorizerModel) -> list[str]:
    """Return the names of the outputs of a model's graph, which are fields of ColorizerOutput."""
    others = {"logits": model.space.has_distribution, "scene_logits": bool(model.scenes)}
    return ["ab", *(name for name, is_there in others.items() if is_there)]


class GraphNetwork:
    """A network that ONNX Runtime computes by the graphs of its checkpoint. It is called like its ColorizerModel.

    What has no weights, such as decoding a distribution again, the model itself does. It computes all of it for options that
    the graph doesn't take: those of an approach's network, such as `scene`.
    """

    def __init__(self, model: ColorizerModel, folder: Path):
        """Load the graphs of the checkpoint in `folder`, from which `model` was loaded.

        Raises:
            CheckpointError: the graph is damaged, doesn't belong to the checkpoint, or is not safe to run.
        """
        self.model = model
        self._folder = folder
        self._lock = threading.Lock()
        self._runner = self._load(GRAPH)
        self._hints_runner: GraphRunner | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(
        self, lightness: Tensor, *, hints: Tensor | None = None, decode: bool = True, **options: float | str | None
    ) -> ColorizerOutput:
        """Colorize, as ColorizerModel.forward does, with its arguments and errors; `prediction` is that of the space, or ab."""
        model = self.model
        model.check_inputs(lightness, hints, options)
        changed = {name: value for name, value in options.items() if value != model.options[name].default}
        decoding = {option.name: changed[option.name] for option in model.space.options if option.name in changed}
        if changed != decoding:
            with self._lock:
                model.float()  # it is kept in the file's precision, in which a CPU is slow
            with torch.no_grad():
                return model(lightness, hints=hints, decode=decode, **options)
        runner = self._runner if hints is None else self._with_hints()
        names = [name for name in output_names(model) if name != "ab" or (decode and not decoding)]
        try:
            outputs = runner.run(names, lightness, *([] if hints is None else [hints]))
        except Exception as error:  # whatever ONNX Runtime raises for the graph of a stranger
            raise CheckpointError(f"The ONNX graph in {self._folder} can't be computed: {quote(error)}.") from error
        for name, found in outputs.items():
            if not _fits(found, shape := self._shape(name, lightness)):
                raise CheckpointError(
                    f"The ONNX graph in {self._folder} gives {name} of {tuple(found.shape)} in {found.dtype}, not "
                    f"({', '.join(map(str, shape))}) in floating point."
                )
        output = ColorizerOutput(**outputs)
        if decode and decoding:
            output.ab = model.decode(lightness, output.logits, **decoding)
        output.prediction = output.ab if output.logits is None else output.logits
        return output

    def _shape(self, name: str, lightness: Tensor) -> tuple[int | str, ...]:
        """Return the shape of an output; a side of any length is a name."""
        sizes: dict[str, tuple[int | str, ...]] = {
            "ab": (2, *lightness.shape[-2:]),
            "logits": (self.model.space.output_channels, "height", "width"),
            "scene_logits": (len(self.model.scenes),),
        }
        return len(lightness), *sizes[name]

    def _with_hints(self) -> GraphRunner:
        with self._lock:
            self._hints_runner = self._hints_runner or self._load(HINTS_GRAPH)
            return self._hints_runner

    def _load(self, name: str) -> GraphRunner:
        file = self._folder / name
        if self._folder.absolute().parent == checkpoints.FOLDER:  # the package's own need no check, which takes time
            return GraphRunner(file.read_bytes(), self._folder)
        from colorizer.graphs.checking import read_graph, unusable

        content = read_graph(file, self.model)
        try:
            return GraphRunner(content, self._folder)
        except Exception as error:  # whatever ONNX Runtime raises
            raise unusable(file, f"can't be loaded: {quote(error)}") from error


def _fits(output: Tensor, shape: tuple[int | str, ...]) -> bool:
    if output.ndim != len(shape) or not output.numel() or not output.is_floating_point():
        return False
    return all(length == size or isinstance(size, str) for length, size in zip(output.shape, shape, strict=True))
