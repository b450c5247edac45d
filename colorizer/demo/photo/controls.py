"""Controls of the Photo tab: adjustments beside the viewer, and options of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.comparison import MAX_VARIANTS, Settings
from colorizer.demo.photo.downloads import FORMATS
from colorizer.demo.photo.option_controls import OptionControls, build_option_controls
from colorizer.pipelines.hint_propagation import REACH

REACHES = [("Near", 0.04), ("Medium", REACH), ("Far", 0.2)]
OWN_RESOLUTION = "own"
RESOLUTIONS = [
    ("Default of each approach", OWN_RESOLUTION),
    *[(f"{side} px", str(side)) for side in (128, 192, 256, 384, 512)],
]


@dataclass(frozen=True)
class Controls:
    """The controls. `inputs` lists them in the order in which their values come.

    adjustments: saturation, warmth and strength.
    own, decoding: options of the approaches; those of `decoding` change colors without another run.
    """

    catalog: Catalog
    adjustments: list[gr.Slider]
    approaches: gr.CheckboxGroup
    resolution: gr.Dropdown
    num_images: gr.Slider
    seed: gr.Number
    own: OptionControls
    decoding: OptionControls
    file_format: gr.Radio
    reach: gr.Radio

    @property
    def inputs(self) -> list[gr.blocks.Block]:
        return [*self.adjustments, self.file_format, self.reach, *self.rerunning, *self.decoding.controls]

    @property
    def rerunning(self) -> list[gr.blocks.Block]:
        """Controls whose change needs another run."""
        return [self.approaches, self.resolution, self.num_images, self.seed, *self.own.controls]

    def names(self, values: Sequence[Any]) -> list[str]:
        """Return the chosen approaches, the best first. Raises ColorizerError for none, or an unknown one."""
        chosen = self.catalog.check_choice(values[5])
        return sorted(chosen, key=self.catalog.best_first.index)

    def settings(self, values: Sequence[Any]) -> Settings:
        """Return the settings of a run. Raises ColorizerError for values out of range."""
        resolution, num_images, seed = values[6:9]
        saturation, warmth, strength = values[:3]
        own = self.own.given(values[9 : 9 + len(self.own.controls)])
        return Settings(
            saturation,
            own | self.decoding_options(values),
            None if resolution == OWN_RESOLUTION else int(resolution),
            warmth,
            strength,
            int(num_images),
            int(seed or 0) if num_images > 1 else None,
        )

    def decoding_options(self, values: Sequence[Any]) -> dict[str, float | str]:
        """Return the options that change colors without another run, as far as the visitor changed them."""
        return self.decoding.given(values[9 + len(self.own.controls) :])


def build_adjustments() -> list[gr.Slider]:
    """Build the sliders for saturation, warmth and strength inside the current Blocks."""
    looks = {"buttons": ["reset"], "min_width": 90}
    with gr.Group(elem_id="adjust"):
        return [
            gr.Slider(0, 2, 1, step=0.05, label="Saturation", **looks),
            gr.Slider(-40, 40, 0, step=1, label="Warmth", **looks),
            gr.Slider(0, 1, 1, step=0.05, label="Strength", **looks),
        ]


def build_controls(catalog: Catalog, adjustments: list[gr.Slider]) -> Controls:
    """Build the options inside the current Blocks."""
    best_first = [catalog.entry(name) for name in catalog.best_first]
    file_format = gr.Radio(list(FORMATS), value="JPEG", label="Download format")
    reach = gr.Radio(REACHES, value=REACH, label="Spread of a fixed color", info="It stops at edges in the photo")
    approaches = gr.CheckboxGroup(
        [(entry.label, entry.name) for entry in best_first],
        value=[entry.name for entry in best_first],
        label="Approaches",
        info="Each gets only the brightness of the photo and guesses its colors.",
    )
    resolution = gr.Dropdown(
        RESOLUTIONS,
        value=OWN_RESOLUTION,
        label="Working size",
        info="Size at which colors are guessed; results always have the size of the photo",
        filterable=False,
    )
    num_images = gr.Slider(
        1,
        MAX_VARIANTS,
        1,
        step=1,
        label="Variants",
        info="Number of different colorings, from approaches that predict several possible colors",
    )
    seed = gr.Number(0, precision=0, minimum=0, label="Seed", info="Another number gives other variants")
    decoding, own = (
        build_option_controls(
            {
                name: option
                for name, option in catalog.options.items()
                if (name in catalog.decoding_options) == is_decoding
            },
            min_width=240,
        )
        for is_decoding in (True, False)
    )
    return Controls(catalog, adjustments, approaches, resolution, num_images, seed, own, decoding, file_format, reach)
