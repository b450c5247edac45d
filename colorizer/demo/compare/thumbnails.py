"""Thumbnails on the approaches to choose from, which Gradio's list of checkboxes takes none of."""

import base64
from collections.abc import Iterable

from colorizer.demo.catalog import Entry


def thumbnail_style(entries: Iterable[Entry]) -> str:
    """An HTML style sheet by which the label of each entry that has a thumbnail shows it."""
    rules = [
        f'#approaches label:has(input[name="{entry.name}"])::after '
        f'{{ background-image: url("data:image/webp;base64,{_encode(entry)}"); }}'
        for entry in entries
        if entry.thumbnail is not None
    ]
    return "<style>\n" + "\n".join(rules) + "\n</style>"


def _encode(entry: Entry) -> str:
    return base64.b64encode(entry.thumbnail.read_bytes()).decode()
