"""Configurations: the fields of an approach, their types and their validation."""

import inspect
from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any, Self

from huggingface_hub.errors import StrictDataclassError
from transformers import PreTrainedConfig

from colorizer.approaches.base.checkpoint_files import CONFIG
from colorizer.errors import CheckpointError, ColorizerError, quote

# A configuration may come from anyone: bounds of numbers that declare none, of lists and of texts.
MAX_NUMBER = 1_000_000
MAX_ITEMS = 10_000
MAX_LETTERS = 100_000

# What transformers writes next to our fields and needs again. The rest of its fields are not a checkpoint's to choose: they
# name code, files, quantization and attention kernels.
KEPT = ("model_type", "architectures", "dtype", "torch_dtype", "transformers_version")
DTYPES = (None, "float64", "float32", "float16", "bfloat16")


def setting(default: Any, help: str, low: float | None = None, high: float | None = None) -> Any:
    """Declare a configuration field: its default, its text for `--help`, and the range of a number."""
    return field(default=default, metadata={"help": help, "low": low, "high": high})


class ColorizerConfig(PreTrainedConfig):
    """Base of the configurations: fields are annotated, have one type each, and are best declared by `setting`."""

    width: float = setting(1.0, "factor on the channels of the paper's network", 0.001, 4)
    resolution: int = setting(256, "side in pixels of the square that the network works at", 1, 4096)
    gain: float = setting(1.0, "factor on the predicted chroma; ignored in training", 0.1, 4)
    chroma_power: float = setting(1.0, "exponent on the predicted chroma; ignored in training", 0.5, 2)

    def __post_init__(self, **kwargs):
        settings = {item.name: item.metadata for item in fields(self) if item.metadata}
        for name, value in own_fields(type(self)).items():
            kind = type(value)
            given = getattr(self, name)
            kinds = (int, float) if kind is float else kind
            if kind is tuple:
                setattr(self, name, self._checked_list(name, given, float if value else str))
            elif not isinstance(given, kinds) or (isinstance(given, bool) and kind is not bool):
                raise ColorizerError(
                    f"{self.model_type}: {name} must be {kind.__name__} such as {value!r}, not {quote(given)}."
                )
            elif kind is str and len(given) > MAX_LETTERS:
                raise ColorizerError(f"{self.model_type}: {name} has more than {MAX_LETTERS:,} characters.")
            elif kind in (int, float):
                self._check_range(name, settings.get(name, {}))
                setattr(self, name, kind(given))
        super().__post_init__(**kwargs)

    def _check_range(self, name: str, metadata: Mapping[str, Any]) -> None:
        low, high = (metadata.get(end) for end in ("low", "high"))
        low, high = (-MAX_NUMBER if low is None else low), (MAX_NUMBER if high is None else high)
        # Written so that NaN is rejected, too.
        if not low <= getattr(self, name) <= high:
            raise ColorizerError(
                f"{self.model_type}: {name} must be {low:g}…{high:g}, not {quote(getattr(self, name))}."
            )

    def _checked_list(self, name: str, given: object, kind: type) -> tuple:
        what = "numbers" if kind is float else "names"
        if not isinstance(given, list | tuple) or len(given) > MAX_ITEMS:
            raise ColorizerError(f"{self.model_type}: {name} must be a list of {what}, not {quote(given)}.")
        for item in given:
            is_number = isinstance(item, int | float) and not isinstance(item, bool) and abs(item) <= MAX_NUMBER
            if not (is_number if kind is float else isinstance(item, str) and len(item) <= MAX_LETTERS):
                raise ColorizerError(f"{self.model_type}: {name} must be a list of {what}, not {quote(given)}.")
        return tuple(map(kind, given))  # JSON has lists instead of tuples, and may have integers for floats

    @classmethod
    def create(cls, **fields: Any) -> Self:
        """Build the configuration of a new network.

        Only here may a field name a folder or repository that is then read. A checkpoint's configuration is built without,
        since whoever wrote it must not choose what is read on this machine.
        """
        return cls(**fields)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **options: Any) -> "Self | tuple[Self, dict[str, Any]]":
        """Build the configuration from a config.json: of our fields, and the few of transformers' that it needs.

        Raises:
            CheckpointError: a field has an invalid value.
        """
        names = (*own_fields(cls), *KEPT)
        known = {name: config_dict[name] for name in names if name in config_dict}
        check_precision(known)
        # AutoConfig passes what it has read as options, too.
        try:
            return super().from_dict(known, **options)
        except (ValueError, TypeError, StrictDataclassError) as error:
            raise CheckpointError(
                f"{CONFIG}: {quote(error) if not isinstance(error, ColorizerError) else error}"
            ) from error


def check_precision(content: Mapping[str, Any]) -> None:
    """Raise CheckpointError if a config.json names a precision of weights that there isn't."""
    for name in ("dtype", "torch_dtype"):
        if content.get(name) not in DTYPES:
            raise CheckpointError(f"{CONFIG}: {name} must be one of {DTYPES[1:]}, not {quote(content[name])}.")


def describe_field(config_class: type[ColorizerConfig], name: str) -> str:
    """Return the help of a field and the range of a number, as `setting` declares them; its name where it doesn't."""
    metadata = {item.name: item.metadata for item in fields(config_class)}[name]
    if not metadata:
        return name.replace("_", " ")
    bounds = [metadata[end] for end in ("low", "high") if metadata[end] is not None]
    return f"{metadata['help']} ({bounds[0]:g}–{bounds[1]:g})" if len(bounds) == 2 else metadata["help"]


def approach_of(model_type: str) -> str:
    """Return the approach of a configuration's `model_type`: "colorizer-residual-encoder" → "residual_encoder"."""
    return model_type.removeprefix("colorizer-").replace("-", "_")


def model_type_of(approach: str) -> str:
    """Return the `model_type` of an approach's configurations, the inverse of `approach_of`."""
    return f"colorizer-{approach.replace('_', '-')}"


Field = int | float | bool | str | tuple[str, ...] | tuple[float, ...]
"""Types of a configuration field's value."""


def own_fields(config_class: type[ColorizerConfig]) -> dict[str, Field]:
    """Return the configuration fields that are ours, not transformers', with their defaults."""
    names = {}
    for base in reversed(config_class.__mro__):
        if issubclass(base, ColorizerConfig):
            names |= {name: getattr(config_class, name) for name in inspect.get_annotations(base)}
    return {name: value for name, value in names.items() if name != "model_type"}
