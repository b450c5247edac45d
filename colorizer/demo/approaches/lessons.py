"""Content of the Approaches tab, from docstrings, model cards and evaluation results."""

import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from colorizer.approaches import get_model_class, list_approaches
from colorizer.approaches.base.summaries import summarize
from colorizer.checkpoints import EVALUATION, checkpoint_folder, list_checkpoints
from colorizer.demo.catalog import Catalog
from colorizer.hub.cards import render_card
from colorizer.hub.run_records import read_info, read_record
from colorizer.release.readme_tables import results_table

# Sections of a model card that differ between checkpoints.
SECTIONS = ("Network", "Training", "Measured")
PICTURE = re.compile(r"^!\[(.+)\]\((.+)\)$", re.MULTILINE)
# Exists in a clone, as on a Space, but not in an installed package.
CARDS = Path(__file__).parents[3] / "model_cards"


Pictures = tuple[tuple[str, Path], ...]
"""Pictures as (caption, file)."""


@dataclass(frozen=True)
class Section:
    """Section of a page: its text as Markdown, and the pictures that follow it."""

    text: str
    pictures: Pictures


@dataclass(frozen=True)
class Trained:
    """Checkpoint of the package: sections of its card as Markdown, and its pictures."""

    name: str
    plain_name: str
    text: str
    pictures: Pictures


@dataclass(frozen=True)
class Lesson:
    """Approach: its description as Markdown, and its checkpoints in the package."""

    name: str
    heading: str
    text: str
    checkpoints: tuple[Trained, ...]


def lessons() -> list[Lesson]:
    """Return a lesson per approach, the oldest first, our own network last."""
    infos = {name: read_info(checkpoint_folder(name), name=name) for name in list_checkpoints()}
    by_year = sorted(list_approaches(own=True), key=lambda approach: get_model_class(approach).year)
    return [_lesson(approach, infos) for approach in by_year]


def measured() -> str:
    """Return the results of all checkpoints on the test photos as Markdown; "" if there are none."""
    evaluation = read_record(EVALUATION)
    if not evaluation:
        return ""
    size = evaluation["resolution"]
    lines = [
        f"Averages over {evaluation['num_photos']:,} photos of the {evaluation['split']} split, at {size}×{size} pixels. "
        "The arrow shows which direction is better; colorfulness is best when close to that of the original photos, "
        f"{evaluation['true_colorfulness']:.1f}. Rows without a network, such as gray, are baselines to beat.",
    ]
    if evaluation.get("matched"):
        lines.append(
            "Dull colors score better when they are wrong. For a fair comparison, rows with a factor have their chroma "
            "multiplied by it, so that all are about as colorful as the original photos."
        )
    return "\n\n".join([*lines, *evaluation.get("notes", []), results_table(evaluation)])


def measured_curves(catalog: Catalog) -> dict[str, list[Any]]:
    """Return the measured error of each checkpoint at several chroma gains, as columns of a table; empty if there are none."""
    columns: dict[str, list[Any]] = {"Approach": [], "Colorfulness": [], "Error (ΔE2000)": []}
    for name, points in ((read_record(EVALUATION) or {}).get("curves") or {}).items():
        for point in points if name in catalog.names else ():
            for column, value in zip(
                columns, (catalog.entry(name).plain_label, point["colorfulness"], point["ciede2000"]), strict=True
            ):
                columns[column].append(value)
    return columns


def results_picture() -> Path | None:
    """Return the picture with results of all checkpoints; None without a clone."""
    path = CARDS / "pictures" / "results.jpg"
    return path if path.is_file() else None


def protocol() -> list[Section]:
    """Return the page on the approaches trained by one protocol, in sections; none without a clone."""
    path = CARDS / "protocol.md"
    if not path.is_file():
        return []
    _, page = path.read_text(encoding="utf-8").split("\n", 1)
    return [
        Section(
            _without_pictures(re.sub(r"\[(.+?)\]\(\.\./.+?\)", r"\1", text).replace("## ", "#### ", 1)),
            tuple((caption, CARDS / file) for caption, file in PICTURE.findall(text)),
        )
        for text in re.split(r"^(?=## )", page, flags=re.MULTILINE)
    ]


def photo_terms() -> str:
    """Return the sources and terms of the training photos as Markdown; "" without a clone."""
    path = CARDS / "training_photos.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _lesson(approach: str, infos: dict[str, dict[str, Any]]) -> Lesson:
    model_class = get_model_class(approach)
    model_type = model_class.config_class.model_type
    # On the meta device, since the networks are large and only their description is needed.
    with torch.device("meta"):
        model = model_class(model_class.config_class())
    space = model.space
    count = sum(weight.numel() for weight in model.parameters())
    facts = [
        ("Color space", f"{type(space).__name__}. {summarize(type(space), vars(space))}"),
        ("Objective", model.objective.explain()),
        ("Full size", f"{count / 1e6:.1f} million weights"),
    ]
    options = [f"`{option.name}` ({option.values}): {option.help}" for option in model.options.values()]
    if model_class.can_take_hints():
        options.append("`hints`, if trained with them")
    if options:
        facts.append(("Options", "; ".join(options)))
    trained = tuple(
        _trained(name, model_class.introduce(info["config"])[0], info)
        for name, info in infos.items()
        if info["config"].get("model_type") == model_type
    )
    if not trained:
        command = f"accelerate launch train_accelerate.py --approach {approach} --dataset_name DATA"
        facts.append(("Checkpoint", f"none comes with the package; train one with `{command}`"))
    source = f"{model_class.authors}, {model_class.year}."
    if model_class.cites:
        source = f"*{model_class.title}*, {source} [{model_class.cites}]({model_class.paper_url})."
    else:
        source = f"*[{model_class.title}]({model_class.paper_url})*, {source}"
    text = "\n\n".join(
        [
            source,
            inspect.getdoc(model_class) or "",
            "\n".join(f"* **{label}:** {value}" for label, value in facts),
        ]
    )
    return Lesson(approach, f"{model_class.plain_name}: {model_class.title} ({model_class.year})", text, trained)


def _trained(name: str, plain_name: str, info: dict[str, Any]) -> Trained:
    sections = dict(re.findall(r"^## (.+?)\n+(.*?)\s*(?=^## |\Z)", render_card(info), re.MULTILINE | re.DOTALL))
    text = "\n\n".join(f"#### {title}\n\n{_without_pictures(sections[title])}" for title in SECTIONS)
    folder = checkpoint_folder(name)
    return Trained(name, plain_name, text, tuple((label, folder / file) for label, file in info["pictures"]))


def _without_pictures(text: str) -> str:
    """Remove pictures and the lines that only name them: they are shown below the text, where they can be enlarged."""
    return re.sub(r"^(.+:\n\n)?!\[.*\n?", "", text, flags=re.MULTILINE).strip()
