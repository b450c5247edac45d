"""Photos that follow color hints click by click; plain functions without Gradio, which tests call without a browser."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from colorizer.demo.catalog import Catalog
from colorizer.demo.compare.run import read_visitor_photo
from colorizer.demo.hint.color_suggestions import Suggestion, suggest
from colorizer.demo.hint.history import Hinting
from colorizer.demo.previews import file_stem, save_preview
from colorizer.photos.lightness import compute_lightness
from colorizer.photos.merging import merge_colors
from colorizer.photos.photo import Photo
from colorizer.photos.saving import save_photo, to_pil
from colorizer.pipelines.hint_propagation import REACH, Propagation
from colorizer.pipelines.hints import Hint
from colorizer.pipelines.image_colorization import ColorizationResult

MAX_PHOTOS = 12
MAX_PREDICTIONS = 8

# Large enough for a wide screen, small enough to be colored and sent anew at every click.
CANVAS_PIXELS = 1_000_000
CANVAS_SIDE = 640
DOT = 1 / 70


@dataclass(frozen=True)
class Prediction:
    """What a network says of a photo: ab (2, h, w), and the distribution (313, h, w) it comes from if there is one."""

    ab: Tensor
    logits: Tensor | None


@dataclass(frozen=True)
class View:
    """The colored photo with its dots, colors for the chosen place, and whether the network takes hints."""

    canvas: Path
    suggestions: tuple[Suggestion, ...]
    is_hinted: bool


class Canvas:
    """A photo at the size at which it is shown and worked on, with what was computed of it."""

    def __init__(self, photo: Photo) -> None:
        self.size = photo.size
        image = _resized(Image.fromarray(photo.pixels))
        self.photo = Photo(np.asarray(image), icc_profile=photo.icc_profile, name=photo.name)
        self.lightness = compute_lightness(self.photo, self.photo.pixels.shape[:2])[0]
        self.lock = RLock()
        self._predictions: OrderedDict[tuple[str, tuple[Hint, ...]], Prediction] = OrderedDict()
        self._propagation: tuple[float, Propagation] | None = None

    def predict(self, catalog: Catalog, name: str, hints: Sequence[Hint] = ()) -> Prediction:
        """The network's answer, which is kept, so that a place chosen, a step undone or done again runs no network."""
        key = name, tuple(hints)
        if key in self._predictions:
            self._predictions.move_to_end(key)
            return self._predictions[key]
        # The hints are spread here, by what is kept of the photo.
        result: ColorizationResult = catalog.pipeline(name)(
            self.photo, return_dict=True, hints=list(hints), hint_reach=0
        )
        prediction = Prediction(result.ab, None if result.logits is None else result.logits.half())
        self._predictions[key] = prediction
        while len(self._predictions) > MAX_PREDICTIONS:
            self._predictions.popitem(last=False)
        return prediction

    def propagate(self, ab: Tensor, hints: Sequence[Hint], reach: float) -> Tensor:
        """`ab` with the hints spread along the photo's edges."""
        if self._propagation is None or self._propagation[0] != reach:
            self._propagation = reach, Propagation(self.photo, reach=reach)
        return self._propagation[1](ab, hints)

    def own_hints(self, hints: Sequence[Hint]) -> list[Hint]:
        """Hints in the photo's pixels as hints in the canvas's."""
        scales = [own / given for own, given in zip(self.photo.size, self.size, strict=True)]
        return [
            Hint(*(max(0.0, (at + 0.5) * by - 0.5) for at, by in zip((hint.x, hint.y), scales, strict=True)), hint.rgb)
            for hint in hints
        ]


class Studio:
    """The photos on which visitors hint. What was computed of the last few is kept, so that a click runs no network."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._canvases: OrderedDict[str, Canvas] = OrderedDict()
        self._lock = RLock()

    def open(self, source: str | None) -> Hinting:
        """Begin on a photo; raises PhotoError where there is none or it can't be read."""
        canvas = self._canvas(source)
        return Hinting(source, canvas.size)

    def place(self, hinting: Hinting, x: float, y: float) -> Hinting:
        """With a place chosen by pixel x, y of the picture that `view` shows."""
        return hinting.choose(*self._photo_place(hinting, x, y))

    def color(
        self, source: str | None, name: str, hints: Sequence[Hint], reach: float = REACH
    ) -> tuple[Prediction, Tensor]:
        """What the network says of a photo, and its ab with the hints.

        A network that was trained with hints is given them; one that was not does not run again. What a color then still is
        apart from its hint is spread along the photo's edges: with `default` and ten hints from each of 40 validation photos
        that gives 26.2 dB, the network by itself 26.0, spreading without it 25.2, and no hint 24.3.
        """
        canvas = self._canvas(source)
        with canvas.lock:
            own = canvas.own_hints(hints)
            takes_hints = self.catalog.pipeline(name).model.takes_hints
            prediction = canvas.predict(self.catalog, name, own if takes_hints else ())
            return prediction, canvas.propagate(prediction.ab, own, reach)

    def view(self, hinting: Hinting, name: str, folder: Path, reach: float = REACH) -> View:
        """Color the photo by the checkpoint `name` and the hints; the picture, a JPEG with dots on it, goes into `folder`."""
        prediction, ab = self.color(hinting.photo, name, hinting.hints, reach)
        canvas = self._canvas(hinting.photo)
        image = to_pil(canvas.photo, merge_colors(canvas.photo.pixels, ab))
        _draw_dots(image, canvas, hinting)
        path = save_preview(image, folder, file_stem(canvas.photo.name, name))
        is_hinted = self.catalog.pipeline(name).model.takes_hints
        return View(path, self._suggestions(canvas, hinting, prediction), is_hinted)

    def save(self, hinting: Hinting, name: str, folder: Path, reach: float = REACH) -> Path:
        """Color the photo at its own size, as `view` shows it; the PNG goes into `folder`."""
        _, ab = self.color(hinting.photo, name, hinting.hints, reach)
        photo = read_visitor_photo(hinting.photo)
        path = folder / f"{file_stem(photo.name, name)}-hints.png"
        return save_photo(to_pil(photo, merge_colors(photo.pixels, ab)), path, model=name)

    def _canvas(self, source: str | None) -> Canvas:
        with self._lock:
            if source in self._canvases:
                self._canvases.move_to_end(source)
                return self._canvases[source]
        canvas = Canvas(read_visitor_photo(source))
        with self._lock:
            canvas = self._canvases.setdefault(source, canvas)
            while len(self._canvases) > MAX_PHOTOS:
                self._canvases.popitem(last=False)
        return canvas

    def _photo_place(self, hinting: Hinting, x: float, y: float) -> tuple[float, float]:
        shown = self._canvas(hinting.photo).photo.size
        return tuple(
            min(max(0.0, (at + 0.5) * given / own - 0.5), given - 1.0)
            for at, given, own in zip((x, y), hinting.size, shown, strict=True)
        )

    def _suggestions(self, canvas: Canvas, hinting: Hinting, prediction: Prediction) -> tuple[Suggestion, ...]:
        if hinting.place is None:
            return ()
        across, down = ((at + 0.5) / side for at, side in zip(hinting.place, hinting.size, strict=True))
        height, width = canvas.lightness.shape
        lightness = float(canvas.lightness[int(down * height), int(across * width)])
        return suggest(prediction.ab, prediction.logits, lightness, across, down)


def _resized(image: Image.Image) -> Image.Image:
    """At most `CANVAS_PIXELS`, and so large that there is room for dots."""
    width, height = image.size
    scale = min(max(1.0, CANVAS_SIDE / max(width, height)), (CANVAS_PIXELS / (width * height)) ** 0.5)
    if scale == 1:
        return image
    size = tuple(max(1, round(side * scale)) for side in image.size)
    return image.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC)


def _draw_dots(image: Image.Image, canvas: Canvas, hinting: Hinting) -> None:
    """A dot of its color at each hint, ringed in white and black so that it is seen on anything; the chosen place larger."""
    draw = ImageDraw.Draw(image)
    radius = max(3.0, DOT * max(image.size))
    for hint, own in zip(hinting.hints, canvas.own_hints(hinting.hints), strict=True):
        is_chosen = hint is hinting.chosen
        _ring(draw, own.x, own.y, radius * (1.5 if is_chosen else 1), tuple(round(level) for level in hint.rgb))
    if hinting.place is not None and hinting.chosen is None:
        (own,) = canvas.own_hints([Hint(*hinting.place, (0, 0, 0))])
        _ring(draw, own.x, own.y, radius * 1.5, None)


def _ring(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: tuple[int, ...] | None) -> None:
    line = max(1, round(radius / 4))
    for extra, outline in ((line, "black"), (0, "white")):
        box = (x - radius - extra, y - radius - extra, x + radius + extra, y + radius + extra)
        draw.ellipse(box, outline=outline, width=line, fill=fill if extra == 0 else None)
