"""Gradio helpers shared by the tabs: uploads, turns, visitors' folders."""

import secrets
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from gradio.context import LocalContext
from gradio.utils import get_upload_folder

from colorizer.errors import PhotoError
from colorizer.photos.files.formats import MEDIA_TYPES
from colorizer.server.callers import caller_of
from colorizer.server.disk_space import RESULTS, SPACE
from colorizer.server.fair_turns import FairTurns
from colorizer.video import ENDINGS

# What the file dialogs offer and the page sends: kinds, as a phone offers its photos for them, and all extensions.
PHOTO_TYPES = ["image", *MEDIA_TYPES]
CLIP_TYPES = ["video", *ENDINGS]
# Of the processor, which all apps of a process share.
_TURNS = FairTurns()
# Return type of handlers: the components that change, each with its new value or properties.
Updates = dict[gr.blocks.Block, Any]
# Options of events that change the page at once and are not part of the API.
QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def uploaded_file(file: dict[str, Any] | None) -> str | None:
    """Return the path of an uploaded file, for events with `preprocess=False`; None if there is no file.

    With preprocessing, Gradio would open the photo itself: a broken one fails with PIL's message, and conversion loses EXIF,
    ICC profile, alpha and 16-bit depth, all of which `read_photo` handles. Raises PhotoError unless the file is an upload:
    without "meta", Gradio would let an API caller name any file on the server.
    """
    path = None if file is None else file.get("path")
    if path and not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise PhotoError("This file was not uploaded here. Upload it first.")
    return path


def in_turn(cost: int, should_stop: Callable[[], bool] = lambda: False) -> AbstractContextManager[None]:
    """Return the turn of work of the visitor whose event runs here; see `FairTurns`."""
    # Gradio's own record, so that no handler needs a parameter for it.
    return _TURNS.turn(caller_of(LocalContext.request.get(None)), cost, should_stop)


def tell_caller(notes: Iterable[str]) -> None:
    """Show notes on a photo or a clip to the API caller, as messages of the call's log."""
    for note in notes:
        gr.Info(f"{note[:1].upper()}{note[1:]}.")


def new_folder(name: str | None = None) -> Path:
    """Create a folder that Gradio serves files from; without `name`, its name can't be guessed.

    Raises ColorizerError if there is no space left for results.
    """
    if name is not None:
        folder = Path(get_upload_folder()) / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    SPACE.check(Path(get_upload_folder()))
    visitors = Path(get_upload_folder()) / RESULTS
    visitors.mkdir(parents=True, exist_ok=True)
    folder = visitors / secrets.token_hex(16)
    folder.mkdir()
    return folder


def file_url(path: Path) -> str:
    """Return the address of a file that Gradio serves, relative to the page's root."""
    return f"gradio_api/file={quote(path.as_posix())}"


def build_tone() -> list[gr.Slider]:
    """Build the sliders for saturation, warmth and strength inside the current Blocks, in this order."""
    return [
        gr.Slider(0, 2, 1, step=0.05, label="Saturation", info="1 = as predicted, 0 = gray"),
        gr.Slider(-40, 40, 0, step=1, label="Warmth", info="Below 0 = cooler, above 0 = warmer"),
        gr.Slider(0, 1, 1, step=0.05, label="Strength", info="0 = the gray photo"),
    ]
