"""What several tabs need of Gradio: the uploaded file, errors as answers, a folder for a visitor's files."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from colorizer.errors import ColorizerError, PhotoError


def uploaded_file(file: dict[str, Any] | None) -> str | None:
    """The path of the file behind a `gr.Image` or `gr.Video` input whose event has `preprocess=False`; None if there is none.

    With preprocessing Gradio opens the photo itself: a broken one fails there with PIL's message, and converting it
    loses EXIF, ICC profile, alpha and 16 bits, with all of which `images.read` deals. Raises PhotoError unless the file
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
    """A folder from which Gradio serves files and deletes them after a while; without `name`, one that nobody can guess."""
    folder = Path(get_upload_folder()) / (name or secrets.token_hex(16))
    folder.mkdir(parents=True, exist_ok=name is not None)
    return folder
