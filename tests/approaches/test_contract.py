"""Contract tests over the list of approaches; a new approach gets them for free."""

import copy
import re

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import (
    ColorizerError,
    create_model,
    list_approaches,
    pipeline,
)
from colorizer.approaches import get_model_class
from colorizer.approaches.base.configuration import own_fields
from colorizer.approaches.base.objectives import StepInputs
from colorizer.approaches.base.spaces import grade
from colorizer.photos.color import rgb_to_lab

APPROACHES = list_approaches(own=True)
WIDTH = 1 / 16


def tunable(approach: str) -> set[str]:
    """Return the names of the approach's configuration fields."""
    return set(own_fields(get_model_class(approach).config_class))


def smallest(approach: str, **fields):
    """Build the approach at a tiny width, and return it with the smallest size it accepts."""
    torch.manual_seed(0)
    if "num_levels" in tunable(approach):
        fields.setdefault("num_levels", 5)
    model = create_model(approach, width=WIDTH, **fields)
    return model, model.config.resolution if model.is_fixed_size else max(model.size_multiple, 32)


def photos(size: int, count: int = 2) -> torch.Tensor:
    """Return soft random colors, sRGB in 0…1, (count, 3, size, size)."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear")


def make_inputs(model, rgb: torch.Tensor) -> StepInputs:
    lightness, target = model.space.split(rgb)
    return StepInputs(model.space.encode(lightness), model(lightness, decode=False).prediction, target)


@pytest.fixture(params=APPROACHES)
def approach(request) -> str:
    return request.param


def test_it_names_itself_and_its_source(approach):
    model_class = get_model_class(approach)
    model, _ = smallest(approach)
    assert model.approach == approach
    assert model.config.model_type == f"colorizer-{approach.replace('_', '-')}"
    assert model_class.title
    # In words for everyone: neither a code word nor the title's field terms, short enough for a strip of pictures.
    assert 0 < len(model_class.plain_name) <= 16
    assert "_" not in model_class.plain_name
    assert 20 < len(model_class.plain_text) <= 130
    assert model_class.plain_text.endswith(".")
    assert model_class.authors
    assert 2000 < model_class.year < 2100
    assert model_class.paper_url.startswith("https://")
    assert len(model_class.__doc__.splitlines()[0]) > 20


def test_lightness_becomes_ab_of_the_same_size(approach):
    model, size = smallest(approach)
    lightness, target = model.space.split(photos(size))
    output = model.eval()(lightness)
    assert output.ab.shape == (2, 2, size, size)
    assert output.ab.dtype == torch.float32
    assert torch.isfinite(output.ab).all()
    assert output.ab.abs().max() < 128
    assert model(lightness, decode=False).ab is None
    assert (output.logits is not None) == model.space.has_distribution
    # The truth, said in the space's own scale, must come back as itself: the space loses no color.
    if output.prediction.shape == target.shape:
        truth = model.space.join(lightness, target)
        assert (truth - rgb_to_lab(photos(size))[:, 1:]).abs().max() < 0.05


@torch.no_grad()
def test_photos_are_graded_and_training_knows_nothing_of_it(approach):
    (plain, size), (graded, _) = smallest(approach), smallest(approach, gain=1.5, chroma_power=1.3)
    lightness, _ = plain.space.split(photos(size))
    torch.testing.assert_close(graded.eval()(lightness).ab, grade(plain.eval()(lightness).ab, 1.5, 1.3))
    torch.testing.assert_close(graded(lightness).prediction, plain(lightness).prediction)
    for name, bad, bounds in (("gain", 0, "0.1…4"), ("chroma_power", 3, "0.5…2")):
        with pytest.raises(ColorizerError, match=re.escape(f"{name} must be {bounds}, not {bad}")):
            smallest(approach, **{name: bad})


def test_wrong_shapes_and_options_are_refused(approach):
    model, size = smallest(approach)
    with pytest.raises(ColorizerError, match="B, 1, H, W"):
        model(torch.zeros(1, 3, size, size))
    with pytest.raises(ColorizerError, match="does not take the option sparkle"):
        model(torch.zeros(1, 1, size, size), sparkle=1)
    if model.is_fixed_size or model.size_multiple > 1:
        with pytest.raises(ColorizerError, match=r"pixels|multiples"):
            model(torch.zeros(1, 1, size + 1, size))


def test_gradients_reach_every_trainable_weight(approach):
    model, size = smallest(approach)
    rgb = photos(size)
    players = model.objective.players(model, model.space, lambda: [rgb])
    for player in players:
        loss, _ = player.loss(make_inputs(model.train(), rgb))
        assert loss.dtype == torch.float32
        loss.backward()
        for name, weight in player.trained.named_parameters():
            if weight.requires_grad:
                assert weight.grad is not None, name
                assert torch.isfinite(weight.grad).all(), name
    assert any(weight.grad.abs().max() > 0 for weight in model.parameters())


def test_losses_and_colors_are_in_float32_under_mixed_precision(approach):
    model, size = smallest(approach)
    rgb = photos(size)
    lightness, target = model.space.split(rgb)
    source = model.space.encode(lightness)
    for player in model.objective.players(model, model.space, lambda: [rgb]):
        with torch.autocast("cpu", torch.bfloat16):
            prediction = model.train()(lightness, decode=False).prediction
            loss, parts = player.loss(StepInputs(source, prediction, target))
        assert {loss.dtype, *(part.dtype for part in parts.values())} == {torch.float32}
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            assert model.eval()(lightness).ab.dtype == torch.float32


def test_the_loss_falls_on_one_batch(approach):
    # Of a few channels dropout leaves so few that the loss is a matter of luck.
    model, size = smallest(approach, **dict.fromkeys(tunable(approach) & {"dropout"}, 0.0))
    rgb = photos(size)
    (*_, player) = model.objective.players(model, model.space, lambda: [rgb])
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    losses = []
    for _ in range(30):
        loss, _ = player.loss(make_inputs(model.train(), rgb))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[-5:]) < 0.9 * losses[0]


def test_results_do_not_depend_on_memory_layout(approach):
    model, size = smallest(approach)
    lightness = torch.rand(2, 1, size, size) * 100
    with torch.no_grad():
        expected = model.eval()(lightness).ab
        last = model.to(memory_format=torch.channels_last)(lightness.to(memory_format=torch.channels_last)).ab
    assert (last - expected).abs().max() < 0.01


def test_compiling_does_not_change_results(approach):
    # The code that approaches share is compiled for each of them, more often than the compiler puts up with in one process.
    torch.compiler.reset()
    model, size = smallest(approach)
    lightness = torch.rand(2, 1, size, size, generator=torch.Generator().manual_seed(2)) * 100
    # It compiles one and the same code, forward's, for eight networks at most.
    torch.compiler.reset()
    # The compiler's front half, which traces and takes apart what it compiles; no graph breaks, or it would give up there.
    compiled = torch.compile(model.eval(), backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        assert (compiled(lightness).ab - model(lightness).ab).abs().max() < 0.01


def test_frozen_parts_stay_as_they_are_in_training(approach):
    model, size = smallest(approach)
    assert set(map(id, model.frozen_parts)) <= set(map(id, model.modules()))
    before = copy.deepcopy([part.state_dict() for part in model.frozen_parts])
    rgb = photos(size)
    (*_, player) = model.objective.players(model, model.space, lambda: [rgb])
    loss, _ = player.loss(make_inputs(model.train(), rgb))
    loss.backward()
    frozen = {id(module) for part in model.frozen_parts for module in part.modules()}
    for module in model.modules():
        assert module.training == (id(module) not in frozen)
    for part, tensors in zip(model.frozen_parts, before, strict=True):
        assert not any(weight.requires_grad or weight.grad is not None for weight in part.parameters())
        for name, tensor in part.state_dict().items():
            assert torch.equal(tensor, tensors[name]), name


def test_odd_photos_through_the_pipeline(approach, tmp_path):
    model, size = smallest(approach)
    if not model.is_fixed_size:
        model.config.resolution = size
    colorize = pipeline(model, device="cpu")
    rng = np.random.default_rng(0)
    for height, width in ((37, 53), (1, 1), (200, 3)):
        photo = Image.fromarray(rng.integers(0, 255, (height, width), dtype=np.uint8))
        assert colorize(photo).size == (width, height)
