"""The contract's other half: what every approach's checkpoints must do."""

import copy
import shutil

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from colorizer import CheckpointError, ColorizerError, create_model, load_model, save_checkpoint
from colorizer.approaches.base.configuration import own_fields
from tests.approaches.test_contract import approach, smallest

__all__ = ["approach"]  # the fixture

# Whoever loads a checkpoint gets its weights, or learns what is wrong with them.
WAYS_TO_LOAD = {
    "load_model": load_model,
    "AutoModel": AutoModel.from_pretrained,
    "pipeline": lambda folder: transformers.pipeline("image-colorization", model=str(folder), device="cpu"),
}


def test_saved_and_loaded_weights_are_bit_equal(approach, tmp_path):
    model, size = smallest(approach)
    before = copy.deepcopy(model.state_dict())
    save_checkpoint(model.to(memory_format=torch.channels_last), tmp_path, dtype=torch.float32)
    model.to(memory_format=torch.contiguous_format)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.onnx", "model.safetensors"]
    lightness = torch.rand(1, 1, size, size) * 100
    for loaded in (load_model(tmp_path), AutoModel.from_pretrained(tmp_path).eval()):
        assert type(loaded) is type(model)
        for field in own_fields(type(model.config)):
            assert getattr(loaded.config, field) == getattr(model.config, field)
        for name, tensor in loaded.state_dict().items():
            assert torch.equal(tensor, before[name]), name
        with torch.no_grad():
            # Equal weights; where a tensor lies in memory still moves the last digit of a matrix product.
            assert (loaded(lightness).ab - model.eval()(lightness).ab).abs().max() < 1e-3


def test_half_precision_checkpoints_compute_in_float32_and_agree(approach, tmp_path):
    model, size = smallest(approach)
    save_checkpoint(model, tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.dtype == torch.float32
    lightness = torch.rand(1, 1, size, size) * 100
    with torch.no_grad():
        full, half = model.eval()(lightness).ab, loaded(lightness).ab
        # bf16 keeps 8 bits of each weight and activation: a few units of ab.
        rough = load_model(tmp_path, dtype=torch.bfloat16)(lightness).ab
    # The mean, since a network at random may end in a steep tanh or among bins that are nearly as likely.
    assert (full - half).abs().mean() < 0.5
    assert (full - rough).abs().mean() < 3


def test_a_checkpoint_that_lacks_a_tensor_or_has_a_bad_one_is_refused(approach, tmp_path):
    model, _ = smallest(approach)
    save_checkpoint(model, tmp_path)
    weights = tmp_path / "model.safetensors"
    tensors = load_file(weights)
    name = next(iter(name for name, tensor in tensors.items() if tensor.ndim > 1))
    for bad, message in (
        ({key: tensor for key, tensor in tensors.items() if key != name}, "lacks"),
        (tensors | {"extra.weight": torch.zeros(2)}, "left over"),
        (tensors | {name: torch.zeros(3, 5)}, "wrong shape"),
        (tensors | {name: torch.full_like(tensors[name], float("nan"))}, "not finite"),
    ):
        save_file(bad, weights, metadata={"format": "pt"})
        for load in WAYS_TO_LOAD.values():
            with pytest.raises(CheckpointError, match=message) as caught:
                load(tmp_path)
            assert "model.safetensors" in str(caught.value)


@pytest.mark.parametrize("way", WAYS_TO_LOAD)
def test_a_damaged_file_names_itself(way, tmp_path):
    model, _ = smallest("dense")
    save_checkpoint(model, tmp_path / "whole")
    weights = "model.safetensors"
    for damage, message in (
        (lambda folder: (folder / weights).write_bytes((folder / weights).read_bytes()[:1000]), weights),
        (lambda folder: (folder / weights).write_bytes(b""), weights),
        (lambda folder: (folder / weights).rename(folder / "pytorch_model.bin"), "pickle"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "sketch"}'), "sketch"),
        (
            lambda folder: (folder / "config.json").write_text('{"model_type": "colorizer-dense", "width": "wide"}'),
            "width must be float",
        ),
    ):
        folder = tmp_path / "damaged"
        shutil.copytree(tmp_path / "whole", folder)
        damage(folder)
        # Which class a configuration is for, transformers finds out before it asks ours.
        is_ours = way == "load_model" or message in (weights, "pickle", "width must be float")
        with pytest.raises(
            CheckpointError if is_ours else (OSError, ValueError), match=message if is_ours else r"config\.json|sketch"
        ):
            WAYS_TO_LOAD[way](folder)
        shutil.rmtree(folder)


def test_saving_keeps_the_checkpoint_that_was_there(tmp_path, monkeypatch):
    model, _ = smallest("dense")
    save_checkpoint(model, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full_disk(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(model), "save_pretrained", full_disk)
    with pytest.raises(ColorizerError, match="No space left"):
        save_checkpoint(model, tmp_path)
    with torch.no_grad():
        next(model.parameters()).fill_(float("inf"))
    with pytest.raises(CheckpointError, match="not finite"):
        save_checkpoint(model, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_names_that_do_not_exist_list_those_that_do():
    with pytest.raises(ColorizerError, match="colorful"):
        create_model("colourful")
    with pytest.raises(ColorizerError, match=r"no configuration field depth.*width"):
        create_model("dense", depth=3)
    with pytest.raises(CheckpointError, match="Hub id"):
        load_model("nothing of the kind")
