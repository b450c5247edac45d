"""transformers' own ways of loading our checkpoints: unchanged for valid ones, errors for invalid ones."""

import json
import pickle
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from colorizer import CheckpointError, create_model, load_model, save_checkpoint
from colorizer.approaches import get_model_class


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    """Tiny network, stored in float16."""
    torch.manual_seed(0)
    return save_checkpoint(create_model("dense", width=1 / 32, resolution=16), tmp_path / "checkpoint")


@pytest.fixture
def sharded(checkpoint, tmp_path) -> Path:
    """The same checkpoint in several files with an index."""
    folder = tmp_path / "sharded"
    load_model(checkpoint).save_pretrained(folder, max_shard_size="5KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    return folder


@pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
def test_the_precision_is_the_files_own_or_the_one_asked_for(name, checkpoint):
    assert AutoModel.from_pretrained(checkpoint).dtype == torch.float16
    for dtype in (torch.float32, torch.bfloat16):
        assert AutoModel.from_pretrained(checkpoint, **{name: dtype}).dtype == dtype
    assert AutoModel.from_pretrained(checkpoint, **{name: "auto"}).dtype == torch.float16


def test_loading_info_is_given_where_it_is_asked_for(checkpoint):
    model, info = get_model_class("dense").from_pretrained(checkpoint, output_loading_info=True)
    assert model.approach == "dense"
    assert not any(info.values())
    model, info = AutoModel.from_pretrained(checkpoint, output_loading_info=True)
    assert info["missing_keys"] == set()


def test_a_device_map_puts_weights_on_devices_and_on_disk(checkpoint, tmp_path):
    expected = load_model(checkpoint)
    lightness = torch.rand(1, 1, 16, 16) * 100
    with torch.no_grad():
        for device_map in ("cpu", {"": "cpu"}, {"": "disk"}):
            options = {"dtype": torch.float32, "device_map": device_map, "offload_folder": tmp_path / "offload"}
            model = AutoModel.from_pretrained(checkpoint, **options)
            assert torch.allclose(model(lightness).ab, expected(lightness).ab, atol=1e-4)


def test_what_stays_on_disk_is_checked_there(checkpoint, tmp_path):
    weights = checkpoint / "model.safetensors"
    tensors = load_file(weights)
    name = sorted(tensors)[-1]
    save_file(tensors | {name: torch.full_like(tensors[name], torch.inf)}, weights, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=f"not finite in {name}"):
        AutoModel.from_pretrained(checkpoint, device_map={"": "disk"}, offload_folder=tmp_path / "offload")


def test_values_too_large_for_the_precision_asked_for_are_refused(checkpoint):
    weights = checkpoint / "model.safetensors"
    tensors = {name: tensor.float() for name, tensor in load_file(weights).items()}
    tensors[sorted(tensors)[0]].fill_(1e6)
    save_file(tensors, weights, metadata={"format": "pt"})
    assert AutoModel.from_pretrained(checkpoint, dtype=torch.float32).dtype == torch.float32
    with pytest.raises(CheckpointError, match="not finite"):
        AutoModel.from_pretrained(checkpoint, dtype=torch.float16)


def test_other_shapes_are_refused_even_if_transformers_is_told_to_ignore_them(checkpoint):
    with pytest.raises(CheckpointError, match=r"model\.safetensors has the wrong shape for"):
        AutoModel.from_pretrained(checkpoint, width=1 / 16, ignore_mismatched_sizes=True)


@pytest.mark.parametrize("load", [load_model, AutoModel.from_pretrained])
def test_a_checkpoint_in_several_files_is_loaded_and_checked(load, sharded, checkpoint):
    expected = load_model(checkpoint).state_dict()
    for name, tensor in load(sharded).state_dict().items():
        assert torch.equal(tensor, expected[name])
    (first, *_) = sorted(sharded.glob("*.safetensors"))
    first.rename(sharded / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=rf"{first.name} is missing. pytorch_model.bin is a pickle"):
        load(sharded)
    (sharded / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(CheckpointError, match=r"index\.json is not"):
        load(sharded)


class Payload:
    """Object that creates a file when unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_no_way_of_loading_opens_a_pickle(checkpoint, tmp_path):
    (checkpoint / "model.safetensors").unlink()
    left_behind = tmp_path / "left-behind"
    for name in ("pytorch_model.bin", "adapter_model.bin"):
        (checkpoint / name).write_bytes(pickle.dumps(Payload(left_behind)))
    config = json.loads((checkpoint / "config.json").read_text())
    index = {"weight_map": {"network.0.weight": "pytorch_model.bin"}}
    dense = get_model_class("dense")
    folder = str(checkpoint)
    for prepare, message in (
        (lambda: None, "pytorch_model.bin is a pickle"),
        (lambda: (checkpoint / "pytorch_model.bin.index.json").write_text(json.dumps(index)), "is a pickle"),
        (
            lambda: (checkpoint / "config.json").write_text(
                json.dumps(config | {"transformers_weights": "adapter_model.bin"})
            ),
            "is a pickle",
        ),
        (
            lambda: (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index)),
            r"names .pytorch_model\.bin",
        ),
    ):
        prepare()
        for load in (
            lambda: load_model(folder),
            lambda: AutoModel.from_pretrained(folder),
            lambda: dense.from_pretrained(folder, weights_only=False),
            lambda: transformers.pipeline("image-colorization", model=folder, device="cpu"),
        ):
            with pytest.raises(CheckpointError, match=message):
                load()
    with pytest.raises(CheckpointError, match="use_safetensors=False"):
        AutoModel.from_pretrained(folder, use_safetensors=False)
    assert not left_behind.exists()


def test_weights_that_the_configuration_points_elsewhere_are_the_checkpoints_own(checkpoint):
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config | {"transformers_weights": "other.safetensors"}))
    expected = load_model(checkpoint).state_dict()
    for name, tensor in AutoModel.from_pretrained(checkpoint).state_dict().items():
        assert torch.equal(tensor.float(), expected[name])


def test_a_variant_and_a_subfolder_are_found(checkpoint, tmp_path):
    (checkpoint / "model.safetensors").rename(checkpoint / "model.fp16.safetensors")
    checkpoint.rename(tmp_path / "nested")
    assert AutoModel.from_pretrained(tmp_path, subfolder="nested", variant="fp16").approach == "dense"
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
        AutoModel.from_pretrained(tmp_path, subfolder="nested")


def test_a_network_is_made_from_a_state_dict_that_fits(checkpoint):
    model = load_model(checkpoint)
    made = type(model).from_pretrained(None, config=model.config, state_dict=model.state_dict())
    for name, tensor in made.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])
    with pytest.raises(CheckpointError, match="lacks"):
        type(model).from_pretrained(None, config=model.config, state_dict={})


def test_another_approachs_checkpoint_is_refused(checkpoint):
    with pytest.raises(CheckpointError, match="lacks"):
        get_model_class("colorful").from_pretrained(checkpoint)


def test_a_checkpoint_on_the_hub_is_checked_by_every_way_of_loading(checkpoint, hub):
    files = {path.name: path.read_bytes() for path in checkpoint.iterdir()}
    hub.add("ada/whole", files)
    expected = load_model(checkpoint).state_dict()
    for name, tensor in AutoModel.from_pretrained("ada/whole").state_dict().items():
        assert torch.equal(tensor.float(), expected[name])
    pipe = transformers.pipeline("image-colorization", model="ada/whole", device="cpu")
    assert pipe.model.dtype == torch.float32
    tensors = load_file(checkpoint / "model.safetensors")
    del tensors[sorted(tensors)[0]]
    save_file(tensors, checkpoint / "model.safetensors", metadata={"format": "pt"})
    hub.add("ada/lacking", files | {"model.safetensors": (checkpoint / "model.safetensors").read_bytes()})
    hub.add(
        "ada/pickled",
        {"config.json": files["config.json"], "pytorch_model.bin": pickle.dumps(Payload(checkpoint / "x"))},
    )
    for name, message in (("lacking", "lacks"), ("pickled", r"model\.safetensors is missing")):
        for load in (
            AutoModel.from_pretrained,
            lambda model: transformers.pipeline("image-colorization", model=model, device="cpu"),
        ):
            with pytest.raises(CheckpointError, match=message):
                load(f"ada/{name}")
    assert not (checkpoint / "x").exists()
