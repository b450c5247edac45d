"""Graphs from strangers: what doesn't belong to the weights beside it, or could do anything but color, is refused."""

import shutil
from collections.abc import Callable

import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

from colorizer import CheckpointError, load_model, pipeline, save_checkpoint
from colorizer.graphs.checking import MAX_BYTES, MAX_CONSTANTS
from colorizer.graphs.network import GraphNetwork
from tests.graphs.test_same_colors import photos, tiny


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_checkpoint(tiny("cnn"), tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture
def folder(checkpoint, tmp_path):
    return shutil.copytree(checkpoint, tmp_path / "foreign")


def other_location(proto: ModelProto) -> None:
    for entry in proto.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = "../secret.bin"


def other_offset(proto: ModelProto) -> None:
    for entry in proto.graph.initializer[0].external_data:
        if entry.key == "offset":
            entry.value = "0"


def constant_from_a_file(proto: ModelProto) -> None:
    tensor = TensorProto(name="stolen", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="config.json")
    proto.graph.node.append(helper.make_node("Constant", [], ["stolen"], value=tensor))


def constant_from_a_file_in_a_branch(proto: ModelProto) -> None:
    inner = ModelProto()
    constant_from_a_file(inner)
    inner.graph.name = "branch"
    proto.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner.graph, else_branch=inner.graph))


def other_domain(proto: ModelProto) -> None:
    proto.graph.node.append(helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft"))


def function(proto: ModelProto) -> None:
    proto.functions.append(helper.make_function("here", "f", ["x"], ["y"], [], [helper.make_opsetid("", 18)]))


def loop(proto: ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    proto.graph.node.append(helper.make_node("Loop", ["n", "c"], ["y"], body=body))


def many_numbers(proto: ModelProto) -> None:
    proto.graph.initializer.append(TensorProto(name="big", data_type=TensorProto.INT8, dims=[MAX_CONSTANTS + 1]))


def many_operators(proto: ModelProto) -> None:
    proto.graph.node.extend(helper.make_node("Relu", ["x"], ["y"]) for _ in range(20_001))


def no_digest(proto: ModelProto) -> None:
    del proto.metadata_props[:]


REFUSALS: list[tuple[Callable[[ModelProto], None], str]] = [
    (other_location, "takes .* from other places than the weights beside it"),
    (other_offset, "takes .* from other places"),
    (constant_from_a_file, "takes stolen from other places"),
    (constant_from_a_file_in_a_branch, "takes stolen, stolen from other places"),
    (other_domain, "operators of other domains"),
    (function, "operators of other domains"),
    (loop, "has loops"),
    (many_numbers, "numbers besides the weights"),
    (many_operators, "more than 20,000 operators"),
    (no_digest, "made for other weights or another configuration"),
]


@pytest.mark.parametrize(("change", "message"), REFUSALS, ids=[change.__name__ for change, _ in REFUSALS])
def test_a_changed_graph_is_refused(folder, change, message):
    proto = onnx.load(folder / "model.onnx", load_external_data=False)
    change(proto)
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(CheckpointError, match=f"model.onnx.* {message}.*python -m colorizer export"):
        GraphNetwork(load_model(folder), folder)


@pytest.mark.parametrize("content", [b"", b"\xff" * 1000, b"{}", b"\x00" * (MAX_BYTES + 1)])
def test_a_damaged_graph_is_refused_in_one_line(folder, content):
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.onnx") as raised:
        pipeline(folder, device="cpu")
    assert "\n" not in str(raised.value)
    assert pipeline(folder, device="cpu", backend="torch")


def test_a_graph_of_another_configuration_or_network_is_refused(folder, tmp_path):
    other = save_checkpoint(tiny("cnn", gain=1.5), tmp_path / "other")
    shutil.copy(other / "model.onnx", folder)
    with pytest.raises(CheckpointError, match="another configuration"):
        GraphNetwork(load_model(folder), folder)
    other = save_checkpoint(tiny("pix2pix"), tmp_path / "pix2pix")
    shutil.copy(other / "model.onnx", folder)
    with pytest.raises(CheckpointError, match="from other places than the weights"):
        GraphNetwork(load_model(folder), folder)


def test_the_runtime_opens_no_file_that_a_graph_names(folder, tmp_path):
    network = GraphNetwork(model := load_model(folder), folder)
    content = network._runner._content
    assert b"model.safetensors" in content
    (folder / "model.safetensors").rename(tmp_path / "moved")  # once loaded, the weights are not read again
    assert network(photos(model, 1, 4, 4)).ab.shape == (1, 2, 32, 32)
