import json
import re

import pytest
import torch
from transformers import MobileNetV2Config, MobileNetV2ForImageClassification, ResNetConfig

from colorizer import CheckpointError, ColorizerError, HubError
from colorizer.approaches.blocks.classifier import (
    classify,
    make_classifier,
    num_channels,
    num_classes,
    read_description,
)
from colorizer.approaches.blocks.inception_resnet import InceptionResNetV2


def write(folder, config: dict, preprocessor: dict | None = None):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if preprocessor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder


def mobile_net(**changes) -> dict:
    return MobileNetV2Config(depth_multiplier=0.1, depth_divisible_by=2, num_labels=5, **changes).to_dict()


def test_a_classifier_of_transformers_is_built_from_its_description_alone(tmp_path):
    description = read_description(write(tmp_path / "folder", mobile_net(image_size=64)))
    assert description["resolution"] == 64
    assert "LABEL_0" not in description["config"]
    classifier = make_classifier(description["config"]).eval()
    expected = MobileNetV2ForImageClassification(MobileNetV2Config.from_dict(mobile_net()))
    shapes = [{name: tensor.shape for name, tensor in net.state_dict().items()} for net in (classifier, expected)]
    assert shapes[0] == shapes[1]
    assert (num_classes(classifier), num_channels(classifier)) == (5, 3)
    photos = torch.rand(2, 3, 64, 64)
    assert torch.equal(classify(classifier, photos), classifier(photos).logits)


def test_how_it_sees_photos_is_read_from_its_preprocessor(tmp_path):
    preprocessor = {"size": {"shortest_edge": 48}, "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.25, 1]}
    description = read_description(write(tmp_path / "edge", mobile_net(), preprocessor))
    assert (description["resolution"], description["mean"]) == (48, (0.4, 0.5, 0.6))
    assert description["std"] == (0.2, 0.25, 1.0)
    cropped = preprocessor | {"crop_size": {"height": 40, "width": 40}}
    assert read_description(write(tmp_path / "crop", mobile_net(), cropped))["resolution"] == 40


def test_other_weights_of_inception_resnet_in_timms_layout(tmp_path):
    # As timm/inception_resnet_v2.tf_in1k has it, but for the number of classes.
    seen = {"input_size": [3, 299, 299], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "classifier": "classif"}
    config = {"architecture": "inception_resnet_v2", "num_classes": 12, "num_features": 1536, "pretrained_cfg": seen}
    description = read_description(write(tmp_path / "timm", config))
    assert (description["resolution"], description["mean"]) == (299, (0.5, 0.5, 0.5))
    with torch.device("meta"):
        classifier = make_classifier(description["config"], width=1 / 16)
    assert isinstance(classifier, InceptionResNetV2)
    assert (num_classes(classifier), num_channels(classifier)) == (12, 3)
    assert classifier.classif.weight.shape == (12, 1536)


def test_without_a_description_it_is_inception_resnet_of_the_width():
    assert make_classifier("", width=1 / 16).classif.weight.shape == (1000, 96)


def test_a_description_comes_from_the_hub_too(hub):
    config = json.dumps(mobile_net()).encode()
    preprocessor = json.dumps({"size": 40, "image_mean": [0.1, 0.2, 0.3]}).encode()
    hub.add("someone/bare", {"config.json": config})
    hub.add("someone/whole", {"config.json": config, "preprocessor_config.json": preprocessor})
    assert read_description("someone/bare")["resolution"] == 224
    assert "mean" not in read_description("someone/bare")
    whole = read_description("someone/whole", "main")
    assert (whole["resolution"], whole["mean"]) == (40, (0.1, 0.2, 0.3))
    with pytest.raises(HubError, match="someone/nothing"):
        read_description("someone/nothing")
    with pytest.raises(HubError, match=r"someone/whole.*not a folder"):
        read_description("someone/whole", "no-such-branch")


def test_what_is_no_classifier_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, message in (
        (tmp_path / "empty", "it has no config.json"),
        (write(tmp_path / "other", {"width": 3}), "no model_type"),
    ):
        with pytest.raises(CheckpointError, match=message):
            read_description(folder)
    for content in ("[]", "{"):
        (tmp_path / "empty" / "config.json").write_text(content)
        with pytest.raises(CheckpointError, match=r"config\.json"):
            read_description(tmp_path / "empty")


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        '{"model_type": "no such thing"}',
        '{"model_type": "gpt2"}',
        '{"architecture": "inception_resnet_v2"}',
        json.dumps(ResNetConfig(layer_type="basic").to_dict() | {"hidden_sizes": "wide"}),
    ],
)
def test_a_description_that_describes_no_classifier_is_refused(config):
    with pytest.raises(ColorizerError, match=re.escape(config[:40])):
        make_classifier(config)
