"""What several tabs need of Gradio: the uploaded file, errors as answers, a folder for a visitor's files."""

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
from colorizer.errors import ColorizerError, PhotoError
from colorizer.photos.merging import gray_pixels
from colorizer.photos.reading import read_photo
from colorizer.photos.saving import save_image

# Seconds after which a visitor's folder goes; Gradio, which forgets only what it finds, deletes what it served after one hour.
MAX_AGE = 2 * 3600
# Photos to try: those that come inside scikit-image's package, so that none is downloaded.
SAMPLES = {
    "coffee.png": "Coffee",
    "chelsea.png": "Cat",
    "astronaut.png": "Astronaut",
    "rocket.jpg": "Rocket",
    "camera.png": "Camera (gray)",
}
GRAY_SAMPLES = {"chelsea.png": "Cat (gray)"}
_DATA = Path(skimage.__file__).parent / "data"
# What a handler returns: each component that changes, and its new value or properties.
Updates = dict[gr.blocks.Block, Any]
# Events that change the page at once, and are nothing for programs.
QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def uploaded_file(file: dict[str, Any] | None) -> str | None:
    """The path of the file behind a `gr.Image` or `gr.Video` input whose event has `preprocess=False`; None if there is none.

    With preprocessing Gradio opens the photo itself: a broken one fails there with PIL's message, and converting it
    loses EXIF, ICC profile, alpha and 16 bits, with all of which `read_photo` deals. Raises PhotoError unless the file
    is an upload: Gradio itself lets a caller of the API name any file of the server in a photo without "meta".
    """
    path = None if file is None else file.get("path")
    if path and not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise PhotoError("That file was not uploaded here.")
    return path


@contextmanager
def errors_for_caller() -> Iterator[None]:
    """What a caller of the API gave wrongly becomes the answer's message, without a trace in the log."""
    try:
        yield
    except ColorizerError as error:
        raise gr.Error(str(error), print_exception=False) from error


def new_folder(name: str | None = None) -> Path:
    """A folder from which Gradio serves files and deletes them after a while; without `name`, one that nobody can guess.

    Visitors' folders of `MAX_AGE` go: not all that is in them was served, so that Gradio doesn't know of it.
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
    """Delete those folders in `parent` in which nothing was written after `deadline`, in seconds as `time.time` gives."""
    for folder in parent.iterdir():
        # Another visitor's request may be deleting it too.
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < deadline:
                shutil.rmtree(folder, ignore_errors=True)


def build_photo(label: str, alt_text: str, height: int, *, buttons: Sequence[str] = ("fullscreen",)) -> gr.Image:
    """Build the place for a visitor's photo inside the current Blocks: a file, the camera or the clipboard."""
    return gr.Image(
        label=label,
        sources=["upload", "webcam", "clipboard"],
        height=height,
        buttons=list(buttons),
        alt_text=alt_text,
    )


def build_examples(photo: gr.Image, **looks: Any) -> None:
    """Build a gallery of example photos inside the current Blocks; a click on one puts it into `photo`.

    looks: further arguments of the gallery.
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
    """What each of `SAMPLES` shows, and where it lies in scikit-image's package."""
    return {caption: _DATA / name for name, caption in SAMPLES.items()}


def _example_photos(folder: Path) -> list[tuple[str, str]]:
    """(file, what it shows) of the example photos, copied into `folder`; some in color, some gray."""
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
    """Let `divider`, in % of the width, move the dividers of pictures held against each other, which by themselves no key does.

    It happens in the browser.
    """
    moved = '{__type__: "update", slider_position: position}'
    # Gradio takes a lone answer as it is, and several as an array.
    answer = f"({moved})" if len(sliders) == 1 else f"Array({len(sliders)}).fill({moved})"
    divider.input(None, divider, list(sliders), js=f"(position) => {answer}", api_visibility="private")


def withdraw(paths: Iterable[Path], blocks: Iterable[gr.blocks.Block]) -> None:
    """Delete files that were shown in `blocks`, which would remember for ever what they served."""
    paths = list(paths)
    for path in paths:
        path.unlink(missing_ok=True)
    for block in blocks:
        block.temp_files.difference_update(str(path) for path in paths)
