"""Graphs from strangers: what doesn't belong to the weights beside it, or could do anything but color, is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import ModelProto, NodeProto, SparseTensorProto, TensorProto, helper
from PIL import Image

from colorizer import CheckpointError, ColorizerError, load_model, pipeline, save_checkpoint
from colorizer.approaches.base.configuration import ColorizerConfig, own_fields
from colorizer.graphs import weight_places
from colorizer.graphs.checking import DIGEST, MAX_BYTES, MAX_CONSTANTS
from colorizer.graphs.network import GraphNetwork
from colorizer.graphs.weight_places import digest_of, list_places
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


def few_numbers_of_many() -> SparseTensorProto:
    """Return a sparse tensor that is short in the file, and has two gigabytes and takes minutes when it is loaded."""
    values, indices = helper.make_tensor("few", TensorProto.FLOAT, [1], [1.0]), helper.make_tensor("", 7, [1], [0])
    return helper.make_sparse_tensor(values, indices, [2**29])


def sparse_weights(proto: ModelProto) -> None:
    proto.graph.sparse_initializer.append(few_numbers_of_many())


def sparse_constant(proto: ModelProto) -> None:
    proto.graph.node.append(helper.make_node("Constant", [], ["few"], sparse_value=few_numbers_of_many()))


def sparse_weights_in_a_branch(proto: ModelProto) -> None:
    inner = helper.make_graph([], "branch", [], [], sparse_initializer=[few_numbers_of_many()])
    proto.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))


def training_from_a_file(proto: ModelProto) -> None:
    constant_from_a_file(inner := ModelProto())
    proto.training_info.add().initialization.CopyFrom(inner.graph)


def many_numbers(proto: ModelProto) -> None:
    proto.graph.initializer.append(TensorProto(name="big", data_type=TensorProto.INT8, dims=[MAX_CONSTANTS + 1]))


def many_operators(proto: ModelProto) -> None:
    proto.graph.node.extend(helper.make_node("Relu", ["x"], ["y"]) for _ in range(20_001))


def no_digest(proto: ModelProto) -> None:
    del proto.metadata_props[:]


def one_operator(proto: ModelProto) -> None:
    next(node for node in proto.graph.node if node.op_type == "Relu").op_type = "Tanh"


REFUSALS: list[tuple[Callable[[ModelProto], None], str]] = [
    (other_location, "takes .* from other places than the weights beside it"),
    (other_offset, "takes .* from other places"),
    (constant_from_a_file, "takes stolen from other places"),
    (constant_from_a_file_in_a_branch, "takes stolen, stolen from other places"),
    (other_domain, "operators of other domains"),
    (function, "operators of other domains"),
    (loop, "has loops"),
    (sparse_weights, "has sparse tensors"),
    (sparse_constant, "has sparse tensors"),
    (sparse_weights_in_a_branch, "has sparse tensors"),
    (training_from_a_file, "or a part for training"),
    (many_numbers, "numbers besides the weights"),
    (many_operators, "more than 20,000 operators"),
    (no_digest, "is damaged, or was made for other weights or another configuration"),
    (one_operator, "is damaged"),
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


def test_a_graph_whose_names_are_not_text_is_refused_in_one_line(folder):
    content = (folder / "model.onnx").read_bytes()
    name = onnx.load_model_from_string(content).graph.initializer[0].name.encode()
    (folder / "model.onnx").write_bytes(content.replace(name, b"\xff" * len(name)))
    with pytest.raises(CheckpointError, match=r"model\.onnx.*python -m colorizer export") as raised:
        pipeline(folder, device="cpu")
    assert "\n" not in str(raised.value)


def sealed(folder: Path, change: Callable[[ModelProto], None]) -> None:
    """Change the graph and its digest, as a stranger can."""
    proto = onnx.load(folder / "model.onnx", load_external_data=False)
    change(proto)
    digest = digest_of(load_model(folder), list_places(folder), proto.graph.SerializeToString())
    helper.set_model_props(proto, {DIGEST: digest})
    (folder / "model.onnx").write_bytes(proto.SerializeToString())


def unknown_operator(proto: ModelProto) -> None:
    proto.graph.node[-1].op_type = "Color"


def half_of_the_photo(proto: ModelProto) -> None:
    last = next(node for node in proto.graph.node if "ab" in node.output)
    last.output[:] = ["whole"]
    proto.graph.node.append(helper.make_node("AveragePool", ["whole"], ["ab"], kernel_shape=[2, 2], strides=[2, 2]))


def followed_by(name: str, *nodes: NodeProto) -> Callable[[ModelProto], None]:
    """Return a change of the output `name`, which passes through further operators from "whole" on."""

    def change(proto: ModelProto) -> None:
        for node in proto.graph.node:
            for places in (node.input, node.output):
                places[:] = ["whole" if place == name else place for place in places]
        proto.graph.node.extend(nodes)
        del proto.graph.value_info[:]
        next(output for output in proto.graph.output if output.name == name).ClearField("type")

    change.__name__ = "_".join(node.op_type for node in nodes)
    return change


def whole_numbers(name: str) -> Callable[[ModelProto], None]:
    return followed_by(name, helper.make_node("Cast", ["whole"], [name], to=TensorProto.INT64))


def another_dimension(name: str) -> Callable[[ModelProto], None]:
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [-1])
    return followed_by(
        name,
        helper.make_node("Constant", [], ["axis"], value=axis),
        helper.make_node("Unsqueeze", ["whole", "axis"], [name]),
    )


def not_a_number(name: str) -> Callable[[ModelProto], None]:
    value = helper.make_tensor("nan", TensorProto.FLOAT, [], [float("nan")])
    return followed_by(
        name, helper.make_node("Constant", [], ["nan"], value=value), helper.make_node("Mul", ["whole", "nan"], [name])
    )


def fixed_size(proto: ModelProto) -> None:
    last = next(node for node in proto.graph.node if "ab" in node.output)
    last.output[:] = ["whole"]
    shape = helper.make_tensor("shape", TensorProto.INT64, [4], [1, 2, 64, 64])
    proto.graph.node.append(helper.make_node("Constant", [], ["shape"], value=shape))
    proto.graph.node.append(helper.make_node("Reshape", ["whole", "shape"], ["ab"]))


def test_a_graph_that_the_runtime_does_not_load_is_refused(folder):
    sealed(folder, unknown_operator)
    with pytest.raises(CheckpointError, match=r"model\.onnx can't be loaded: .*python -m colorizer export"):
        pipeline(folder, device="cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (half_of_the_photo, r"gives ab of \(1, 2, 16, 16\) in torch.float32, not \(1, 2, 32, 32\)"),
        (whole_numbers("ab"), r"gives ab of \(1, 2, 32, 32\) in torch.int64, not .* in floating point"),
        (fixed_size, "can't be computed"),
    ],
)
def test_a_graph_that_gives_no_colors_of_the_photo_is_an_error(folder, change, message):
    sealed(folder, change)
    network = GraphNetwork(model := load_model(folder), folder)
    with pytest.raises(CheckpointError, match=message):
        network(photos(model, 1, 4, 4))


@pytest.mark.parametrize("kind", ["logits", "scene_logits"])
def test_logits_are_floats_of_their_dimensions_and_finite(kind, tmp_path):
    model = tiny("joint", scenes=("sea", "wood")) if kind == "scene_logits" else tiny("colorful")
    whole = save_checkpoint(model, tmp_path / "whole")
    photo = Image.linear_gradient("L").resize((32, 32))
    for number, (change, message) in enumerate(
        (
            (whole_numbers(kind), rf"gives {kind} of .* in torch.int64, not \(1, .*\) in floating point"),
            (another_dimension(kind), rf"gives {kind} of \(1, .*, 1\) in torch.float32, not \(1, .*\)"),
            (not_a_number(kind), "predicted values that are not finite"),
        )
    ):
        folder = shutil.copytree(whole, tmp_path / str(number))
        sealed(folder, change)
        with pytest.raises(ColorizerError, match=message):
            pipeline(folder, device="cpu", backend="onnx")(photo, return_dict=True)
    if kind == "logits":
        with pytest.raises(ColorizerError, match=message):
            pipeline(folder, device="cpu", backend="onnx")(photo, seed=1)


def test_a_graph_of_another_configuration_or_network_is_refused(folder, tmp_path):
    other = save_checkpoint(tiny("cnn", gain=1.5), tmp_path / "other")
    shutil.copy(other / "model.onnx", folder)
    with pytest.raises(CheckpointError, match="another configuration"):
        GraphNetwork(load_model(folder), folder)
    other = save_checkpoint(tiny("pix2pix"), tmp_path / "pix2pix")
    shutil.copy(other / "model.onnx", folder)
    with pytest.raises(CheckpointError, match="from other places than the weights"):
        GraphNetwork(load_model(folder), folder)


def test_a_graph_stays_valid_when_its_approach_gets_another_field(folder, monkeypatch):
    monkeypatch.setattr(ColorizerConfig, "later", False, raising=False)
    monkeypatch.setattr(weight_places, "own_fields", lambda config_class: own_fields(config_class) | {"later": False})
    pipeline(folder, device="cpu", backend="onnx")
    monkeypatch.setattr(ColorizerConfig, "later", True, raising=False)
    with pytest.raises(CheckpointError, match="another configuration"):
        pipeline(folder, device="cpu", backend="onnx")


def test_the_runtime_opens_no_file_that_a_graph_names(folder, tmp_path):
    network = GraphNetwork(model := load_model(folder), folder)
    content = network._runner._content
    assert b"model.safetensors" in content
    (folder / "model.safetensors").rename(tmp_path / "moved")  # once loaded, the weights are not read again
    assert network(photos(model, 1, 4, 4)).ab.shape == (1, 2, 32, 32)
