"""Write a network as an ONNX graph: lightness to ab, as the contract says, for photos of any size and number."""

import io
import warnings
from pathlib import Path
from unittest.mock import patch

import onnx
import torch
from onnx import GraphProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.onnx import TrainingMode, register_custom_op_symbolic, symbolic_helper

from colorizer.approaches.base.checkpoint_files import HINTS_GRAPH
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.atomic_write import write_file
from colorizer.errors import CheckpointError, quote
from colorizer.graphs.checking import DIGEST, PRECISIONS
from colorizer.graphs.network import graph_names, output_names
from colorizer.graphs.runner import GraphRunner
from colorizer.graphs.weight_places import Place, digest_of, list_places

OPSET = 18
MAX_DIFFERENCE = 0.02
"""Largest difference in CIE units between the ab of a graph and of its network."""


class _Contract(nn.Module):
    """A network as a function of tensors alone: lightness, and hints if it takes them, to ab and its other outputs."""

    def __init__(self, model: ColorizerModel):
        super().__init__()
        self.model = model

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> list[Tensor]:
        output = self.model(lightness, hints=hints)
        return [output[name] for name in output_names(self.model)]


def export_graphs(model: ColorizerModel, folder: Path) -> list[Path]:
    """Write the graphs of a checkpoint into its folder, and return the files: one, or two if the network takes hints.

    Args:
        model: the network that was loaded from the checkpoint, in evaluation mode, on the CPU, in float32.
        folder: of the checkpoint's model.safetensors, in which the graphs' weights stay.

    Raises:
        CheckpointError: the checkpoint leaves weights to the Hub, the network can't be expressed as a graph, or the graph's
            colors differ from its own.
    """
    if model.left_out_parts:
        raise CheckpointError(
            f"{model.approach} leaves weights to the Hub, and a graph's must all be in the checkpoint."
        )
    places = list_places(folder)
    contents = {folder / name: _export(model, folder, places, name == HINTS_GRAPH) for name in graph_names(model)}
    for file, content in contents.items():
        with write_file(file) as stream:
            stream.write(content)
    return list(contents)


def _export(model: ColorizerModel, folder: Path, places: dict[str, Place], has_hints: bool) -> bytes:
    try:
        proto = onnx.load_model_from_string(_trace(model, has_hints))
        _convert_doubles(proto.graph)
        _move_weights_outside(proto.graph, places)
    except Exception as error:  # whatever torch raises about an operation that ONNX lacks
        raise CheckpointError(f"{model.approach} can't be written as an ONNX graph: {quote(error)}.") from error
    proto.producer_name, proto.graph.name = "colorizer", model.approach
    helper.set_model_props(proto, {DIGEST: digest_of(model, places, proto.graph.SerializeToString())})
    content = proto.SerializeToString()
    _check_same_colors(model, GraphRunner(content, folder), has_hints)
    return content


def _trace(model: ColorizerModel, has_hints: bool) -> bytes:
    # Another size than the network's own, and not a square, so that no branch for a special size is taken.
    inputs = _example(model, has_hints, 2, (2, 3))
    names, outputs = ["lightness", "hints"][: len(inputs)], output_names(model)
    sides = {} if model.is_fixed_size else {2: "height", 3: "width"}
    stream = io.BytesIO()
    # torch would print the whole network where ONNX lacks an operation.
    is_silent = patch.object(torch._C, "_jit_onnx_log", lambda *_: None)
    with torch.no_grad(), is_silent, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that tracing keeps: the colors are compared below
        torch.onnx.export(
            _Contract(model).eval(),
            inputs,
            stream,
            dynamo=False,
            opset_version=OPSET,
            input_names=names,
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} | sides for name in names} | {name: {0: "batch"} for name in outputs},
            # Folded weights would have to be stored again. The runtime folds them when it loads the graph.
            training=TrainingMode.PRESERVE,
            do_constant_folding=False,
        )
    return stream.getvalue()


def _example(model: ColorizerModel, has_hints: bool, number: int, steps: tuple[int, int]) -> tuple[Tensor, ...]:
    """Return random photos, with hints or without; four steps are about the network's resolution."""
    unit = model.size_multiple
    step = unit * max(1, model.config.resolution // 4 // unit)
    height, width = (step * count for count in steps)
    if model.is_fixed_size:
        height = width = model.config.resolution
    generator = torch.Generator().manual_seed(number)
    lightness = 100 * torch.rand(number, 1, height, width, generator=generator)
    if not has_hints:
        return (lightness,)
    is_hinted = torch.rand(number, 1, height, width, generator=generator) < 0.01
    ab = 60 * torch.rand(number, 2, height, width, generator=generator) - 30
    return lightness, torch.cat((ab, torch.ones_like(lightness)), 1) * is_hinted


def _convert_doubles(graph: GraphProto) -> None:
    """Convert Python's numbers, which tracing keeps as doubles and casts when the graph runs. Small runtimes lack doubles."""
    numbers = {node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == "Constant"}
    for node in graph.node:
        number = numbers.get(node.input[0]) if node.op_type == "Cast" else None
        if number is not None and number.data_type == TensorProto.DOUBLE:
            array = numpy_helper.to_array(number).astype(helper.tensor_dtype_to_np_dtype(node.attribute[0].i))
            constant = helper.make_node("Constant", [], node.output, value=numpy_helper.from_array(array))
            node.CopyFrom(constant)
    taken = {name for node in graph.node for name in node.input}
    nodes = [node for node in graph.node if node.op_type != "Constant" or node.output[0] in taken]
    del graph.node[:]
    graph.node.extend(nodes)


def _move_weights_outside(graph: GraphProto, places: dict[str, Place]) -> None:
    """Point the traced graph's weights to where they lie; those in half precision are converted when the graph is loaded."""
    outside, casts, renamed = [], [], {}
    for tensor in graph.initializer:
        name = tensor.name.removeprefix("model.")
        place = places[name]
        stored = TensorProto(name=name, data_type=PRECISIONS[place.precision], dims=place.shape)
        stored.data_location = TensorProto.EXTERNAL
        for key, value in place.reference.items():
            stored.external_data.add(key=key, value=value)
        outside.append(stored)
        renamed[tensor.name] = name
        if stored.data_type != tensor.data_type:
            renamed[tensor.name] = f"{name}.converted"
            casts.append(helper.make_node("Cast", [name], [f"{name}.converted"], to=tensor.data_type))
    nodes = [*casts, *graph.node]
    for node in nodes[len(casts) :]:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(outside)
    graph.node.extend(nodes)


def _check_same_colors(model: ColorizerModel, runner: GraphRunner, has_hints: bool) -> None:
    for number, steps in ((1, (4, 4)), (2, (3, 5))):
        inputs = _example(model, has_hints, number, steps)
        with torch.no_grad():
            (expected, *_) = _Contract(model)(*inputs)
        difference = (runner.run(["ab"], *inputs)["ab"] - expected).abs().max().item()
        if not difference <= MAX_DIFFERENCE:
            raise CheckpointError(
                f"The ONNX graph of {model.approach} colors photos of {tuple(inputs[0].shape)} otherwise than the network, by "
                f"up to {difference:.2g} in ab: it keeps a number from a photo of another size. Compute it by tensors."
            )


def _resize(g, source, size, align_corners, *scales):
    """Express bilinear resizing with antialiasing by two matrices, since that of ONNX Runtime differs by up to a hundredth."""
    lengths = symbolic_helper._unpack_list(size) if symbolic_helper._is_packed_list(size) else None
    rows, columns = (
        _resizing_matrix(g, g.op("Shape", source, start_i=axis, end_i=axis + 1), _length(g, size, lengths, axis - 2))
        for axis in (2, 3)
    )
    return g.op("MatMul", g.op("MatMul", rows, source), g.op("Transpose", columns, perm_i=[1, 0]))


def _length(g, size, lengths, axis):
    if lengths is not None:
        return symbolic_helper._unsqueeze_helper(g, lengths[axis], [0])
    return g.op("Gather", size, g.op("Constant", value_t=torch.tensor([axis])), axis_i=0)


def _resizing_matrix(g, old, new):
    """Return the triangle filter's weights (new, old) from lengths of shape (1,), as Pillow and torch compute them."""

    def number(value: float) -> Tensor:
        return g.op("Constant", value_t=torch.tensor(value))

    def places(length: Tensor) -> Tensor:
        scalar = g.op("Squeeze", g.op("Cast", length, to_i=TensorProto.FLOAT))
        return g.op("Add", g.op("Range", number(0.0), scalar, number(1.0)), number(0.5))

    scale = g.op("Div", g.op("Cast", old, to_i=TensorProto.FLOAT), g.op("Cast", new, to_i=TensorProto.FLOAT))
    centers = g.op("Unsqueeze", g.op("Mul", places(new), scale), g.op("Constant", value_t=torch.tensor([1])))
    distance = g.op("Div", g.op("Abs", g.op("Sub", places(old), centers)), g.op("Max", scale, number(1.0)))
    weights = g.op("Relu", g.op("Sub", number(1.0), distance))
    total = g.op("ReduceSum", weights, g.op("Constant", value_t=torch.tensor([1])), keepdims_i=1)
    return g.op("Div", weights, total)


register_custom_op_symbolic("aten::_upsample_bilinear2d_aa", _resize, OPSET)
