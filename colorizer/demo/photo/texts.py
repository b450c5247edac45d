"""Texts beside the viewer: what an approach is, and the same coloring in Python."""

from collections.abc import Mapping
from typing import Any

from colorizer.demo.catalog import Entry
from colorizer.demo.photo.comparison import Comparison, Result, Settings
from colorizer.demo.photo.score_table import scores_text
from colorizer.pipelines.hints import Hint


def about(entry: Entry, result: Result | None = None, comparison: Comparison | None = None) -> str:
    """Return Markdown on an approach: its plain name and sentence, its paper, and how it did on the photo."""
    facts = [entry.paper, f"`{entry.name}`"]
    if result is not None:
        facts.append(f"{result.seconds:.2f} s")
    lines = [
        f"### {entry.plain_label} <small>{entry.year or ''}</small>",
        entry.plain_text,
        " · ".join(filter(None, facts)),
    ]
    if result is not None and result.scores:
        lines.append(f"Against the true colors: {scores_text(result)}")
    if comparison is not None:
        lines += [f"{note[:1].upper()}{note[1:]}." for note in comparison.notes]
    return "\n\n".join(lines)


def snippet(name: str, photo: str = "photo.jpg", settings: Settings | None = None, hints: tuple[Hint, ...] = ()) -> str:
    """Return the Python program that colors the photo in this way."""
    settings = settings or Settings()
    options: dict[str, Any] = {
        key: value for key, value in settings.keywords.items() if (key, value) != ("saturation", 1)
    }
    if hints:
        options["hints"] = [(round(hint.x), round(hint.y), tuple(round(level) for level in hint.rgb)) for hint in hints]
    if (settings.warmth, settings.strength) == (0, 1):
        call = f"colorize({photo!r}{_arguments(options)})"
        return f'from colorizer import pipeline\n\ncolorize = pipeline({name!r})\n{call}.save("colored.png")\n'
    options.pop("saturation", None)
    adjustments = settings.adjustments
    return (
        "from colorizer import pipeline\n"
        "from colorizer.photos.adjusting import adjust\n"
        "from colorizer.photos.merging import merge_colors\n"
        "from colorizer.photos.files.saving import to_pil\n\n"
        f"colorize = pipeline({name!r})\n"
        f"result = colorize({photo!r}{_arguments(options)}, return_dict=True)\n"
        f"ab = adjust(result.ab{_arguments(adjustments)})\n"
        'to_pil(result.photo, merge_colors(result.photo, ab)).save("colored.png")\n'
    )


def _arguments(options: Mapping[str, Any]) -> str:
    return "".join(f", {name}={value!r}" for name, value in options.items())
