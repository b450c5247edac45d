"""Colorize a clip: `colorize_video("film.mp4", "colored.mp4")`."""

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import av
import torch

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.atomic_write import is_taken, put_in_place
from colorizer.errors import ColorizerError, VideoError, VideoStopped, check_count, check_number, quote
from colorizer.photos.adjusting import adjust
from colorizer.photos.files.coded_colors import HDR, unsupported_levels
from colorizer.photos.marks import Mark, digest, file_digest, state_of
from colorizer.photos.marks import State as ResultState
from colorizer.photos.merging import merge_colors
from colorizer.pipelines.image_colorization import ColorizationPipeline, pipeline
from colorizer.version import __version__
from colorizer.video.ahead import ahead
from colorizer.video.frame_network import FrameNetwork
from colorizer.video.frames import Clip, Place, frames, inspect
from colorizer.video.kept_color import ColorKeeper
from colorizer.video.muxing import join, read_mark
from colorizer.video.opening import Limits
from colorizer.video.segments import (
    ENCODERS,
    NUM_FRAMES,
    PIXEL_FORMATS,
    PieceWriter,
    State,
    Tally,
    WorkFolder,
    is_squared,
    report_write_errors,
)
from colorizer.video.smoothing import Smoother

MAX_SMOOTHING = 10.0
# Options that would color each frame differently, or that refer to places in one photo.
_PHOTO_OPTIONS = ("hints", "num_images", "seed", "return_dict", "keep_color")


@dataclass(frozen=True)
class VideoResult:
    """Result of coloring a clip.

    num_frames: number of frames. num_scenes: number of detected scenes; colors are not averaged across scenes.
    notes: changes to the clip, such as "its sound was converted from vorbis, which .mp4 does not support, to aac".
    """

    path: Path
    num_frames: int
    num_scenes: int
    notes: tuple[str, ...] = ()


def colorize_video(
    source: str | os.PathLike | Clip,
    target: str | os.PathLike,
    model: str | os.PathLike | ColorizerModel | ColorizationPipeline = "default",
    *,
    resolution: int | None = None,
    saturation: float | None = None,
    warmth: float = 0.0,
    strength: float = 1.0,
    smoothing: float = 0.5,
    keep_color: bool = False,
    bit_depth: int = 8,
    limits: Limits | None = None,
    batch_size: int | None = None,
    device: int | str | torch.device | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    **options: float | str | None,
) -> VideoResult:
    """Color a clip; each frame keeps its own lightness and time, the clip its sound.

    Frames are colored and written a few at a time, so memory use does not depend on the length. Finished frames are kept in a
    hidden folder next to the target. After a kill, a stop or a full disk the same call resumes there and gives the same
    result as without the interruption. The file appears under its name once it is complete; then the folder is removed. Its
    metadata states that the colors are a guess, and by which model.

    A clip that is turned or mirrored comes out upright, an interlaced one progressive; odd sides are padded by one pixel, since
    H.264 needs even ones. HDR is not supported. Sound, subtitles and chapters are kept; what the target's format can't hold is
    converted or left out. A frame that can't be decoded repeats the one before. `VideoResult.notes` says what was changed.

    Args:
        source: path of the clip (MP4, MOV, MKV, WebM, AVI, MPEG, GIF, …), or what `inspect` returned for it.
        target: path that ends in .mp4, .m4v, .mov, .mkv (H.264) or .webm (VP9); an existing file is replaced.
        model: as for `pipeline`, or a pipeline.
        resolution, saturation: as for a call of the pipeline; warmth, strength: as for `adjust`.
        smoothing: seconds, 0…10, over which the color of each place is averaged, as long as the same thing is visible there.
            The network then colors about eight frames per second, and the first of each scene; motion carries the colors to
            the others. 0 keeps the network's own colors of every frame.
        keep_color: leave scenes that are in color already as they are.
        bit_depth: bits per channel of the result, 8 or 10. Few players show H.264 with 10 bits, editors do. Lightness has them
            if the clip has; colors are computed with 8.
        limits: upper limits for the clip at a path, checked before any frame is colored.
        batch_size: frames that are handled together, a few batches at once; default: 4 on a CPU, 16 on accelerators.
        device: device for a model that isn't a pipeline, as for `pipeline`.
        progress: called with the number of finished frames and the total, after each frame and at the start if frames are
            already finished.
        should_stop: called before each frame; if it returns True, VideoStopped is raised.
        options: options of the approach, such as `temperature` or `scene`.

    Raises:
        VideoError: the clip can't be read or exceeds `limits`, or the result can't be written.
        CheckpointError, HubError: the model can't be loaded.
        ColorizerError: an invalid option, or predicted colors that are not finite.
    """
    smoothing = check_number("smoothing", smoothing, 0.0, MAX_SMOOTHING)
    if batch_size is not None:
        check_count("batch_size", batch_size)
    if invalid := [name for name in _PHOTO_OPTIONS if name in options]:
        raise ColorizerError(
            f"A clip takes no {', '.join(invalid)}: each frame would be colored independently of the others."
        )
    target = _checked_target(target, bit_depth)
    clip = source if isinstance(source, Clip) else inspect(source, limits)
    _check_not_the_clip(target, clip)
    pipe = model if isinstance(model, ColorizationPipeline) else pipeline(model, device=device)
    given = {"resolution": resolution, "saturation": saturation, "warmth": warmth, "strength": strength, **options}
    network = FrameNetwork.of(pipe, clip, batch_size, keep_color=keep_color, bit_depth=bit_depth, **given)
    job = {"colorizer": __version__, "clip": _identity(clip), "smoothing": smoothing, "piece": NUM_FRAMES}
    with WorkFolder(target, job | network.identity) as folder:
        last = _color(clip, network, smoothing, folder, target, progress, should_stop or (lambda: False))
        whole = folder.path / f"whole{target.suffix.lower()}"
        with report_write_errors(target):
            marked = replace(clip, mark=_mark(clip, network, smoothing))
            notes = join(marked, folder.pieces(), last.place.duration, whole, pipe.name)
            put_in_place(whole, target)
        folder.remove()
    notes = last.tally.notes + notes + _notes(clip, target.suffix.lower())
    return VideoResult(target, last.place.num_frames, last.history.num_scenes, notes)


def _notes(clip: Clip, ending: str) -> tuple[str, ...]:
    notes = []
    if not clip.has_end:
        notes.append("its file has no end: part of it may be missing")
    if clip.num_missing:
        notes.append(
            f"frames are missing in its file, about {clip.num_missing}, the first at {clip.first_missing:.1f} seconds: "
            "the one before lasts longer"
        )
    if any(side % 2 for side in clip.size):
        notes.append("odd sides were padded by one pixel")
    if is_squared(clip, ending):
        notes.append(f"its pixels were made square, as {ending} needs")
    if (transfer := clip.color[1]) in HDR:
        notes.append(unsupported_levels(HDR[transfer]))
    return tuple(notes)


def result_state(
    source: str | os.PathLike | Clip,
    target: str | os.PathLike,
    pipe: ColorizationPipeline,
    *,
    smoothing: float = 0.5,
    **options: float | str | None,
) -> ResultState:
    """Return what is there in place of `target`, compared with what `colorize_video` would write with the same arguments.

    Raises:
        VideoError: the clip can't be read, or is itself what is there.
    """
    clip = source if isinstance(source, Clip) else inspect(source)
    _check_not_the_clip(Path(target), clip)
    return state_of(target, _mark(clip, FrameNetwork.of(pipe, clip, **options), smoothing), read_mark)


def _check_not_the_clip(target: Path, clip: Clip) -> None:
    if is_taken(target) and os.path.exists(target) and target.samefile(clip.path):
        raise VideoError(f"The clip {target} itself would be overwritten: choose another name for the result.")


def _mark(clip: Clip, network: FrameNetwork, smoothing: float) -> Mark:
    return Mark(file_digest(clip.path), digest(network.identity | {"smoothing": float(smoothing)}))


def _color(
    clip: Clip,
    network: FrameNetwork,
    smoothing: float,
    folder: WorkFolder,
    target: Path,
    progress: Callable[[int, int], None] | None,
    should_stop: Callable[[], bool],
) -> State:
    """Color the remaining frames, piece by piece, and return the last state.

    Reading, coloring and writing run side by side, each in a thread; the callbacks are called in this one.
    """
    state, keeper = folder.last_state(), ColorKeeper()
    place, history, done, tally = None, None, 0, Tally()
    if state is not None:
        place, history, tally, keeper.hold = state.place, state.history, state.tally, state.hold
        done = place.num_frames
    if progress is not None and done:
        progress(done, max(done, clip.num_frames))
    num_scenes = 0 if history is None else history.num_scenes
    read = network.read(frames(clip, place, bit_depth=network.bit_depth), NUM_FRAMES)
    with closing(ahead(read)) as batches:
        color = network.color(batches, Smoother(smoothing, history), clip.time_base)
        with closing(ahead(color, network.batch_size)) as waiting:
            while (first := next(waiting, None)) is not None:
                with (
                    report_write_errors(target),
                    PieceWriter(folder.part, clip, target.suffix.lower(), network.bit_depth) as piece,
                ):
                    for frame, ab, history in chain((first,), islice(waiting, NUM_FRAMES - 1)):
                        if should_stop():
                            raise VideoStopped(f"{clip.name} was stopped after {done} of {clip.num_frames} frames.")
                        is_kept = network.keeps_color and keeper(ab is None, history.num_scenes > num_scenes)
                        pixels = frame.pixels if is_kept else merge_colors(frame.pixels, adjust(ab, **network.tone))
                        piece.write(frame, pixels)
                        done, tally, num_scenes = done + 1, tally.count(frame, is_kept), history.num_scenes
                        if progress is not None:
                            progress(done, max(done, clip.num_frames))
                place = Place(done, frame.time, frame.duration, frame.position, frame.checksum)
                state = State(place, tally, history, keeper.hold)
                with report_write_errors(target):
                    folder.keep(state)
    return state


def _checked_target(target: str | os.PathLike, bit_depth: int) -> Path:
    target = Path(target)
    if target.suffix.lower() not in ENCODERS:
        raise VideoError(
            f"{quote(str(target))} doesn't end in one of {', '.join(ENCODERS)}: the extension sets the format."
        )
    if os.path.isdir(target) or not os.path.isdir(target.parent):
        reason = "it is a folder" if os.path.isdir(target) else f"the folder {target.parent} does not exist"
        raise VideoError(f"{quote(str(target))} can't be written: {reason}.")
    if bit_depth not in PIXEL_FORMATS:
        raise VideoError(f"bit_depth must be 8 or 10, not {bit_depth!r:.100}.")
    encoder = ENCODERS[target.suffix.lower()][0]
    try:
        formats = av.Codec(encoder, "w").video_formats
    except ValueError as error:
        raise VideoError(f"This PyAV was built without {encoder}, which {target.suffix} needs.") from error
    if PIXEL_FORMATS[bit_depth] not in [kind.name for kind in formats]:
        raise VideoError(f"{target.suffix} can't be written with {bit_depth} bits here: choose .mkv, .mp4 or .mov.")
    return target


def _identity(clip: Clip) -> list[int]:
    status = clip.path.stat()
    return [status.st_size, status.st_mtime_ns]
