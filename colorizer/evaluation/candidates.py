"""Candidates for evaluation: networks and baselines, as is and with scaled chroma, and their measurements."""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from accelerate.utils import gather_object
from torch import Tensor

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.data import PhotoDataset
from colorizer.evaluation.bootstrap import Averages
from colorizer.evaluation.color_statistics import ColorStatistics
from colorizer.evaluation.metrics import MAIN_NAMES, NAMES, Truth, compute_metrics
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.merging import MAX_SATURATION, merge_colors
from colorizer.pipelines import processes
from colorizer.pipelines.image_colorization import pipeline
from colorizer.pipelines.options import working_size

CURVE_SHARES = (0.25, 0.5, 0.75, 1.25)
"""Gains on the curve of accuracy over colorfulness, as fractions of the matched gain. That one and 1 are added."""


@dataclass(eq=False)
class Variant:
    """A candidate at one chroma gain, with its metrics and with the colored photos for the contact sheets.

    names, places: metrics to compute, and photos to compute them for; None for all photos.
    features: FID features by photo.
    """

    gain: float
    names: tuple[str, ...] = NAMES
    places: frozenset[int] | None = None
    averages: Averages = field(default_factory=Averages)
    colored: dict[int, np.ndarray] = field(default_factory=dict)
    features: dict[int, Tensor] = field(default_factory=dict)

    def measure(self, index: int, pixels: np.ndarray, ab: Tensor, truth: Truth, *, is_shown: bool = False) -> Tensor:
        """Measure one photo, uint8 (H, W, 3), with predicted ab (2, h, w). Return it colored, (1, 3, H, W) in 0…1."""
        merged = merge_colors(pixels, ab, saturation=self.gain)
        if is_shown:
            self.colored[index] = merged
        predicted = torch.from_numpy(merged).permute(2, 0, 1)[None].float() / 255
        metrics = compute_metrics(predicted, truth, self.names)
        self.averages.add(torch.tensor([index]), metrics, truth.weights(self.names))
        return predicted

    def gather(self) -> None:
        """Merge what the other processes have measured."""
        self.averages.gather()
        for colored, features in gather_object([(self.colored, self.features)]):
            self.colored |= colored
            self.features |= features


@dataclass(eq=False)
class Candidate:
    """A network or a baseline.

    predict: lightness (B, 1, H, W) to ab (B, 2, h, w).
    variants: gains at which it is measured; the first is 1.
    seconds: prediction time per photo, one value per batch.
    backend: what computes the network.
    """

    name: str
    predict: Callable[[Tensor], Tensor]
    network: ColorizerModel | None = None
    variants: list[Variant] = field(default_factory=lambda: [Variant(1.0)])
    seconds: list[float] = field(default_factory=list)
    backend: str = "torch"

    @torch.inference_mode()
    def color(self, rgb: Tensor) -> Tensor:
        """Predict ab (B, 2, h, w), on the CPU, for uint8 photos (B, 3, H, W)."""
        return self.color_lightness(rgb_to_lab(rgb.float() / 255)[:, :1])

    @torch.inference_mode()
    def color_lightness(self, lightness: Tensor) -> Tensor:
        """Predict ab (B, 2, h, w), on the CPU, for lightness (B, 1, H, W), and record the time."""
        start = time.perf_counter()
        # A GPU has finished once its result is copied to the CPU.
        ab = self.predict(lightness).float().cpu()
        self.seconds.append((time.perf_counter() - start) / len(ab))
        return ab

    def add_gain_variants(self, gain: float, curve_places: frozenset[int]) -> None:
        """Add a variant at the matched `gain`, and others for the curve, measured on the photos at `curve_places`."""
        self.variants.append(Variant(gain))
        gains = [min(share * gain, MAX_SATURATION) for share in CURVE_SHARES]
        self.variants += [Variant(gain, MAIN_NAMES, curve_places) for gain in gains]

    def curve(self) -> list[dict[str, float]]:
        """Return gain, colorfulness and accuracy of every variant, by rising gain, over the photos of the curve."""
        places = self.variants[-1].places
        points = [
            {"gain": variant.gain, **variant.averages.subset(places, MAIN_NAMES).means()} for variant in self.variants
        ]
        return sorted(points, key=lambda point: point["gain"])

    @property
    def photos_per_second(self) -> float | None:
        """Speed of the network alone, in this process."""
        # The first batch also pays for memory allocation and kernel selection; the median ignores it.
        return 1 / statistics.median(self.seconds) if self.network is not None and self.seconds else None


def measure_photos(
    candidates: Sequence[Candidate],
    photos: PhotoDataset,
    places: Sequence[int],
    names: tuple[str, ...],
    lightness_of: Callable[[Truth, int], Tensor],
    *,
    batch_size: int,
) -> list[Variant]:
    """Measure candidates, as they are, on the photos at `places`, shared out over the processes.

    lightness_of: what is colored of a true photo and its place, (1, 1, H, W); the colors are merged with the photo itself.
    """
    own = processes.share(places)
    variants = [Variant(1.0, names) for _ in candidates]
    with processes.photo_threads() as pool:
        for start in range(0, len(own), batch_size):
            members = own[start : start + batch_size]
            rgb = photos.batch(members)["rgb"]
            pixels = [photo.permute(1, 2, 0).contiguous().numpy() for photo in rgb]
            truths = [Truth(photo[None].float() / 255) for photo in rgb]
            lightness = torch.cat(list(pool.map(lightness_of, truths, members)))
            for candidate, variant in zip(candidates, variants, strict=True):
                list(pool.map(variant.measure, members, pixels, candidate.color_lightness(lightness), truths))
    for variant in variants:
        variant.gather()
    return variants


def baseline(name: str, colors: ColorStatistics) -> Candidate:
    """Return a baseline of `BASELINES`, from the color statistics of a dataset."""
    if name == "mean by lightness":
        return Candidate(name, colors.ab_of)
    ab = colors.mean_ab if name == "mean color" else torch.zeros(2)
    return Candidate(name, lambda lightness: ab.expand(len(lightness), -1).unflatten(1, (2, 1, 1)))


def network_candidate(
    name: str, model: str | os.PathLike | ColorizerModel, device: torch.device, token: str | None
) -> Candidate:
    """Return a model, or the checkpoint with this name, folder or Hub id, run as the pipeline runs it."""
    dtype = None if isinstance(model, ColorizerModel) else torch.float32
    pipe = pipeline(model, device=device, dtype=dtype, token=token)

    def predict(lightness: Tensor) -> Tensor:
        lightness = lightness.to(device)
        size = working_size((lightness.shape[-1], lightness.shape[-2]), pipe.model)
        if lightness.shape[-2:] != size:
            lightness = F.interpolate(lightness, size, mode="bilinear", antialias=True)
        return pipe.network(lightness).ab

    return Candidate(name, predict, pipe.model, backend="torch" if pipe.network is pipe.model else "ONNX Runtime")
