"""What a comparison is made of: what the visitor set, each approach's results, and all of them together."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.errors import ColorizerError
from colorizer.pipelines.sampling import has_distribution

# What one visitor may ask of a machine that many share.
MAX_RESOLUTION = 1024
MAX_ANSWERS = 4


@dataclass(frozen=True)
class Settings:
    """What the visitor set; temperature and resolution None = each checkpoint's own.

    saturation, warmth, strength: as `adjust` takes them. They and the temperature may change without another run.
    num_images, seed: of several answers; a seed of None draws none.
    """

    saturation: float = 1.0
    temperature: float | None = None
    resolution: int | None = None
    warmth: float = 0.0
    strength: float = 1.0
    num_images: int = 1
    seed: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.resolution, int) and self.resolution > MAX_RESOLUTION:
            raise ColorizerError(f"The working resolution is at most {MAX_RESOLUTION} here, not {self.resolution}.")
        if self.num_images > MAX_ANSWERS:
            raise ColorizerError(f"An approach gives at most {MAX_ANSWERS} answers here, not {self.num_images}.")

    @property
    def options(self) -> dict[str, float | int]:
        """The pipeline's options for them; warmth and strength come after it."""
        options = {
            "saturation": self.saturation,
            "temperature": self.temperature,
            "resolution": self.resolution,
            "num_images": None if self.num_images == 1 else self.num_images,
            "seed": self.seed,
        }
        return {name: value for name, value in options.items() if value is not None}

    @property
    def adjustments(self) -> dict[str, float]:
        """What `adjust` takes."""
        return {"saturation": self.saturation, "warmth": self.warmth, "strength": self.strength}

    @property
    def are_neutral(self) -> bool:
        """Whether colors stay as they were predicted."""
        return (self.saturation, self.warmth, self.strength) == (1, 0, 1)

    def for_model(self, model: ColorizerModel) -> "Settings":
        """Those of the settings that `model` takes: in a comparison each approach gets the ones it has."""
        can_draw = has_distribution(model)
        return replace(
            self,
            temperature=self.temperature if "temperature" in model.options else None,
            resolution=None if model.is_fixed_size else self.resolution,
            num_images=self.num_images if can_draw else 1,
            seed=self.seed if can_draw else None,
        )


@dataclass(frozen=True)
class Result:
    """One answer of one approach, or the `problem` that kept it from answering.

    answer: counted from 1 where there are several, else 0.
    preview: the picture as the page shows it.
    temperature: at which its colors were predicted; None where the approach has none.
    kept: the file of what the network said, by which the colors change without it.
    """

    name: str
    answer: int = 0
    title: str = ""
    seconds: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)
    temperature: float | None = None
    preview: Path | None = None
    kept: Path | None = None
    problem: str | None = None

    @property
    def label(self) -> str:
        """What tells it from the other results."""
        return f"{self.name}, answer {self.answer}" if self.answer else self.name


@dataclass(frozen=True)
class Comparison:
    """One photo by the approaches `names`, of which `num_done` are done.

    source: the photo's own file.
    folder: where all other files lie: its pixels as they are shown, in gray, and in color if it came so (`truth`).
    truth_colorfulness: None unless the photo came in color.
    settings: with which the results are shown.
    version: how often the colors were changed.
    """

    source: str
    folder: Path
    size: tuple[int, int]
    names: tuple[str, ...]
    shown: Path
    gray: Path
    truth: Path | None = None
    truth_colorfulness: float | None = None
    notes: tuple[str, ...] = ()
    settings: Settings = Settings()
    results: tuple[Result, ...] = ()
    num_done: int = 0
    version: int = 0

    @property
    def is_done(self) -> bool:
        return self.num_done == len(self.names)

    @property
    def colored(self) -> list[Result]:
        """The results that came out."""
        return [result for result in self.results if result.problem is None]

    @property
    def has_temperature(self) -> bool:
        """Whether the temperature makes a difference to any of the results."""
        return any(result.temperature is not None for result in self.results)

    def result(self, label: str) -> Result:
        """The one of `colored` that is called so; raises ColorizerError if there is none."""
        for result in self.colored:
            if result.label == label:
                return result
        raise ColorizerError(f"There is no result {label!r}; there are {', '.join(r.label for r in self.colored)}.")
