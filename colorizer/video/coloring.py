"""`colorize_video("film.mp4", "colored.mp4")`: a clip in, the clip in color out."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import av
import torch
from torch import Tensor

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.atomic_write import put_in_place
from colorizer.errors import ColorizerError, VideoError, VideoStopped, check_count, check_number
from colorizer.hub.loading import model_digest
from colorizer.photos.lightness import compute_lightness
from colorizer.photos.merging import merge_colors
from colorizer.pipelines.image_colorization import ColorizationPipeline, pipeline
from colorizer.pipelines.options import working_size
from colorizer.pipelines.prediction import predict
from colorizer.version import __version__
from colorizer.video.muxing import join
from colorizer.video.opening import DamagedClip, Limits
from colorizer.video.reading import Clip, Frame, Place, frames, inspect
from colorizer.video.segments import ENCODERS, NUM_FRAMES, PieceWriter, State, WorkFolder, saying_why
from colorizer.video.smoothing import Smoother

MAX_SMOOTHING = 10.0
# Frames that go through a network together: on a processor more gain nothing, and one would wait for them when it stops.
_CPU_BATCH, _BATCH = 4, 16
# Frame by frame they would give each its own colors, or mean places of one photo.
_FOR_PHOTOS = ("hints", "num_images", "seed", "return_dict")


@dataclass(frozen=True)
class VideoResult:
    """What came of a clip.

    num_frames: how many it has. num_scenes: how many scenes were told apart, and their colors not mixed.
    notes: what is not as it was, such as "its sound was vorbis, which .mp4 does not hold, and is aac now".
    """

    path: Path
    num_frames: int
    num_scenes: int
    notes: tuple[str, ...] = ()


def colorize_video(
    source: str | os.PathLike,
    target: str | os.PathLike,
    model: str | os.PathLike | ColorizerModel | ColorizationPipeline = "default",
    *,
    resolution: int | None = None,
    saturation: float | None = None,
    smoothing: float = 0.5,
    limits: Limits | None = None,
    batch_size: int | None = None,
    device: int | str | torch.device | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    **options: float | str | None,
) -> VideoResult:
    """Color a clip; each frame keeps its own lightness and time, the clip its sound.

    Frames go through the network and onto disk a few at a time, so that the length costs no memory. What is finished lies in a
    hidden folder beside the target: after a kill, a stop or a full disk the same call goes on from there, with the same
    frames as if nothing had happened. The file appears under its name when it is whole, and the folder goes. Its metadata
    says that the colors are a guess, and whose.

    A clip that is to be turned for showing comes out upright; odd sides gain the pixel that H.264 needs. HDR is not kept:
    the result has 8 bits. Subtitles and other tracks are left out.

    Args:
        source: a file: MP4, MOV, MKV, WebM, AVI, MPEG, GIF, …
        target: a file that ends in .mp4, .m4v, .mov, .mkv (H.264) or .webm (VP9); one that is there is replaced.
        model: as `pipeline` takes it, or a pipeline.
        resolution, saturation: as a pipeline's call takes them.
        smoothing: seconds, 0…10, over which each place's color is averaged, as long as the same thing is to be seen there; 0
            leaves every frame as the network colors it.
        limits: what the clip may have at most; told before any frame is colored.
        batch_size: frames that go through the network together; by default 4 on a CPU, 16 on accelerators.
        device: of a model that isn't a pipeline, as `pipeline` takes it.
        progress: called with the number of finished frames and of all, after each frame and, where finished ones are found,
            at the start.
        should_stop: asked before each frame; when it says so, VideoStopped is raised.
        options: those of the approach, such as `temperature` or `scene`.

    Raises:
        VideoError: the clip can't be read or is more than `limits` allow, or the result can't be written.
        CheckpointError, HubError: the model can't be had.
        ColorizerError: an option that doesn't fit, or colors that are not finite.
    """
    smoothing = check_number("smoothing", smoothing, 0.0, MAX_SMOOTHING)
    if batch_size is not None:
        check_count("batch_size", batch_size)
    if unfit := [name for name in _FOR_PHOTOS if name in options]:
        raise ColorizerError(f"A clip takes no {', '.join(unfit)}: each frame would be colored apart from the others.")
    target = _checked_target(target)
    clip = inspect(source, limits)
    if target.exists() and target.samefile(clip.path):
        raise VideoError(f"{target} itself would be overwritten: choose another name for the result.")
    pipe = model if isinstance(model, ColorizationPipeline) else pipeline(model, device=device)
    preparing, coloring, finishing = pipe.call_options(resolution=resolution, saturation=saturation, **options)
    network = _Network(
        pipe,
        working_size(clip.size, pipe.model, preparing.get("resolution")),
        {name: coloring[name] for name in pipe.model.options if name in coloring},
        finishing.get("saturation", 1.0),
        batch_size or (_CPU_BATCH if pipe.device.type == "cpu" else _BATCH),
    )
    job = {"colorizer": __version__, "clip": _identity(clip), "smoothing": smoothing, "piece": NUM_FRAMES}
    with WorkFolder(target, job | network.identity) as folder:
        try:
            last = _color(clip, network, smoothing, folder, target, progress, should_stop or (lambda: False))
        except DamagedClip:
            folder.remove()  # no call would come further
            raise
        whole = folder.path / f"whole{target.suffix.lower()}"
        with saying_why(target):
            notes = join(clip, folder.pieces(), last.place.duration, whole, pipe.name)
            put_in_place(whole, target)
        folder.remove()
    if any(side % 2 for side in clip.size):
        notes += ("an odd side has one pixel more",)
    return VideoResult(target, last.place.num_frames, last.num_scenes, notes)


@dataclass(frozen=True, eq=False)
class _Network:
    """Who colors, and how: a pipeline with the size, (height, width), that it sees and its options."""

    pipe: ColorizationPipeline
    size: tuple[int, int]
    options: dict[str, float | str | None]
    saturation: float
    batch_size: int

    @property
    def identity(self) -> dict[str, Any]:
        """What decides over the colors, for comparing."""
        return {
            "model": self.pipe.name,
            "network": model_digest(self.pipe.model),
            "size": list(self.size),
            "options": self.options,
            "saturation": self.saturation,
        }

    def predict(self, batch: list[Frame]) -> Iterator[tuple[Frame, Tensor, Tensor]]:
        """Each frame with its lightness and its ab, both at the size that the network sees."""
        lightness = torch.stack([compute_lightness(frame.pixels, self.size) for frame in batch])
        with torch.no_grad():  # not inference_mode: what a network keeps of it would be of no use for training
            predictions = predict(self.pipe.model, lightness.to(self.pipe.device), **self.options)
        for frame, plane, prediction in zip(batch, lightness, predictions, strict=True):
            yield frame, plane, prediction.ab[0]


def _color(
    clip: Clip,
    network: _Network,
    smoothing: float,
    folder: WorkFolder,
    target: Path,
    progress: Callable[[int, int], None] | None,
    should_stop: Callable[[], bool],
) -> State:
    """Color what is not colored yet, piece by piece; returns the last state."""
    state, smoother = folder.last_state(), Smoother(smoothing)
    if state is not None:
        smoother.history, smoother.num_scenes = state.history, state.num_scenes
    done = 0 if state is None else state.place.num_frames
    if progress is not None and done:
        progress(done, max(done, clip.num_frames))
    waiting = frames(clip, None if state is None else state.place)
    while batch := list(islice(waiting, min(network.batch_size, NUM_FRAMES))):
        with saying_why(target), PieceWriter(folder.part, clip, target.suffix.lower()) as piece:
            num_frames = 0
            while batch:
                for frame, lightness, ab in network.predict(batch):
                    if should_stop():
                        raise VideoStopped(f"{clip.name} was stopped after {done} of {clip.num_frames} frames.")
                    ab = smoother(lightness, ab, float(frame.time * clip.time_base))
                    piece.write(frame, merge_colors(frame.pixels, ab, saturation=network.saturation))
                    done += 1
                    if progress is not None:
                        progress(done, max(done, clip.num_frames))
                num_frames += len(batch)
                batch = list(islice(waiting, min(network.batch_size, NUM_FRAMES - num_frames)))
        place = Place(done, frame.time, frame.duration, frame.position, frame.checksum)
        state = State(place, smoother.num_scenes, smoother.history)
        with saying_why(target):
            folder.keep(state)
    return state


def _checked_target(target: str | os.PathLike) -> Path:
    target = Path(target)
    if target.suffix.lower() not in ENCODERS:
        raise VideoError(f"{target} doesn't end in one of {', '.join(ENCODERS)}, which says how to save it.")
    if target.is_dir() or not target.parent.is_dir():
        reason = "it is a folder" if target.is_dir() else f"there is no folder {target.parent}"
        raise VideoError(f"{target} can't be written: {reason}.")
    encoder = ENCODERS[target.suffix.lower()][0]
    try:
        av.Codec(encoder, "w")
    except ValueError as error:
        raise VideoError(f"This PyAV was built without {encoder}, which writes {target.suffix}.") from error
    return target


def _identity(clip: Clip) -> list[int]:
    status = clip.path.stat()
    return [status.st_size, status.st_mtime_ns]
