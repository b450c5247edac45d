"""Gradio helpers shared by the tabs: uploads, error messages, visitors' folders, sample photos."""

import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import gradio as gr
import skimage
from gradio.utils import get_upload_folder
from PIL import Image

from colorizer.atomic_write import copy_file
from colorizer.demo.catalog import without_folders
from colorizer.errors import ColorizerError, PhotoError
from colorizer.photos.merging import gray_pixels
from colorizer.photos.reading import read_photo
from colorizer.photos.saving import save_image

# Seconds before a visitor's folder is deleted. Gradio itself deletes the files it served after one hour.
MAX_AGE = 2 * 3600
# Photos to try. They come with scikit-image, so nothing is downloaded.
SAMPLES = {
    "coffee.png": "Coffee",
    "chelsea.png": "Cat",
    "astronaut.png": "Astronaut",
    "rocket.jpg": "Rocket",
    "camera.png": "Camera (gray)",
}
GRAY_SAMPLES = {"chelsea.png": "Cat (gray)"}
_DATA = Path(skimage.__file__).parent / "data"
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


@contextmanager
def errors_for_caller() -> Iterator[None]:
    """Show ColorizerError to the API caller as the error message, without a traceback in the log."""
    try:
        with without_folders():
            yield
    except ColorizerError as error:
        raise gr.Error(str(error), print_exception=False) from error


def tell_caller(notes: Iterable[str]) -> None:
    """Show notes on a photo or a clip to the API caller, as messages of the call's log."""
    for note in notes:
        gr.Info(f"{note[:1].upper()}{note[1:]}.")


def new_folder(name: str | None = None) -> Path:
    """Create a folder that Gradio serves files from; without `name`, its name can't be guessed.

    Also deletes visitors' folders older than `MAX_AGE`: Gradio only cleans up files that it served.
    """
    if name is not None:
        folder = Path(get_upload_folder()) / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    visitors = Path(get_upload_folder()) / "visitors"
    visitors.mkdir(parents=True, exist_ok=True)
    delete_old_folders(visitors, time.time() - MAX_AGE)
    folder = visitors / secrets.token_hex(16)
    folder.mkdir()
    return folder


def delete_old_folders(parent: Path, deadline: float) -> None:
    """Delete the folders in `parent` that were last written to before `deadline` (seconds, as in `time.time`)."""
    for folder in parent.iterdir():
        # Another visitor's request may delete it at the same time.
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < deadline:
                shutil.rmtree(folder, ignore_errors=True)


def build_photo(label: str, alt_text: str, height: int, *, buttons: Sequence[str] = ("fullscreen",)) -> gr.Image:
    """Build the photo input inside the current Blocks: a file, the camera or the clipboard."""
    return gr.Image(
        label=label,
        sources=["upload", "webcam", "clipboard"],
        height=height,
        buttons=list(buttons),
        alt_text=alt_text,
    )


def build_examples(photo: gr.Image, **looks: Any) -> None:
    """Build a gallery of example photos inside the current Blocks. A click on one loads it into `photo`.

    looks: more arguments for the gallery.
    """
    examples = _example_photos(new_folder("examples"))
    gallery = gr.Gallery(
        examples,
        columns=3,
        height="auto",
        object_fit="cover",
        allow_preview=False,
        interactive=False,
        buttons=[],
        **looks,
    )

    def take(event: gr.SelectData) -> str:
        return examples[event.index][0]

    gallery.select(take, None, photo, api_visibility="private", show_progress="hidden")


def sample_paths() -> dict[str, Path]:
    """Return {caption: path} of the sample photos."""
    return {caption: _DATA / name for name, caption in SAMPLES.items()}


def _example_photos(folder: Path) -> list[tuple[str, str]]:
    """Copy the example photos into `folder`, some in color, some gray. Returns pairs (file, caption)."""
    photos = []
    for caption, path in sample_paths().items():
        copy_file(path, folder / path.name)
        photos.append((str(folder / path.name), caption))
    for name, caption in GRAY_SAMPLES.items():
        path = folder / f"{Path(name).stem}-gray.png"
        save_image(Image.fromarray(gray_pixels(read_photo(_DATA / name).pixels)), path)
        photos.append((str(path), caption))
    return photos


def connect_divider(divider: gr.Slider, sliders: Sequence[gr.ImageSlider]) -> None:
    """Let the slider `divider` (% of the width) move the dividers of `sliders`, which can't be moved by keyboard.

    Runs in the browser.
    """
    moved = '{__type__: "update", slider_position: position}'
    # Gradio expects a single value for one output and an array for several.
    update = f"({moved})" if len(sliders) == 1 else f"Array({len(sliders)}).fill({moved})"
    divider.input(None, divider, list(sliders), js=f"(position) => {update}", api_visibility="private")


def withdraw(paths: Iterable[Path], blocks: Iterable[gr.blocks.Block]) -> None:
    """Delete files that `blocks` showed, and remove them from the blocks' own lists, which would only grow."""
    paths = list(paths)
    for path in paths:
        path.unlink(missing_ok=True)
    for block in blocks:
        block.temp_files.difference_update(str(path) for path in paths)
