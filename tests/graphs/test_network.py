"""A network on ONNX Runtime in place of torch: choice, options, threads and errors."""

import pytest
import torch
from PIL import Image

from colorizer import ColorizerError, load_model, pipeline, save_checkpoint
from colorizer.graphs.network import GraphNetwork
from tests.graphs.test_same_colors import photos, tiny


@pytest.fixture
def colorful(tmp_path):
    save_checkpoint(tiny("colorful"), tmp_path / "colorful")
    return tmp_path / "colorful"


@pytest.fixture
def joint(tmp_path):
    model = tiny("joint", scenes=("sea", "wood"))
    model.scene_weights += 1
    torch.nn.init.normal_(model.scene_sums)
    save_checkpoint(model, tmp_path / "joint")
    return tmp_path / "joint"


def test_a_cpu_takes_the_graph_where_there_is_one(colorful):
    assert isinstance(pipeline(colorful, device="cpu").network, GraphNetwork)
    assert isinstance(pipeline(colorful, device="cpu", dtype=torch.float32).network, GraphNetwork)
    for options in ({"backend": "torch"}, {"dtype": torch.bfloat16}):
        pipe = pipeline(colorful, device="cpu", **options)
        assert pipe.network is pipe.model
    model = load_model(colorful)
    assert pipeline(model, device="cpu").network is model  # its weights may no longer be the file's
    (colorful / "model.onnx").unlink()
    pipe = pipeline(colorful, device="cpu")
    assert pipe.network is pipe.model
    assert pipe.model.dtype == torch.float32


def test_a_backend_that_can_not_be_used_is_refused(colorful):
    with pytest.raises(ColorizerError, match="backend must be one of auto, torch, onnx, not 'tensorrt'"):
        pipeline(colorful, backend="tensorrt")
    with pytest.raises(ColorizerError, match="on the CPU in float32: leave device and dtype out"):
        pipeline(colorful, device="cpu", backend="onnx", dtype=torch.bfloat16)
    (colorful / "model.onnx").unlink()
    with pytest.raises(ColorizerError, match=r"no ONNX graph: .* `python -m colorizer export FOLDER`"):
        pipeline(colorful, device="cpu", backend="onnx")


def test_options_of_the_distribution_are_decoded_from_the_graphs_logits(colorful):
    model = load_model(colorful)
    network, lightness = GraphNetwork(model, colorful), photos(model, 2, 4, 5)
    for temperature in (0.38, 1.0):
        with torch.no_grad():
            expected = model(lightness, temperature=temperature).ab
        torch.testing.assert_close(network(lightness, temperature=temperature).ab, expected, atol=0.02, rtol=0)
    undecoded = network(lightness, decode=False)
    assert undecoded.ab is None
    assert undecoded.prediction is undecoded.logits


def test_options_of_the_network_are_computed_by_torch(joint):
    model = load_model(joint)
    network, lightness = GraphNetwork(load_model(joint, dtype="auto"), joint), photos(model, 2, 4, 5)
    assert network.model.dtype == torch.float16
    with torch.no_grad():
        expected = model(lightness, scene="wood").ab
    torch.testing.assert_close(network(lightness, scene="wood").ab, expected, atol=0.02, rtol=0)
    assert not torch.allclose(network(lightness).ab, expected, atol=0.02)


def test_both_backends_refuse_the_same(colorful):
    model = load_model(colorful)
    for network in (model, GraphNetwork(model, colorful)):
        with pytest.raises(ColorizerError, match="does not take the option scene"):
            network(photos(model, 1, 4, 4), scene="sea")
        with pytest.raises(ColorizerError, match="multiples of 8, not 12×12"):
            network(torch.zeros(1, 1, 12, 12))
        with pytest.raises(ColorizerError, match="takes no color hints"):
            network(photos(model, 1, 4, 4), hints=torch.zeros(1, 3, 32, 32))


def test_it_has_as_many_threads_as_torch(colorful):
    network = GraphNetwork(model := load_model(colorful), colorful)
    before = torch.get_num_threads()
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            network(photos(model, 1, 4, 4))
            assert network._runner._session.get_session_options().intra_op_num_threads == number
    finally:
        torch.set_num_threads(before)


def test_results_of_pipelines_agree(colorful):
    photo = Image.linear_gradient("L").resize((60, 40))
    for options in ({}, {"temperature": 1.0}, {"num_images": 2, "seed": 3}, {"resolution": 64}):
        ours, theirs = (
            pipeline(colorful, device="cpu", backend=backend)(photo, return_dict=True, **options)
            for backend in ("onnx", "torch")
        )
        for one, other in zip(*(r if isinstance(r, list) else [r] for r in (ours, theirs)), strict=True):
            torch.testing.assert_close(one.ab, other.ab, atol=0.02, rtol=0)
            torch.testing.assert_close(one.uncertainty, other.uncertainty, atol=1e-3, rtol=0)
