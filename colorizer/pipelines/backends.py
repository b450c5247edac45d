"""The choice of what computes a network: torch, or ONNX Runtime with the graph of its checkpoint."""

from pathlib import Path

import torch

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.errors import ColorizerError, quote
from colorizer.graphs.network import GraphNetwork, has_graph

BACKENDS = ("auto", "torch", "onnx")


def choose_network(
    model: ColorizerModel, backend: str, device: torch.device, dtype: str | torch.dtype | None
) -> ColorizerModel | GraphNetwork:
    """Return what computes `model`, which was loaded from its folder: the model itself, or its graph.

    "auto" is the graph on a CPU, in float32, if the folder has one.

    Raises:
        ColorizerError: the backend doesn't exist or can't be used; the message says why.
        CheckpointError: the graph is damaged or not the checkpoint's.
    """
    if backend not in BACKENDS:
        raise ColorizerError(f"backend must be one of {', '.join(BACKENDS)}, not {quote(backend)}.")
    if backend == "torch":
        return model
    folder = Path(model.name_or_path)
    has_all = bool(model.name_or_path) and has_graph(folder, model)
    is_able = device.type == "cpu" and dtype in (None, "auto", torch.float32)
    if backend == "onnx" and not has_all:
        raise ColorizerError(
            "This model has no ONNX graph: write the one of a checkpoint with `python -m colorizer export FOLDER`, or use "
            "backend='torch'."
        )
    if backend == "onnx" and not is_able:
        raise ColorizerError(
            "backend='onnx' computes on the CPU in float32: leave device and dtype out, or use 'torch'."
        )
    return GraphNetwork(model, folder) if has_all and is_able else model


def is_half(dtype: torch.dtype) -> bool:
    """Return whether a precision has 16 bits."""
    return dtype in (torch.float16, torch.bfloat16)
