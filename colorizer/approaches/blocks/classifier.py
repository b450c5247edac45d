"""Frozen image classifiers used as feature extractors: our Inception-ResNet-v2, or one from transformers."""

import inspect
import json
import math
import os
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForImageClassification, PreTrainedConfig
from transformers.utils import cached_file

from colorizer.approaches.base.checkpoint_files import read_json
from colorizer.approaches.blocks.inception_resnet import InceptionResNetV2
from colorizer.errors import CheckpointError, ColorizerError, HubError, quote

INCEPTION = "timm/inception_resnet_v2.tf_in1k"
"""Szegedy et al. 2017, trained on ImageNet; the only classifier that needs no description."""

ARCHITECTURE = "inception_resnet_v2"
# Image classifiers of transformers that a description may build: each is one network, named whole by its own fields.
# Others read models from the Hub, run code of other packages, are parts of language models, or take minutes to be built.
MODEL_TYPES = {
    *("beit", "bit", "convnext", "convnextv2", "cvt", "data2vec-vision", "deit", "dinov2", "dinov2_with_registers"),
    *("efficientnet", "focalnet", "hgnet_v2", "hiera", "ijepa", "mobilenet_v1", "mobilenet_v2", "mobilevit"),
    *("mobilevitv2", "poolformer", "pvt", "pvt_v2", "regnet", "resnet", "segformer", "swiftformer"),
    *("swin", "swinv2", "textnet", "vit", "vit_msn"),
}
# Bounds on a description, which may come from anyone: numbers, entries of a list, characters of a name.
MAX_NUMBER, MAX_ITEMS, MAX_LETTERS = 32_768, 64, 64


def read_description(source: str | os.PathLike, revision: str = "main") -> dict[str, Any]:
    """Read a published classifier's architecture and preprocessing from its config.json and preprocessor_config.json.

    Returns `config`, the description that `make_classifier` takes, as JSON. If published, also `resolution`, the side of the
    input in pixels, and `mean` and `std`, which normalize levels in 0…1 per channel.

    Args:
        source: a folder, or a Hub repository at `revision`.

    Raises:
        HubError: the repository doesn't exist, or the Hub can't be reached.
        CheckpointError: the source contains no supported image classifier.
    """
    published = _read_json(source, "config.json", revision, is_needed=True)
    if published is None:
        raise CheckpointError(f"{source} is no classifier: it has no config.json.")
    preprocessing = _read_json(source, "preprocessor_config.json", revision) or {}
    try:
        return _describe(published, preprocessing)
    except ColorizerError as error:
        raise CheckpointError(f"{source} is no classifier: {error}") from error
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise CheckpointError(f"{source} is no classifier that can be read: {quote(error)}.") from error


def _describe(published: dict[str, Any], preprocessing: dict[str, Any]) -> dict[str, Any]:
    if published.get("architecture") == ARCHITECTURE:
        preprocessing = published.get("pretrained_cfg") or {}
        config = {"architecture": ARCHITECTURE, "num_classes": published.get("num_classes", 1000)}
        known = {
            "resolution": (preprocessing.get("input_size") or [None])[-1],
            "mean": preprocessing.get("mean"),
            "std": preprocessing.get("std"),
        }
    else:
        if "model_type" not in published:
            raise ColorizerError("its config.json has no model_type.")
        _check_model_type(published["model_type"])
        config = _own_fields(published)
        if names := published.get("id2label"):
            config["num_labels"] = len(names)
        size = preprocessing.get("crop_size") or preprocessing.get("size") or published.get("image_size")
        if isinstance(size, dict):
            size = size.get("height") or size.get("shortest_edge")
        known = {"resolution": size, "mean": preprocessing.get("image_mean"), "std": preprocessing.get("image_std")}
    description = {"config": json.dumps(config, sort_keys=True)}
    if isinstance(known["resolution"], int):
        description["resolution"] = known["resolution"]
    for name in ("mean", "std"):
        if isinstance(known[name], list):
            description[name] = tuple(float(level) for level in known[name])
    return description


def make_classifier(config: str, *, width: float = 1.0) -> nn.Module:
    """Build a classifier with random weights from its description; "" means Inception-ResNet-v2 at `width`.

    Raises:
        ColorizerError: the description is not of an image classifier.
    """
    if not config:
        return InceptionResNetV2(width=width)
    try:
        fields = json.loads(config)
        if fields.get("architecture") == ARCHITECTURE:
            num_labels = fields["num_classes"]
            if type(num_labels) is not int or not 1 <= num_labels <= MAX_NUMBER:
                raise ValueError(f"num_classes must be 1 to {MAX_NUMBER}")
            return InceptionResNetV2(num_labels)
        _check_model_type(fields.get("model_type"))
        described = AutoConfig.for_model(**_own_fields(fields), architectures=[])
        return AutoModelForImageClassification.from_config(described, trust_remote_code=False)
    except CheckpointError:  # of the limits under which a checkpoint's network is built
        raise
    except Exception as error:  # whatever transformers' configurations and networks raise
        raise ColorizerError(
            f"No classifier can be built from its description {quote(config)}: {quote(error)}."
        ) from error


def _check_model_type(model_type: object) -> None:
    if not isinstance(model_type, str) or model_type not in MODEL_TYPES:
        raise ColorizerError(
            f"{quote(model_type)} is not an image classifier that can be used here. These can: "
            f"{', '.join(sorted(MODEL_TYPES))}."
        )


def _own_fields(published: dict[str, Any]) -> dict[str, Any]:
    """Return what a configuration says about its network: the fields that its class itself declares, in plain values.

    The fields of transformers' base class are left out. They don't change the network's layers, and name code to run, files
    to read, quantization and attention kernels.
    """
    config_class = CONFIG_MAPPING[published["model_type"]]
    declared = {
        name
        for base in config_class.__mro__
        if base not in PreTrainedConfig.__mro__
        for name in inspect.get_annotations(base)
        if not name.startswith("_")
    }
    kept = {name: published[name] for name in sorted(declared | {"num_labels"}) if name in published}
    for name, value in kept.items():
        _check_value(name, value)
    return {"model_type": published["model_type"], **kept}


def _check_value(name: str, value: object, depth: int = 0) -> float:
    """Refuse what is too large, and return the sum of the numbers in a value: layers are often made as a list says."""
    if isinstance(value, list) and len(value) <= MAX_ITEMS and depth < 4:
        total = sum(_check_value(name, item, depth + 1) for item in value)
    elif isinstance(value, int | float):
        total = abs(value)
    else:
        total = 0 if value is None or (isinstance(value, str) and len(value) <= MAX_LETTERS) else math.inf
    if not total <= MAX_NUMBER:
        raise ColorizerError(
            f"{name} must be a number up to {MAX_NUMBER:,}, a short name, or a list, not {quote(value)}."
        )
    return total


def classify(classifier: nn.Module, photos: Tensor) -> Tensor:
    """Return the logits (B, num_classes) of normalized photos (B, C, H, W)."""
    output = classifier(photos)
    return output if isinstance(output, Tensor) else output.logits


def num_classes(classifier: nn.Module) -> int:
    """Return the number of classes."""
    return (
        classifier.classif.out_features if isinstance(classifier, InceptionResNetV2) else classifier.config.num_labels
    )


def num_channels(classifier: nn.Module) -> int:
    """Return the number of input channels."""
    return 3 if isinstance(classifier, InceptionResNetV2) else getattr(classifier.config, "num_channels", 3)


def _read_json(
    source: str | os.PathLike, name: str, revision: str, *, is_needed: bool = False
) -> dict[str, Any] | None:
    """Return the content of a JSON file in a folder or repository; None if the file doesn't exist."""
    try:
        if Path(source).is_dir():
            path = Path(source) / name if (Path(source) / name).is_file() else None
        else:
            path = cached_file(source, name, revision=revision, _raise_exceptions_for_missing_entries=is_needed)
    except (OSError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise HubError(
            f"The classifier {source!r} is not a folder, and can't be loaded from the Hub: {reason} "
            "Give another repository, or a folder."
        ) from error
    if path is None:
        return None
    return read_json(Path(path))
