"""Read a graph as data from a stranger: it belongs to the weights beside it, and names and costs nothing else."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from colorizer.approaches.base.checkpoint_files import shorten
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.errors import CheckpointError, quote
from colorizer.graphs.weight_places import Place, digest_of, list_places

DIGEST = "colorizer.digest"
MAX_BYTES = 2**23
"""Without its weights, the largest network of the approaches has half a MB."""
MAX_NODES = 20_000
MAX_CONSTANTS = 2**20
"""Numbers that a graph may hold itself, such as the bins' centers."""
# These run a part of the graph any number of times.
LOOPS = {"Loop", "Scan", "SequenceMap"}
OWN_DOMAINS = {"", "ai.onnx"}
PRECISIONS = {
    "F16": TensorProto.FLOAT16,
    "BF16": TensorProto.BFLOAT16,
    "F32": TensorProto.FLOAT,
    "F64": TensorProto.DOUBLE,
}


def read_graph(file: Path, model: ColorizerModel) -> bytes:
    """Return the content of a graph beside the weights that `model` was loaded from, if it is safe to run.

    Raises:
        CheckpointError: it is damaged; or belongs to other weights or to another configuration; or names other files; or has
            operators of other domains, loops, sparse tensors, a part for training, or more operators or numbers than a
            network's graph needs.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        proto = onnx.load_model_from_string(content)
    except Exception as error:  # of protobuf, for bytes from anywhere
        raise unusable(file, f"can't be read: {quote(error)}") from error
    places = list_places(file.parent)
    if fault := _find_fault(proto, digest_of(model, places, proto.graph.SerializeToString()), places):
        raise unusable(file, fault)
    return content


def unusable(file: Path, fault: str) -> CheckpointError:
    """Return the error for a graph with a fault."""
    return CheckpointError(f"{file} {fault}. Make it again with `python -m colorizer export`, or delete it.")


def _find_fault(proto: ModelProto, digest: str, places: Mapping[str, Place]) -> str | None:
    nodes, tensors = list(_nodes(proto.graph)), list(_tensors(proto.graph))
    if proto.functions or {part.domain for part in (*nodes, *proto.opset_import)} - OWN_DOMAINS:
        return "has operators of other domains than ONNX's own"
    if {node.op_type for node in nodes} & LOOPS:
        return "has loops, which the graph of a network here never has"
    # A sparse tensor of a few bytes takes gigabytes and minutes when it is loaded.
    if proto.training_info or _has_sparse(proto.graph, nodes):
        return "has sparse tensors or a part for training, which the graph of a network here never has"
    outside = [tensor for tensor in tensors if tensor.data_location == TensorProto.EXTERNAL]
    # A name that isn't UTF-8 comes as bytes.
    if strange := [str(tensor.name) for tensor in outside if not _lies_at(tensor, places.get(tensor.name))]:
        return f"takes {shorten(strange)} from other places than the weights beside it"
    inside = sum(abs(math.prod(tensor.dims)) for tensor in tensors if tensor.data_location != TensorProto.EXTERNAL)
    if len(nodes) > MAX_NODES or inside > MAX_CONSTANTS:
        return f"has more than {MAX_NODES:,} operators, or {MAX_CONSTANTS:,} numbers besides the weights"
    if digest not in {prop.value for prop in proto.metadata_props if prop.key == DIGEST}:
        return "is damaged, or was made for other weights or another configuration than those beside it"
    return None


def _lies_at(tensor: TensorProto, place: Place | None) -> bool:
    if place is None or place.precision not in PRECISIONS:
        return False
    stated = tuple(tensor.dims), tensor.data_type, {entry.key: entry.value for entry in tensor.external_data}
    return stated == (place.shape, PRECISIONS[place.precision], place.reference)


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """Yield all operators, also those inside of others."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Yield all tensors that a graph holds or refers to, also those inside of operators."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _has_sparse(graph: GraphProto, nodes: Iterable[NodeProto]) -> bool:
    """Tell whether a graph, or one inside of its operators `nodes`, holds sparse tensors."""
    attributes = [attribute for node in nodes for attribute in node.attribute]
    graphs = [graph, *(inner for attribute in attributes for inner in (attribute.g, *attribute.graphs))]
    return any(each.sparse_initializer for each in graphs) or any(
        attribute.HasField("sparse_tensor") or attribute.sparse_tensors for attribute in attributes
    )
