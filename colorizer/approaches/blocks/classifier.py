"""Frozen image classifiers used as feature extractors: our Inception-ResNet-v2, or one from transformers."""

import json
import os
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageClassification
from transformers.utils import cached_file

from colorizer.approaches.blocks.inception_resnet import InceptionResNetV2
from colorizer.errors import CheckpointError, ColorizerError, HubError

INCEPTION = "timm/inception_resnet_v2.tf_in1k"
"""Szegedy et al. 2017, trained on ImageNet; the only classifier that needs no description."""

ARCHITECTURE = "inception_resnet_v2"
# Fields of a published configuration that don't affect the architecture; the names of a thousand classes are long.
LEFT_OUT = {
    *("id2label", "label2id", "architectures", "dtype", "torch_dtype", "transformers_version", "_name_or_path"),
    *("return_dict", "output_hidden_states", "output_attentions", "problem_type", "is_encoder_decoder"),
    "chunk_size_feed_forward",
}


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
            raise CheckpointError(f"{source} is no classifier: its config.json has no model_type.")
        config = {name: value for name, value in published.items() if name not in LEFT_OUT}
        if names := published.get("id2label"):
            config["num_labels"] = len(names)
        preprocessing = _read_json(source, "preprocessor_config.json", revision) or {}
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
            return InceptionResNetV2(fields["num_classes"])
        described = AutoConfig.for_model(fields.pop("model_type"), **fields)
        return AutoModelForImageClassification.from_config(described)
    except Exception as error:  # whatever transformers' configurations and networks raise
        raise ColorizerError(f"No classifier can be built from its description {config}: {error!r}.") from error


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
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{name} of the classifier {source} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{name} of the classifier {source} is not a JSON object.")
    return content
