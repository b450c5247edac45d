"""Old files of visitors, deleted while the app runs, and none of the app's own."""

import os
from contextlib import suppress
from pathlib import Path

import gradio as gr
from gradio import route_utils
from gradio.utils import get_upload_folder

from colorizer.server.disk_space import delete_old, is_of_visitors


def delete_files(blocks: gr.Blocks, age: int | None) -> None:
    """Delete files of visitors that are older than `age` seconds; without it, at the end of the app, all that it knows.

    Gradio's own deletes every file that a call names, also a picture of the app; knows none of the time before a restart;
    and never runs again after a call that named a folder.
    """
    folder = Path(get_upload_folder())
    if age is not None:
        delete_old(folder, age)
    for known in blocks.temp_file_sets:
        for path in list(known):  # calls add more at the same time
            if age is None and is_of_visitors(folder, path):
                with suppress(OSError):
                    os.unlink(path)
            if not os.path.exists(path):
                known.discard(path)


def bound_age() -> None:
    """Let Gradio delete files by `delete_files`."""
    route_utils.delete_files_created_by_app = delete_files
