"""Data classes of a comparison: the visitor's settings, a result, and all results together."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

from colorizer.approaches.base.limits import build_skeleton, check_cost
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.canvas import Studio
from colorizer.errors import ColorizerError, quote
from colorizer.pipelines.hint_propagation import REACH
from colorizer.pipelines.hints import Hint

# Limits per visitor, since many share the machine.
MAX_RESOLUTION = 1024
MAX_VARIANTS = 4
_checked: WeakKeyDictionary[ColorizerModel, set[int]] = WeakKeyDictionary()  # resolutions above their own


@dataclass(frozen=True)
class Settings:
    """Settings of a run. A resolution of None is each checkpoint's own.

    options: values of the approaches' own options; each checkpoint uses its own value of those that are missing.
    saturation, warmth, strength: as in `adjust`. They, and options such as the temperature, can change without another run.
    num_images: number of variants per approach.
    seed: seed for drawing variants; None = the most likely coloring, nothing is drawn.
    """

    saturation: float = 1.0
    options: Mapping[str, float | str] = field(default_factory=dict)
    resolution: int | None = None
    warmth: float = 0.0
    strength: float = 1.0
    num_images: int = 1
    seed: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.resolution, int) and self.resolution > MAX_RESOLUTION:
            raise ColorizerError(
                f"The working resolution must be at most {MAX_RESOLUTION}, not {quote(self.resolution)}."
            )
        if self.num_images > MAX_VARIANTS:
            raise ColorizerError(
                f"The number of variants must be at most {MAX_VARIANTS}, not {quote(self.num_images)}."
            )

    @property
    def keywords(self) -> dict[str, float | str]:
        """Keyword arguments for a call of the pipeline. Warmth and strength are applied to its output."""
        keywords = {
            **self.options,
            "saturation": self.saturation,
            "resolution": self.resolution,
            "num_images": None if self.num_images == 1 else self.num_images,
            "seed": self.seed,
        }
        return {name: value for name, value in keywords.items() if value is not None}

    @property
    def adjustments(self) -> dict[str, float]:
        """Keyword arguments for `adjust`."""
        return {"saturation": self.saturation, "warmth": self.warmth, "strength": self.strength}

    @property
    def are_neutral(self) -> bool:
        """True if colors stay as predicted."""
        return (self.saturation, self.warmth, self.strength) == (1, 0, 1)

    def for_model(self, model: ColorizerModel) -> "Settings":
        """Return the settings without those that `model` does not support.

        Raises CheckpointError if it takes too much time or memory at the resolution: only its own was tried when it was loaded.
        """
        can_draw = model.space.has_distribution
        if self.resolution and self.resolution > model.config.resolution and not model.is_fixed_size:
            _check_resolution(model, self.resolution)
        return replace(
            self,
            options={name: value for name, value in self.options.items() if name in model.options},
            resolution=None if model.is_fixed_size else self.resolution,
            num_images=self.num_images if can_draw else 1,
            seed=self.seed if can_draw else None,
        )


def _check_resolution(model: ColorizerModel, resolution: int) -> None:
    checked = _checked.setdefault(model, set())
    if resolution not in checked:
        skeleton = build_skeleton(lambda: type(model)(deepcopy(model.config)))
        check_cost(partial(skeleton.eval().color_one, resolution))
        checked.add(resolution)


def check_total_pixels(count: int, size: tuple[int, int], limit: int) -> None:
    """Raise ColorizerError if `count` results of `size` = (width, height) have more than `limit` pixels in total."""
    total = count * size[0] * size[1]
    if total > limit:
        raise ColorizerError(
            f"The {count} results have {total / 1e6:.0f} megapixels in total, more than the {limit / 1e6:.0f} "
            "allowed at a time: get them one by one."
        )


@dataclass(frozen=True)
class Result:
    """Result of one approach, or the `problem` that prevented it.

    variant: number from 1 if there are several variants, else 0.
    preview: picture for the page.
    decoding: options with which its colors were decoded, which can change without another run; none for most approaches.
    defaults: the checkpoint's own values of these options.
    predictions: file with the network's output, from which the colors can be adjusted without another run.
    """

    name: str
    variant: int = 0
    title: str = ""
    seconds: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)
    decoding: Mapping[str, float | str] = field(default_factory=dict)
    defaults: Mapping[str, float | str] = field(default_factory=dict)
    preview: Path | None = None
    predictions: Path | None = None
    problem: str | None = None

    @property
    def label(self) -> str:
        """Unique name among the results."""
        return f"{self.name}, variant {self.variant}" if self.variant else self.name


@dataclass(frozen=True)
class Comparison:
    """One photo colored by the approaches `names`, of which `num_done` are done.

    catalog: where its networks are.
    source: the photo's file.
    folder: folder of all other files.
    size: width and height of the photo.
    photo_name: name of the photo's file, without folders.
    shown: pixels of the photo at preview size.
    gray: preview in gray.
    truth: preview in the true colors; None for a gray photo.
    truth_colorfulness: colorfulness of the photo itself; None for a gray photo.
    notes: notes from reading the photo.
    settings: settings of the results as shown.
    hints: color hints, which hold for all results; `studio` applies them, and they spread by `reach`.
    version: number of color changes so far.
    """

    catalog: Catalog
    source: str
    folder: Path
    size: tuple[int, int]
    names: tuple[str, ...]
    photo_name: str
    shown: Path
    gray: Path
    truth: Path | None = None
    truth_colorfulness: float | None = None
    notes: tuple[str, ...] = ()
    settings: Settings = Settings()
    results: tuple[Result, ...] = ()
    num_done: int = 0
    hints: tuple[Hint, ...] = ()
    studio: Studio | None = None
    reach: float = REACH
    version: int = 0

    @property
    def is_done(self) -> bool:
        return self.num_done == len(self.names)

    @property
    def colored(self) -> list[Result]:
        """Results without a problem."""
        return [result for result in self.results if result.problem is None]

    @property
    def decoding_options(self) -> set[str]:
        """Names of the options that change the colors of any result without another run."""
        return {name for result in self.results for name in result.decoding}

    def result(self, label: str) -> Result:
        """Return the colored result with this label. Raises ColorizerError if there is none."""
        for result in self.colored:
            if result.label == label:
                return result
        raise ColorizerError(
            f"There is no result {quote(label)}; choose from {', '.join(r.label for r in self.colored)}."
        )
