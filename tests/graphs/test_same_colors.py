"""ONNX graphs color as their networks do: of every approach, and of the checkpoints in the package."""

from pathlib import Path

import onnx
import pytest
import torch

from colorizer import create_model, list_approaches, list_checkpoints, load_model, save_checkpoint
from colorizer.approaches import get_model_class
from colorizer.approaches.base.configuration import own_fields
from colorizer.checkpoints import checkpoint_folder
from colorizer.graphs.network import GraphNetwork, has_graph

TOLERANCE = 0.02  # in CIE units of ab


def tiny(approach: str, **fields: object) -> torch.nn.Module:
    torch.manual_seed(0)
    names = own_fields(get_model_class(approach).config_class)
    small = {"num_levels": 5, "classifier_resolution": 96, "global_resolution": 32} | fields
    model = create_model(approach, width=1 / 16, **{name: value for name, value in small.items() if name in names})
    return model.eval()


def photos(model, number: int, height: int, width: int) -> torch.Tensor:
    unit = model.size_multiple
    size = (model.config.resolution,) * 2 if model.is_fixed_size else (height * unit, width * unit)
    return 100 * torch.rand(number, 1, *size, generator=torch.Generator().manual_seed(number))


def some_hints(lightness: torch.Tensor) -> torch.Tensor:
    hints = torch.zeros(len(lightness), 3, *lightness.shape[-2:])
    hints[:, :, 3:9, 5:7] = torch.tensor([40.0, -30.0, 1.0])[:, None, None]
    return hints


def check(model, network: GraphNetwork, lightness: torch.Tensor) -> None:
    for hints in (None, some_hints(lightness)) if model.takes_hints else (None,):
        with torch.no_grad():
            expected = model(lightness, hints=hints)
        output = network(lightness, hints=hints)
        assert (output.ab - expected.ab).abs().max() <= TOLERANCE
        for name in ("logits", "scene_logits"):
            ours, theirs = getattr(output, name), getattr(expected, name)
            assert (ours is None) == (theirs is None)
            if theirs is not None:
                torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def check_numbers(folder: Path) -> None:
    """Check that no graph computes with doubles: ONNX Runtime for GPUs in browsers, among others, can't convert them."""
    for file in folder.glob("*.onnx"):
        graph = onnx.load(file, load_external_data=False).graph
        constants = [attribute.t for node in graph.node if node.op_type == "Constant" for attribute in node.attribute]
        casts = [node.attribute[0].i for node in graph.node if node.op_type == "Cast"]
        kinds = {tensor.data_type for tensor in (*graph.initializer, *constants)} | set(casts)
        assert onnx.TensorProto.DOUBLE not in kinds, file.name


@pytest.mark.parametrize("approach", list_approaches(own=True))
def test_a_new_checkpoint_has_a_graph_that_colors_alike(approach, tmp_path):
    fields = {"hints": True, "gain": 0.8, "chroma_power": 1.3, "scenes": ("sea", "wood")}
    model = tiny(approach, **({"view_scales": (0.5, 1.5)} if approach == "lite_unet" else {}), **fields)
    # Weights of hints start at zero, and would change nothing.
    for weight in model.hints.parameters() if model.takes_hints else ():
        torch.nn.init.normal_(weight)
    save_checkpoint(model, tmp_path)
    check_numbers(tmp_path)
    model = load_model(tmp_path)
    network = GraphNetwork(model, tmp_path)
    for number, height, width in ((1, 2, 2), (2, 3, 2), (3, 2, 5)):
        check(model, network, photos(model, number, height, width))


@pytest.mark.parametrize("name", list_checkpoints())
def test_the_package_has_graphs_of_its_checkpoints_that_color_alike(name):
    model, folder = load_model(name), checkpoint_folder(name)
    assert has_graph(folder, model)
    check_numbers(folder)
    network = GraphNetwork(model, folder)
    steps = max(2, model.config.resolution // model.size_multiple)
    check(model, network, photos(model, 1, steps, steps))
    check(model, network, photos(model, 2, steps, steps + 1))
