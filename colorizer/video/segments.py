"""Colored frames on disk: encoded in pieces that survive a kill, with the state from which to resume.

They are stored in a folder next to the result: `job.json` describes the job, `000000.nut` is the first piece, and the last
piece has a `.safetensors` file of the same number with the state after it. Each piece has its own encoder, so it makes no
difference whether one process wrote all of them.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from colorizer.atomic_write import hidden_path, put_in_place, temporary, write_text
from colorizer.errors import VideoError
from colorizer.video.frames import Clip, Frame, Place, luma_plane
from colorizer.video.opening import reason_of
from colorizer.video.smoothing import History, Motion

# Per piece: the most that a kill loses, and the distance between the points to which a player can seek.
NUM_FRAMES = 120
# By the result's extension. No frame refers to a later one ("bf"), so the pieces join seamlessly.
_H264 = "libx264", {"crf": "18", "preset": "medium", "bf": "0", "g": str(NUM_FRAMES)}
_VP9 = "libvpx-vp9", {"crf": "28", "b": "0", "cpu-used": "4", "row-mt": "1", "auto-alt-ref": "0", "g": str(NUM_FRAMES)}
# Of the pixels, by bit depth: 4:2:0 chroma, the only kind of H.264 that all players support.
PIXEL_FORMATS = {8: "yuv420p", 10: "yuv420p10le"}
# Tensors of a state.
_COLORS, _PLANES = ("colors", "ab", "weight"), ("plane", "covered")
_MAX_ASPECT = 4  # of pixels; one beyond it is a mistake
ENCODERS = {".mp4": _H264, ".m4v": _H264, ".mov": _H264, ".mkv": _H264, ".webm": _VP9}


@dataclass(frozen=True)
class Tally:
    """Numbers of frames so far that were not simply colored.

    damaged, guessed, interlaced, transparent, resized: see `Frame`. kept: those left in their own color.
    """

    damaged: int = 0
    interlaced: int = 0
    kept: int = 0
    transparent: int = 0
    guessed: int = 0
    resized: int = 0

    def count(self, frame: Frame, is_kept: bool) -> "Tally":
        """Return the numbers with another frame."""
        return Tally(
            self.damaged + frame.is_damaged,
            self.interlaced + frame.was_interlaced,
            self.kept + is_kept,
            self.transparent + frame.is_transparent,
            self.guessed + frame.is_guessed,
            self.resized + frame.was_resized,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user, without their full stops."""
        notes = []
        if self.damaged:
            which = "1 frame that could not be decoded repeats"
            if self.damaged > 1:
                which = f"{self.damaged} frames that could not be decoded repeat"
            notes.append(f"{which} the one before")
        if self.guessed:
            notes.append(f"frames damaged in part, which the decoder guessed: {self.guessed}")
        if self.resized:
            notes.append(f"frames of another size than the first were scaled to it: {self.resized}")
        if self.interlaced:
            notes.append("it was interlaced; the result is progressive")
        if self.transparent:
            notes.append("its transparency was left out")
        if self.kept:
            notes.append(f"frames in color already were left as they are: {self.kept}")
        return tuple(notes)


@dataclass(frozen=True, eq=False)
class State:
    """State at the end of a piece: the last frame's place, counts so far, the smoother's history, the `ColorKeeper`'s hold."""

    place: Place
    tally: Tally
    history: History
    hold: int


@contextmanager
def report_write_errors(target: Path) -> Iterator[None]:
    """Turn errors from writing a result into a VideoError that says what is kept."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        advice = "Finished frames are kept: run the same call again to resume."
        if not isinstance(error, OSError):  # FFmpeg's own refusal, which would be the same again
            advice = f"FFmpeg can't make a {target.suffix} file of this clip: choose another extension, such as .mkv."
        raise VideoError(f"{target} could not be written ({reason_of(error)}). {advice}") from error


class WorkFolder:
    """Folder with the pieces of one result, locked by one process. A context manager; without pieces it is removed on exit."""

    def __init__(self, target: Path, job: dict[str, Any]):
        """Lock the folder. `job` has everything that determines the frames: pieces of another job are deleted.

        Raises VideoError if the folder can't be written or another process uses it.
        """
        self.path = hidden_path(target, ".coloring")
        self.part = self.path / "piece.part"  # the piece being written
        self._lock = FileLock(self.path / "lock")
        content = json.dumps(job, indent=1, sort_keys=True)
        with report_write_errors(target):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout as error:
                raise VideoError(
                    f"{target} is being written by another process: wait, or choose another name."
                ) from error
            saved = self.path / "job.json"
            if not saved.exists() or saved.read_text(encoding="utf-8") != content:
                self._clear()
                write_text(saved, content)

    def __enter__(self) -> "WorkFolder":
        return self

    def __exit__(self, *error: object) -> None:
        if self.pieces():
            self._lock.release()
        else:
            self.remove()

    def pieces(self) -> list[Path]:
        """Return the complete pieces, in order."""
        whole = []
        while self._piece(len(whole)).exists():
            whole.append(self._piece(len(whole)))
        return whole

    def last_state(self) -> State | None:
        """Load the state after the last piece; None if there is none. If it can't be read, all pieces are deleted."""
        pieces = self.pieces()
        try:
            return _load(self._state(len(pieces) - 1)) if pieces else None
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            for piece in pieces:
                piece.unlink()
            return None

    def keep(self, state: State) -> None:
        """Accept the file just written as the next piece, and save the state after it."""
        number = len(self.pieces())
        # In this order: a kill in between leaves the last piece with its state.
        with temporary(self._state(number)) as part:
            _save(state, part)
            put_in_place(part, self._state(number))
        put_in_place(self.part, self._piece(number))
        self._state(number - 1).unlink(missing_ok=True)

    def remove(self) -> None:
        """Release the lock and delete the folder."""
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)

    def _piece(self, number: int) -> Path:
        return self.path / f"{number:06}.nut"

    def _state(self, number: int) -> Path:
        return self.path / f"{number:06}.safetensors"

    def _clear(self) -> None:
        for file in self.path.iterdir():
            if file.name != "lock":
                file.unlink()


def is_squared(clip: Clip, ending: str) -> bool:
    """Return True if the pixels of a result are made square: PyAV can't write their shape to WebM, and VP9 doesn't hold it."""
    return ending == ".webm" and clip.pixel_aspect != 1 and 1 / _MAX_ASPECT <= clip.pixel_aspect <= _MAX_ASPECT


def result_size(clip: Clip, ending: str) -> tuple[int, int]:
    """Return width and height of a result: even, as 4:2:0 chroma needs."""
    width, height = clip.size
    if is_squared(clip, ending):
        width, height = round(width * max(1, clip.pixel_aspect)), round(height / min(1, clip.pixel_aspect))
    return width + width % 2, height + height % 2


class PieceWriter:
    """Encoder of one piece into a file. A context manager; the file is complete on exit unless the block raises."""

    def __init__(self, path: Path, clip: Clip, ending: str, bit_depth: int = 8, **options: str):
        """Open the file. `ending` is the result's, and `options` are changes to its encoder's."""
        encoder, usual = ENCODERS[ending]
        options = usual | options
        self._clip = clip
        # A container that supports any time base, so that every frame keeps its time.
        self._container = av.open(f"file:{os.path.abspath(path)}", "w", format="nut")
        stream = self._container.add_stream(encoder, rate=clip.rate, options=options)
        stream.width, stream.height = size = result_size(clip, ending)
        stream.pix_fmt = PIXEL_FORMATS[bit_depth]
        context = stream.codec_context
        context.time_base = clip.time_base
        context.sample_aspect_ratio = 1 if is_squared(clip, ending) else clip.pixel_aspect
        context.color_primaries, context.color_trc, context.colorspace = clip.color
        context.color_range = ColorRange.MPEG
        self._stream, self._size = stream, size

    def write(self, frame: Frame, pixels: np.ndarray) -> None:
        """Encode a frame with the given pixels, uint8 (H, W, 3), instead of its own."""
        colored = VideoFrame.from_ndarray(_even(pixels), "rgb24").reformat(
            format=self._stream.pix_fmt, dst_colorspace=self._clip.matrix, dst_color_range=ColorRange.MPEG
        )
        if frame.fine_luma is not None:
            luma = luma_plane(colored)
            luma[:] = (luma.astype(np.int32) + _even(frame.fine_luma)).clip(0, 1023)
        if (colored.width, colored.height) != self._size:
            colored = colored.reformat(*self._size)
        colored.pts, colored.time_base = frame.time, self._clip.time_base
        self._container.mux(self._stream.encode(colored))

    def __enter__(self) -> "PieceWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        with self._container:
            if kind is None:
                self._container.mux(self._stream.encode(None))


def _even(plane: np.ndarray) -> np.ndarray:
    """Repeat the last row and column of (height, width, …) where their number is odd."""
    margins = ((0, plane.shape[0] % 2), (0, plane.shape[1] % 2), (0, 0))[: plane.ndim]
    return np.pad(plane, margins, mode="edge") if np.any(margins) else plane


def _save(state: State, path: Path) -> None:
    history, motion = state.history, state.history.motion
    facts = {
        "place": asdict(state.place),
        "tally": asdict(state.tally),
        "hold": state.hold,
        "num_scenes": history.num_scenes,
        "motion": {name: getattr(motion, name) for name in ("time", "time_colored", "is_in_color")},
    }
    tensors = {name: getattr(history, name) for name in _COLORS} | {name: getattr(motion, name) for name in _PLANES}
    # Copies, since the file format has no shared memory: the average is the network's colors where it starts.
    copies = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    # By Python, since safetensors' own writer has other errors for a full disk.
    path.write_bytes(save(copies, metadata={"state": json.dumps(facts)}))


def _load(path: Path) -> State:
    with safe_open(path, "pt") as file:
        facts = json.loads(file.metadata()["state"])
        colors, planes = ({name: file.get_tensor(name) for name in names} for names in (_COLORS, _PLANES))
    history = History(Motion(**planes, **facts["motion"]), **colors, num_scenes=facts["num_scenes"])
    return State(Place(**facts["place"]), Tally(**facts["tally"]), history, facts["hold"])
