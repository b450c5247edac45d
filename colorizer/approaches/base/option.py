"""Options of inference, which an approach declares once: the shell, the API, the app, cards and errors read them there."""

from dataclasses import dataclass

from colorizer.errors import ColorizerError, check_number

RESERVED = frozenset(
    (
        *("resolution", "saturation", "return_dict", "hints", "hint_reach", "num_images", "seed"),
        *("batch_size", "num_workers", "device", "dtype", "model", "revision", "token"),
        *("lightness", "features", "decode"),
    )
)
"""Names that mean something else wherever options are given."""


@dataclass(frozen=True)
class Option:
    """A number from `low` to `high`, or a name out of `choices`, that changes what a checkpoint makes of a photo.

    help: one sentence for people who know no networks; the app shows it beside the control.
    default: the value unless told otherwise. A configuration field of the same name takes its place, so that each
        checkpoint has a value of its own.
    choices: None for a number. Beside them, None always means the checkpoint's own choice.
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
        """The name as people read it."""
        return self.name.replace("_", " ").capitalize()

    @property
    def values(self) -> str:
        """The values that it takes, in words."""
        if self.choices is None:
            return f"{self.low:g}…{self.high:g}"
        return ", ".join(self.choices) or "those that a checkpoint knows"

    def parse(self, text: str) -> float | str:
        """Value of a text from a command line; ColorizerError where a number is due and it is none."""
        if self.choices is not None:
            return text
        try:
            return float(text)
        except ValueError as error:
            raise ColorizerError(
                f"{self.name} must be a number from {self.low:g} to {self.high:g}, got {text!r}."
            ) from error

    def check(self, value: float | str | None, owner: str) -> None:
        """ColorizerError, naming the option and `owner`, unless it takes the value."""
        if self.choices is None:
            check_number(self.name, value, self.low, self.high)
        elif value is not None and value not in self.choices:
            known = f"there are {', '.join(self.choices)}" if self.choices else "this checkpoint knows none"
            raise ColorizerError(f"{owner} has no {self.name} {value!r}: {known}.")
