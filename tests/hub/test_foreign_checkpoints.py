"""A checkpoint from a stranger is data: it names nothing, runs nothing, and costs nothing before it is known to be whole."""

import json
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file
from transformers import AutoModel, ResNetConfig

from colorizer import CheckpointError, ColorizerError, HubError, create_model, load_model, save_checkpoint
from colorizer.approaches.blocks.classifier import MODEL_TYPES, classify, make_classifier
from colorizer.demo.catalog import Catalog
from colorizer.hub.cards import write_card
from tests.hub_server import HubServer

SECRET = "hunter2-the-password"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return save_checkpoint(create_model("dense", width=1 / 64, resolution=8), tmp_path / "foreign")


def change(folder: Path, **fields: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def one_line(error: BaseException, folder: Path) -> bool:
    message = str(error).replace(str(folder), "")
    return "\n" not in message and len(message) < 600


def fusion_fields(**fields: object) -> dict[str, object]:
    small = ResNetConfig(embedding_size=4, hidden_sizes=[4, 6], depths=[1, 1], layer_type="basic").to_dict()
    return {
        "model_type": "colorizer-fusion",
        "width": 1 / 16,
        "resolution": 32,
        "classifier_config": json.dumps({"model_type": "resnet"} | small),
        **fields,
    }


@pytest.mark.parametrize("has_description", [False, True])
@pytest.mark.parametrize("load", [load_model, AutoModel.from_pretrained])
def test_no_folder_of_the_server_is_read(load, has_description, folder: Path, hub: HubServer, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "config.json").write_text(json.dumps({"model_type": SECRET, "password": SECRET}))
    fields = fusion_fields(classifier=str(secrets))
    if not has_description:
        fields["classifier_config"] = ""
    model = create_model(**{k: v for k, v in fusion_fields().items() if k != "model_type"}, approach="fusion")
    tensors = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("classifier.")}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(fields))
    with pytest.raises(ColorizerError) as caught:
        load(folder).check_complete()
    assert SECRET not in str(caught.value)
    hub.add("ada/foreign", {path.name: path.read_bytes() for path in folder.iterdir()})
    with pytest.raises(ColorizerError) as caught:
        Catalog([]).add_from_hub("ada/foreign")
    assert SECRET not in str(caught.value)


def test_a_repository_that_a_checkpoint_names_is_read_without_the_servers_token(folder: Path, hub: HubServer) -> None:
    model = create_model("residual_encoder", pretrained="ada/private", resolution=32)
    save_checkpoint(model, folder)
    hub.add("ada/private", {"config.json": b"{}", "model.safetensors": save({"x": torch.zeros(1)})})
    hub.repositories["ada/private"].is_private = True
    for token in (None, "hf_write"):
        with pytest.raises(HubError, match=r"ada/private.*without a token"):
            load_model(folder, token=token)


@pytest.mark.parametrize("field", ["{vgg:>2000000000}", "{vgg.__class__}", "{0}", "{x}", "{"])
def test_a_field_is_no_format_string(field: str, folder: Path, hub: HubServer) -> None:
    save_checkpoint(create_model("residual_encoder", resolution=32), folder)
    change(folder, pretrained=field)
    with pytest.raises(ColorizerError) as caught:
        load_model(folder)
    assert one_line(caught.value, folder)


def test_no_description_of_a_classifier_runs_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked whether to run the checkpoint's code"))
    small = ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 6], depths=[1, 1], layer_type="basic", num_labels=5
    ).to_dict()
    expected = make_classifier(json.dumps(small))
    hostile = {
        "auto_map": {
            "AutoModelForImageClassification": "ada/code--model.Model",
            "AutoConfig": "ada/code--model.Config",
        },
        "_name_or_path": "ada/code",
        "name_or_path": "ada/code",
        "attn_implementation": "ada/kernels",
        "_attn_implementation": "ada/kernels",
        "quantization_config": {"quant_method": "bitsandbytes"},
        "torch_dtype": "float64",
        "trust_remote_code": True,
    }
    for name, value in hostile.items():
        built = make_classifier(json.dumps(small | {name: value}))
        assert {k: v.shape for k, v in built.state_dict().items()} == {
            k: v.shape for k, v in expected.state_dict().items()
        }
        assert getattr(built.config, name, None) in (getattr(expected.config, name, None), None)
    for model_type in ("timm_wrapper", "clip", "shieldgemma2", "perceiver", "custom", "vision-encoder-decoder"):
        with pytest.raises(ColorizerError, match=model_type):
            make_classifier(json.dumps({"model_type": model_type, "auto_map": hostile["auto_map"]}))


@pytest.mark.parametrize("model_type", sorted(MODEL_TYPES))
def test_every_permitted_classifier_works(model_type: str) -> None:
    with torch.device("meta"), torch.no_grad():
        classifier = make_classifier(json.dumps({"model_type": model_type, "num_labels": 5})).eval()
        side = getattr(classifier.config, "image_size", None) or 224
        side = side if isinstance(side, int) else side[0]
        assert classify(classifier, torch.zeros(1, 3, side, side)).shape == (1, 5)


def test_a_configuration_keeps_only_what_it_needs(folder: Path) -> None:
    change(
        folder,
        auto_map={"AutoConfig": "ada/code--x.X", "AutoModel": "ada/code--x.X"},
        quantization_config={"quant_method": "bitsandbytes"},
        attn_implementation="ada/kernels",
        name_or_path="/etc",
        fusion_config={"x": 1},
    )
    for load in (load_model, AutoModel.from_pretrained):
        config = load(folder).config
        assert not hasattr(config, "auto_map")
        assert not hasattr(config, "quantization_config")
        assert not hasattr(config, "fusion_config")
    change(folder, dtype="save")
    for read in (load_model, AutoModel.from_pretrained, partial(write_card, name="tiny")):
        with pytest.raises(CheckpointError, match=r"dtype must be one of .*, not 'save'"):
            read(folder)


# Each is refused within these bounds, in a process of its own: 20 s of CPU time for import and refusal.
COSTLY = [
    {"width": 4.0, "resolution": 256, "hidden_channels": 16384},
    {"width": 30.0},
    {"num_layers": 10**7},
    {"num_layers": 64, "width": 4.0},
    {"resolution": 100_000},
    {"model_type": "colorizer-lite-unet", "view_scales": [1.0] * 20_000},
    {"model_type": "colorizer-lite-unet", "resolution": 4096},
    {"model_type": "colorizer-joint", "scenes": ["x" * 200_000]},
    {"model_type": "colorizer-joint", "scenes": [str(n) for n in range(200_000)]},
    {"model_type": "colorizer-joint", "resolution": 4096},
    {"model_type": "colorizer-colorful", "width": 4.0},
    {"model_type": "colorizer-pix2pix", "num_levels": 12, "width": 4.0},
    {"model_type": "colorizer-resnet-unet", "depth": 10**6},
    fusion_fields(classifier_config=json.dumps({"model_type": "resnet", "num_labels": 10**8})),
    fusion_fields(classifier_config=json.dumps({"model_type": "resnet", "depths": [10**7] * 4})),
    fusion_fields(classifier_config=json.dumps({"model_type": "vit", "num_hidden_layers": 32_000})),
    fusion_fields(classifier_config=json.dumps({"model_type": "swin", "window_size": 32_000})),
    fusion_fields(classifier_config=json.dumps({"architecture": "inception_resnet_v2", "num_classes": 10**8})),
    fusion_fields(classifier_config="[" * 90_000),
    fusion_fields(classifier_mean=[1e308] * 3),
    fusion_fields(classifier_mean=[0.5] * 10**5, classifier_std=[0.5] * 10**5),
]


def test_nothing_is_allocated_or_computed_for_what_does_not_fit(folder: Path, tmp_path: Path) -> None:
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps(COSTLY))
    code = f"""
        import json, resource, time
        from pathlib import Path
        from colorizer import CheckpointError, load_model
        load_model({str(folder)!r})
        config = Path({str(folder)!r}) / "config.json"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        own = json.loads(config.read_text())
        for fields in json.loads(Path({str(cases)!r}).read_text()):
            config.write_text(json.dumps(own | fields))
            started = time.process_time()
            try:
                load_model(config.parent)
            except CheckpointError as error:
                assert len(str(error)) < 1000 and "\\n" not in str(error), error
            else:
                raise AssertionError(str(fields)[:200])
            assert time.process_time() - started < 10, str(fields)[:200]
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        assert grown < 500, grown
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=300)


def test_a_network_that_costs_too_much_per_photo_is_refused(folder: Path) -> None:
    save_checkpoint(create_model("lite_unet", width=0.25), folder)
    assert load_model(folder)
    change(folder, resolution=4096, view_scales=[2.0] * 8)
    for load in (load_model, AutoModel.from_pretrained):
        with pytest.raises(CheckpointError, match="too much time or memory"):
            load(folder)
