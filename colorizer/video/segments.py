"""The colored frames on disk: encoded in pieces that a kill leaves whole, with what the next one goes on from.

They lie in a folder beside the result: `job.json` says what is being done, `000000.nut` is the first piece, and the last
piece has a `.safetensors` of its number beside it, the state after it. Every piece has an encoder of its own, so that it
makes no difference whether one process wrote all of them.
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
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from colorizer.atomic_write import hidden_path, put_in_place, temporary, write_text
from colorizer.errors import VideoError
from colorizer.video.opening import reason_of
from colorizer.video.reading import Clip, Frame, Place
from colorizer.video.smoothing import History

NUM_FRAMES = 120  # of a piece: what a kill loses at most, and where a player can jump to
# By the result's ending. No frame refers to a later one ("bf"), so that the pieces join without a seam.
_H264 = "libx264", {"crf": "18", "preset": "medium", "bf": "0", "g": str(NUM_FRAMES)}
_VP9 = "libvpx-vp9", {"crf": "28", "b": "0", "cpu-used": "4", "row-mt": "1", "auto-alt-ref": "0", "g": str(NUM_FRAMES)}
ENCODERS = {".mp4": _H264, ".m4v": _H264, ".mov": _H264, ".mkv": _H264, ".webm": _VP9}


@dataclass(frozen=True, eq=False)
class State:
    """Where a piece ended: the last frame's place, how many scenes there were, and what the next colors are averaged with."""

    place: Place
    num_scenes: int
    history: History


@contextmanager
def saying_why(target: Path) -> Iterator[None]:
    """What keeps a result from being written becomes a VideoError that says what is left of the work."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise VideoError(
            f"{target} could not be written ({reason_of(error)}). What was finished is kept: the same call goes on from there."
        ) from error


class WorkFolder:
    """The pieces of one result, held by one process at a time. A context, after which it is there if it holds any."""

    def __init__(self, target: Path, job: dict[str, Any]):
        """`job` says all that decides over the frames: what was made for another job is thrown away.

        Raises VideoError if the folder can't be written, or another process is at it.
        """
        self.path = hidden_path(target, ".coloring")
        self.part = self.path / "piece.part"  # into which the next piece is written
        self._lock = FileLock(self.path / "lock")
        content = json.dumps(job, indent=1, sort_keys=True)
        with saying_why(target):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout as error:
                raise VideoError(f"{target} is being made by another process: wait, or choose another name.") from error
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
        """The pieces that are whole, in order."""
        whole = []
        while self._piece(len(whole)).exists():
            whole.append(self._piece(len(whole)))
        return whole

    def last_state(self) -> State | None:
        """What the last piece left; None if there is none. One that can't be read makes all start anew."""
        pieces = self.pieces()
        try:
            return _load(self._state(len(pieces) - 1)) if pieces else None
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            for piece in pieces:
                piece.unlink()
            return None

    def keep(self, state: State) -> None:
        """Take what was written as the next piece, and the state after it."""
        number = len(self.pieces())
        # In this order: a kill in between leaves the last piece with its state.
        with temporary(self._state(number)) as part:
            _save(state, part)
            put_in_place(part, self._state(number))
        put_in_place(self.part, self._piece(number))
        self._state(number - 1).unlink(missing_ok=True)

    def remove(self) -> None:
        """Let go of the folder and delete it."""
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


class PieceWriter:
    """Encodes a piece into a file. A context, at whose end the file is complete unless an error leaves it."""

    def __init__(self, path: Path, clip: Clip, ending: str):
        encoder, options = ENCODERS[ending]
        self._clip = clip
        # A container of any time base, so that every frame keeps its time.
        self._container = av.open(f"file:{os.path.abspath(path)}", "w", format="nut")
        stream = self._container.add_stream(encoder, rate=clip.rate, options=options)
        # Halved chroma, the one kind of H.264 that all players take, needs even sides.
        stream.width, stream.height = (side + side % 2 for side in clip.size)
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = clip.time_base
        context.sample_aspect_ratio = clip.pixel_aspect
        context.color_primaries, context.color_trc, context.colorspace = clip.color
        context.color_range = ColorRange.MPEG
        self._stream = stream

    def write(self, frame: Frame, pixels: np.ndarray) -> None:
        """Add a frame with these pixels, uint8 (H, W, 3), instead of its own."""
        height, width = pixels.shape[:2]
        if height % 2 or width % 2:
            pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        colored = VideoFrame.from_ndarray(pixels, "rgb24").reformat(
            format="yuv420p", dst_colorspace=self._clip.matrix, dst_color_range=ColorRange.MPEG
        )
        colored.pts, colored.time_base = frame.time, self._clip.time_base
        self._container.mux(self._stream.encode(colored))

    def __enter__(self) -> "PieceWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        with self._container:
            if kind is None:
                self._container.mux(self._stream.encode(None))


def _save(state: State, path: Path) -> None:
    history = state.history
    facts = {"place": asdict(state.place), "num_scenes": state.num_scenes, "time": history.time}
    tensors = {"plane": history.plane, "ab": history.ab, "weight": history.weight}
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"state": json.dumps(facts)}
    )


def _load(path: Path) -> State:
    with safe_open(path, "pt") as file:
        facts = json.loads(file.metadata()["state"])
        tensors = {name: file.get_tensor(name) for name in ("plane", "ab", "weight")}
    return State(Place(**facts["place"]), facts["num_scenes"], History(**tensors, time=facts["time"]))
