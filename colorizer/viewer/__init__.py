"""The photo viewer of the app and of the page without a server: template, script and style, and the old photos to try."""

from pathlib import Path

FOLDER = Path(__file__).parent
STYLE = FOLDER / "viewer.css"


def template() -> str:
    """Return the viewer's HTML; `{{accept}}` stands for the photos that it takes, as in an input's attribute `accept`."""
    return (FOLDER / "viewer.html").read_text(encoding="utf-8")


def script() -> str:
    """Return the body of a function of `element`, `props`, `trigger`, `watch` and `upload`, which brings a viewer to life."""
    return (FOLDER / "viewer.js").read_text(encoding="utf-8")
