"""The viewer of the Photo tab: one HTML component, and what it is sent."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from PIL import Image

from colorizer.demo.catalog import Catalog
from colorizer.demo.components import PHOTO_TYPES, file_url
from colorizer.demo.photo.comparison import Result
from colorizer.demo.photo.examples import ExampleFiles
from colorizer.demo.photo.score_table import plain_label
from colorizer.demo.photo.session import Session
from colorizer.viewer import script, template
from colorizer.viewer.examples import EXAMPLES


def build_viewer(value: dict[str, Any]) -> gr.HTML:
    """Build the viewer inside the current Blocks.

    Its events, with what their data hold: `opened` (path of an uploaded photo, or number of an example), `kept` (path, and what
    the page kept of an earlier session), `chosen` (id of a result), `act` (a change of the hints: what, id, and where or which
    color), `save` (what: one or all, id).
    """
    return gr.HTML(
        value,
        accept=",".join(PHOTO_TYPES).replace("image,", "image/*,", 1),
        html_template=template(),
        js_on_load=script(),
        apply_default_css=False,
        elem_id="viewer",
    )


def opening_value(catalog: Catalog, files: ExampleFiles) -> dict[str, Any]:
    """Return the value at the start: an old photo already in color, from files of the package, so that nothing is computed."""
    example, items = EXAMPLES[0], []
    with Image.open(files.photo(example)) as photo:
        size = list(photo.size)
    for name in catalog.best_first:
        entry = catalog.entry(name)
        picture = files.opening(name) if entry.origin == "package" else None
        is_large = name == catalog.default
        items.append(
            {
                "id": name,
                "name": entry.plain_label,
                "year": entry.year,
                "thumb": picture and file_url(picture),
                "src": file_url(picture) if picture and is_large else None,
            }
        )
    return {
        "photo": 0,
        "name": files.photo(example).name,
        "sample": f"{example.title}: an example. Choose a photo of your own.",
        "size": size,
        "gray": file_url(files.before(example)),
        "items": items,
    }


def viewer_value(session: Session, values: Sequence[Any]) -> dict[str, Any]:
    """Return the value that shows the session. `values` are those of the controls, which the page keeps for a reload.

    Everything in it is the visitor's own; the page shows texts as texts, never as HTML.
    """
    comparison = session.comparison
    hinting, width, height = session.hinting, *comparison.size
    dots = [
        {
            "x": hint.x / max(1, width - 1),
            "y": hint.y / max(1, height - 1),
            "color": "#" + bytes(round(level) for level in hint.rgb).hex(),
            "isChosen": hint is hinting.chosen,
        }
        for hint in hinting.hints
    ]
    if hinting.place is not None and hinting.chosen is None:
        x, y = hinting.place
        dots.append({"x": x / max(1, width - 1), "y": y / max(1, height - 1), "color": None, "isChosen": True})
    return {
        "photo": session.number,
        "name": comparison.photo_name,
        "count": f"{session.num_arrived}.{session.version}",
        "size": list(comparison.size),
        "gray": file_url(comparison.gray),
        "truth": comparison.truth and file_url(comparison.truth),
        "busy": not comparison.is_done,
        "message": session.message,
        "wanted": session.chosen,
        "items": [item for name in comparison.names for item in _items(session, name)],
        "dots": dots,
        "swatches": [
            {"color": color.code, "name": color.name, "reason": color.reason} for color in session.suggestions
        ],
        "can": {
            "undo": hinting.can_undo,
            "redo": hinting.can_redo,
            "remove": hinting.chosen is not None,
            "clear": bool(hinting.hints),
        },
        "keep": {
            "path": comparison.source,
            "chosen": session.chosen,
            "hints": [[hint.x, hint.y, list(hint.rgb)] for hint in hinting.hints],
            "values": list(values),
        },
    }


def _items(session: Session, name: str) -> list[dict[str, Any]]:
    comparison = session.comparison
    entry = comparison.catalog.entry(name)
    results = [result for result in comparison.results if result.name == name]
    if not results:
        return [{"id": name, "name": entry.plain_label, "year": entry.year}]
    return [_item(session, result, entry.year) for result in results]


def _item(session: Session, result: Result, year: int | None) -> dict[str, Any]:
    item = {"id": result.label, "name": plain_label(session.comparison, result), "year": year}
    if (painted := session.painted.get(result.label)) is None:
        return item | {"problem": result.problem or ""}
    item |= {"thumb": file_url(painted.thumbnail), "src": file_url(painted.result.preview)}
    if result.scores:
        item["note"] = f"ΔE {result.scores['ciede2000']:.1f}"
    return item
