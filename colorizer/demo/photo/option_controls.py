"""A control for each option that an approach declares: a slider for a number, a list for a name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import gradio as gr

from colorizer.approaches.base.option import Option

AUTOMATIC = "Automatic"
"""Each checkpoint's own choice."""


@dataclass(frozen=True)
class OptionControls:
    """Options and their controls, in the same order."""

    options: list[Option]
    controls: list[gr.Slider | gr.Dropdown]

    @property
    def defaults(self) -> list[float | str | None]:
        """Values of the controls at the start."""
        return [_initial(option) for option in self.options]

    def show(self, names: Collection[str]) -> dict[gr.blocks.Block, gr.blocks.Block]:
        """Return updates that show the controls of these options only."""
        return {
            control: type(control)(visible=option.name in names)
            for option, control in zip(self.options, self.controls, strict=True)
        }

    def given(self, values: Sequence[float | str | None]) -> dict[str, float | str]:
        """Return the options that a visitor has changed; each checkpoint has its own values of the others."""
        return {
            option.name: value
            for option, value, initial in zip(self.options, values, self.defaults, strict=True)
            if value is not None and value != initial
        }


def build_option_controls(options: Mapping[str, Option], min_width: int) -> OptionControls:
    """Build the controls inside the current Blocks."""
    return OptionControls(list(options.values()), [_control(option, min_width) for option in options.values()])


def _initial(option: Option) -> float | str | None:
    if option.choices is not None:
        return ""
    return option.low if option.default is None else option.default


def _control(option: Option, min_width: int) -> gr.Slider | gr.Dropdown:
    appearance = {"label": option.label, "info": option.help, "min_width": min_width}
    if option.choices is None:
        low, high = option.useful or (option.low, option.high)
        return gr.Slider(low, high, _initial(option), step=(high - low) / 100, **appearance)
    return gr.Dropdown([(AUTOMATIC, ""), *option.choices], value="", **appearance)
