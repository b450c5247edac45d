"""Configurations: the fields of an approach, each of one type, and what is refused in them."""

import inspect
from typing import Any, Self

from huggingface_hub.errors import StrictDataclassError
from transformers import PreTrainedConfig

from colorizer.approaches.base import strict_loading
from colorizer.errors import CheckpointError, ColorizerError


class ColorizerConfig(PreTrainedConfig):
    """What every approach's configuration has.

    width: multiplies the channels of the full network, so that one definition gives the paper's network and a small one.
    resolution: side in pixels of the square photos that the network colors, the pipeline's working size; it learns from crops
    of the same side unless training is told otherwise (`--train_resolution`).
    gain, chroma_power: 0.1 to 4 and 0.5 to 2, a factor and an exponent on the chroma of what the network predicts, see
    `grading`; training knows nothing of them.
    """

    width: float = 1.0
    resolution: int = 256
    gain: float = 1.0
    chroma_power: float = 1.0

    def __post_init__(self, **kwargs):
        for name, value in own_fields(type(self)).items():
            kind = type(value)
            given = getattr(self, name)
            if kind is float and isinstance(given, int) and not isinstance(given, bool):
                setattr(self, name, float(given))
            elif kind is tuple:
                setattr(self, name, self._checked_list(name, given, float if value else str))
            elif not isinstance(given, kind) or (isinstance(given, bool) and kind is not bool):
                raise ColorizerError(
                    f"{self.model_type}: {name} must be {kind.__name__} such as {value!r}, not {given!r}."
                )
        for name in ("width", "resolution"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ColorizerError(f"{self.model_type}: {name} must be positive, not {getattr(self, name)!r}.")
        self.check_range("gain", 0.1, 4)
        self.check_range("chroma_power", 0.5, 2)
        super().__post_init__(**kwargs)

    def check_range(self, name: str, low: float, high: float) -> None:
        """ColorizerError, naming the field, unless its value is from `low` to `high`."""
        if not low <= getattr(self, name) <= high:
            raise ColorizerError(f"{self.model_type}: {name} must be {low}…{high}, not {getattr(self, name)}.")

    def _checked_list(self, name: str, given: object, kind: type) -> tuple:
        kinds = (int, float) if kind is float else str
        if not isinstance(given, list | tuple) or not all(isinstance(item, kinds) for item in given):
            what = "numbers" if kind is float else "names"
            raise ColorizerError(f"{self.model_type}: {name} must be a list of {what}, not {given!r}.")
        return tuple(map(kind, given))  # JSON has lists alone, and whole numbers

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **options: Any) -> "Self | tuple[Self, dict[str, Any]]":
        """What a config.json says; which file the weights are in is not for it to say.

        Raises:
            CheckpointError: a field has a value that it can't have.
        """
        known = {name: value for name, value in config_dict.items() if name != "transformers_weights"}
        try:
            return super().from_dict(known, **options)
        except (ValueError, TypeError, StrictDataclassError) as error:
            raise CheckpointError(f"{strict_loading.CONFIG}: {error}") from error


Field = int | float | bool | str | tuple[str, ...] | tuple[float, ...]
"""What a field of the configuration can hold."""


def own_fields(config_class: type[ColorizerConfig]) -> dict[str, Field]:
    """The configuration fields that are ours, not transformers', with their defaults."""
    names = {}
    for base in reversed(config_class.__mro__):
        if issubclass(base, ColorizerConfig):
            names |= {name: getattr(config_class, name) for name in inspect.get_annotations(base)}
    return {name: value for name, value in names.items() if name != "model_type"}
