"""Cached features of frozen parts: computed once per photo, and equal to those of each forward."""

from types import SimpleNamespace

import pytest
import torch
from transformers import MobileNetV2Config

from colorizer import create_model, save_checkpoint
from colorizer.data import load_photos
from colorizer.photos.color import rgb_to_lab
from colorizer.training import frozen_features
from colorizer.training.builders import make_network
from colorizer.training.frozen_features import FrozenFeatures, compute, repeats
from tests.training.conftest import parse_arguments

TINY = ["--approach", "fusion", "--resolution", "32", "--width", "0.0625", "--classifier_resolution", "75"]
AS_IT_IS = ["--rotation", "0", "--shear", "0", "--zoom", "0"]


def alone(process_index: int = 0, num_processes: int = 1) -> SimpleNamespace:
    """Stand-in for an accelerator whose other processes contribute zeros."""
    return SimpleNamespace(
        device=torch.device("cpu"),
        process_index=process_index,
        num_processes=num_processes,
        is_main_process=False,
        reduce=lambda tensor, reduction: tensor,
    )


@pytest.fixture
def network():
    torch.manual_seed(0)
    return create_model("fusion", width=1 / 16, resolution=32, classifier_resolution=75)


@pytest.fixture
def photos(dataset):
    return load_photos(dataset, resolution=32)


def test_the_cache_holds_the_networks_features_of_each_photo(network, photos, monkeypatch):
    monkeypatch.setattr(frozen_features, "CHUNK", 5)
    messages = []
    table = FrozenFeatures(network.eval(), photos, accelerator=alone(), say=messages.append)
    assert len(messages) == 1
    assert "16 photos" in messages[0]
    assert "0.1 MB" in messages[0]
    index = torch.tensor([11, 3, 3, 15])
    lightness = rgb_to_lab(photos.batch(index)["rgb"].float() / 255)[:, :1]
    assert torch.allclose(table.of(index), network.frozen_features(lightness), atol=1e-5)
    shared = [compute(network, photos, alone(process, 3)) for process in range(3)]
    assert torch.equal(sum(shared), table.table)
    assert all((part == 0).all(1).any() for part in shared)


def test_features_that_do_not_fit_are_not_cached(network, photos, monkeypatch):
    monkeypatch.setattr(frozen_features, "MAX_BYTES", 1000)
    messages = []
    table = FrozenFeatures(network, photos, accelerator=alone(), say=messages.append)
    assert table.of(torch.tensor([0])) is None
    assert len(messages) == 1
    assert "16 photos" in messages[0]
    assert "0.0 GB" in messages[0]
    dense = create_model("dense", width=1 / 64)
    assert FrozenFeatures(dense, photos, accelerator=alone(), say=messages.append).of(torch.tensor([0])) is None
    assert len(messages) == 1


def test_only_photos_that_repeat_unchanged_are_cached(photos, dataset):
    def worth(*words: str, num_photos_seen: int = 17, source=photos) -> bool:
        given = [*TINY, "--dataset_name", "data", "--output_dir", "run", *words]
        return repeats(parse_arguments(given), source, num_photos_seen)

    assert worth(*AS_IT_IS)
    assert worth(*AS_IT_IS, "--no-flip")
    assert worth(*AS_IT_IS, "--vertical_flip")
    assert not worth(*AS_IT_IS, num_photos_seen=16)
    assert not worth()
    for changed in (
        ["--rotation", "5"],
        ["--shear", "1"],
        ["--zoom", "0.1"],
        ["--contrast", "0.5"],
        ["--min_scale", "0.9"],
    ):
        assert not worth(*AS_IT_IS, *changed)
    assert not worth(*AS_IT_IS, source=load_photos(dataset, resolution=32, streaming=True))


def test_training_with_the_cache_equals_training_without(train, tmp_path, monkeypatch):
    runs, forwards = {}, {}
    monkeypatch.setattr("colorizer.hub.loading._add_graphs", lambda folder: None)  # runs the classifier, too
    for name in ("with", "without"):
        if name == "without":
            monkeypatch.setattr("colorizer.training.trainer.repeats", lambda *arguments: False)
        counts = forwards.setdefault(name, [])
        hook = torch.nn.modules.module.register_module_forward_pre_hook(
            lambda module, given, counts=counts: (
                counts.append(len(given[0])) if type(module).__name__ == "InceptionResNetV2" else None
            )
        )
        try:
            run = [*TINY, *AS_IT_IS, "--no-flip", "--output_dir", tmp_path / name, "--ema_decay", "0"]
            runs[name] = train(*run)
        finally:
            hook.remove()
    # With the cache: 16 training and 4 validation photos once, and the 4 samples of two validations. Without: 6 batches of 4
    # instead of the training photos.
    assert sum(forwards["with"]) == 16 + 4 + 2 * 4
    assert sum(forwards["without"]) == 6 * 4 + 4 + 2 * 4
    records = [
        [(record["step"], value) for record in run.progress.history for name, value in record.items() if "loss" in name]
        for run in runs.values()
    ]
    for (step, loss), (other_step, other_loss) in zip(*records, strict=True):
        assert step == other_step
        assert loss == pytest.approx(other_loss, rel=1e-4)
    for name, tensor in runs["with"].network.classifier.state_dict().items():
        assert torch.equal(tensor, runs["without"].network.classifier.state_dict()[name])


def test_a_checkpoint_that_carries_its_classifier_passes_it_on(tmp_path, hub):
    config = MobileNetV2Config(depth_multiplier=0.1, depth_divisible_by=2, num_labels=5)
    hub.add("someone/classifier", {"config.json": config.to_json_string().encode()})
    given = [*TINY, "--classifier", "someone/classifier", "--dataset_name", "data", "--output_dir", "run"]
    before = create_model("fusion", **parse_arguments(given).model_fields)
    before.keep_parts()
    save_checkpoint(before, tmp_path, dtype=torch.float32)
    arguments = parse_arguments([*given, "--pretrained_model_name_or_path", str(tmp_path)])
    network = make_network(arguments, [], print)
    assert network.left_out_parts == []
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before.state_dict()[name]), name


def test_the_ema_leaves_frozen_weights_unchanged(train):
    trainer = train(*TINY, "--ema_decay", "0.9")
    averaged = trainer.ema.module.classifier.state_dict()
    for name, tensor in trainer.network.classifier.state_dict().items():
        assert torch.equal(averaged[name], tensor), name
