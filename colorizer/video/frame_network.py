"""A pipeline's network on the frames of a clip."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor

from colorizer.hub.loading import model_digest
from colorizer.photos.adjusting import adjust
from colorizer.photos.lightness import compute_lightness
from colorizer.photos.tones import is_toned
from colorizer.pipelines.image_colorization import ColorizationPipeline
from colorizer.pipelines.options import working_size
from colorizer.pipelines.prediction import predict
from colorizer.video.frames import Clip, Frame
from colorizer.video.smoothing import History, Smoother

# Frames per batch, of which the network colors some. On a CPU larger batches are no faster, and a stop would have to wait for
# the whole batch.
_CPU_BATCH, _BATCH = 4, 16


class GrayFrame(NamedTuple):
    """A frame, its lightness at the working size, and whether its own color is to be kept."""

    frame: Frame
    lightness: Tensor
    is_in_color: bool


class ColoredFrame(NamedTuple):
    """A frame, its colors at the working size (None: its own), and the smoother's state after it."""

    frame: Frame
    ab: Tensor | None
    history: History


@dataclass(frozen=True, eq=False)
class FrameNetwork:
    """Pipeline with its working size, (height, width), and the options of the call; `tone` has those of `adjust`."""

    pipe: ColorizationPipeline
    size: tuple[int, int]
    options: dict[str, float | str | None]
    tone: dict[str, float]
    batch_size: int
    keeps_color: bool
    bit_depth: int

    @classmethod
    def of(
        cls,
        pipe: ColorizationPipeline,
        clip: Clip,
        batch_size: int | None = None,
        *,
        warmth: float = 0.0,
        strength: float = 1.0,
        keep_color: bool = False,
        bit_depth: int = 8,
        **options: Any,
    ) -> "FrameNetwork":
        """Validate a call's options for a clip."""
        preparing, coloring, finishing = pipe.call_options(**options)
        tone = {"saturation": finishing.get("saturation", 1.0), "warmth": warmth, "strength": strength}
        adjust(torch.zeros(2, 1, 1), **tone)  # raises for what is out of range
        return cls(
            pipe,
            working_size(clip.size, pipe.model, preparing.get("resolution")),
            {name: coloring[name] for name in pipe.model.options if name in coloring},
            tone,
            batch_size or (_CPU_BATCH if pipe.device.type == "cpu" else _BATCH),
            bool(keep_color),
            bit_depth,
        )

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that determines the colors, for comparison with an earlier run."""
        return {
            "model": self.pipe.name,
            "network": model_digest(self.pipe.model),
            "size": list(self.size),
            "options": self.options,
            **self.tone,
            "keep_color": self.keeps_color,
            "bit_depth": self.bit_depth,
        }

    def read(self, frames: Iterator[Frame], piece: int) -> Iterator[list[GrayFrame]]:
        """Yield batches of frames with their lightness; none has frames of two pieces of so many frames."""
        done = 0
        while batch := list(islice(frames, min(self.batch_size, piece - done % piece))):
            done += len(batch)
            yield [
                GrayFrame(
                    frame,
                    compute_lightness(frame.pixels, self.size),
                    self.keeps_color and not is_toned(frame.pixels),
                )
                for frame in batch
            ]

    def color(
        self, batches: Iterator[list[GrayFrame]], smoother: Smoother, time_base: Fraction
    ) -> Iterator[ColoredFrame]:
        """Yield the frames with their smoothed colors; the network is used for those that the smoother asks for."""
        for batch in batches:
            motions = [
                smoother.track(gray.lightness, float(gray.frame.time * time_base), is_in_color=gray.is_in_color)
                for gray in batch
            ]
            due = [gray.lightness for gray, motion in zip(batch, motions, strict=True) if motion.is_due]
            predictions = []
            if due:
                # Not inference_mode: tensors that a network caches would be unusable for training.
                with torch.no_grad():
                    predictions = predict(self.pipe.network, torch.stack(due).to(self.pipe.device), **self.options)
            predicted = iter(predictions)
            for gray, motion in zip(batch, motions, strict=True):
                ab = smoother(motion, next(predicted).ab[0] if motion.is_due else None)
                yield ColoredFrame(gray.frame, ab, smoother.history)
