"""What several tabs need of Gradio: the uploaded file, errors as messages in the page, a folder for a visitor's files."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from colorizer.errors import ColorizerError


def uploaded_file(photo: dict[str, Any] | None) -> str | None:
    """The path of the file behind a `gr.Image` input whose event has `preprocess=False`; None if there is none.

    With preprocessing Gradio opens the photo itself: a broken one fails there with PIL's message, and converting it
    loses EXIF, ICC profile, alpha and 16 bits, with all of which `images.read` deals. That the path is one of Gradio's
    own uploads, and no other file of the server, it checks in either case.
    """
    return None if photo is None else photo.get("path")


@contextmanager
def errors_in_page() -> Iterator[None]:
    """What a visitor gave wrongly becomes a message in the page (and in the API's answer), without a trace in the log."""
    try:
        yield
    except ColorizerError as error:
        raise gr.Error(str(error), print_exception=False) from error


def new_folder() -> Path:
    """A folder of its own with a name nobody can guess, where Gradio serves files and deletes them after a while."""
    folder = Path(get_upload_folder()) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder
