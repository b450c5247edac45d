"""Inference options. An approach declares them once for the shell, the API, the app, cards and error messages."""

from dataclasses import dataclass

from colorizer.errors import ColorizerError, check_number, quote

RESERVED = frozenset(
    (
        *("resolution", "saturation", "return_dict", "hints", "hint_reach", "num_images", "seed"),
        *("batch_size", "num_workers", "device", "dtype", "model", "revision", "token"),
        *("self", "lightness", "features", "decode", "source", "prediction", "logits", "uniforms"),
    )
)
"""Names that already have another meaning where options are passed."""


@dataclass(frozen=True)
class Option:
    """Number from `low` to `high`, or name from `choices`, that changes how a checkpoint colors a photo.

    help: one sentence for lay people; the app shows it next to the control.
    default: the value if none is given. A configuration field of the same name overrides it, so that each checkpoint can have
        its own default.
    choices: valid names, or None for a number. Besides them, None is valid and leaves the choice to the checkpoint.
    useful: the part of the range that a slider covers, if not all of it.
    """

    name: str
    help: str
    default: float | str | None = None
    low: float = 0.0
    high: float = 1.0
    choices: tuple[str, ...] | None = None
    useful: tuple[float, float] | None = None

    @property
    def label(self) -> str:
        """Display name."""
        return self.name.replace("_", " ").capitalize()

    @property
    def values(self) -> str:
        """Valid values, as text."""
        if self.choices is None:
            return f"{self.low:g}…{self.high:g}"
        return ", ".join(self.choices) or "depends on the checkpoint"

    def parse(self, text: str) -> float | str:
        """Parse a value from the command line; raise ColorizerError if it must be a number but isn't."""
        if self.choices is not None:
            return text
        try:
            return float(text)
        except ValueError as error:
            raise ColorizerError(
                f"{self.name} must be a number from {self.low:g} to {self.high:g}, got {quote(text)}."
            ) from error

    def check(self, value: float | str | None, owner: str) -> None:
        """Raise ColorizerError, naming the option and `owner`, if the value is invalid."""
        if self.choices is None:
            check_number(self.name, value, self.low, self.high)
        elif value is not None and value not in self.choices:
            known = f"there are {', '.join(self.choices)}" if self.choices else "this checkpoint has none"
            raise ColorizerError(f"{owner} has no {self.name} {quote(value)}: {known}.")
