"""What the Learn tab says: from the approaches' own words, the checkpoints' cards and the measurements."""

import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from colorizer.approaches import get_model_class, list_approaches
from colorizer.approaches.base.summaries import summarize
from colorizer.checkpoints import EVALUATION, checkpoint_folder, list_checkpoints
from colorizer.hub.cards import render_card
from colorizer.hub.run_records import read_info, read_record
from colorizer.release.readme_tables import results_table

# The sections of a card that tell of one checkpoint; the others say the same of all.
SECTIONS = ("Network", "Training", "Measured")
# In a clone, as on a Space; the package alone has none.
CARDS = Path(__file__).parents[3] / "model_cards"


@dataclass(frozen=True)
class Trained:
    """A checkpoint of the package: its card's sections as Markdown, and its pictures as (what it shows, file)."""

    name: str
    text: str
    pictures: tuple[tuple[str, Path], ...]


@dataclass(frozen=True)
class Lesson:
    """An approach: what it is, as Markdown, and the checkpoints of it that come with the package."""

    name: str
    heading: str
    text: str
    checkpoints: tuple[Trained, ...]


def lessons() -> list[Lesson]:
    """A lesson for every approach, our own network last."""
    infos = {name: read_info(checkpoint_folder(name), name=name) for name in list_checkpoints()}
    return [_lesson(approach, infos) for approach in list_approaches(own=True)]


def measured() -> str:
    """The table of all checkpoints on the same test photos, and what these were, as Markdown; "" where nothing was measured."""
    evaluation = read_record(EVALUATION)
    if not evaluation:
        return ""
    size = evaluation["resolution"]
    lines = [
        f"Means over {evaluation['num_photos']:,} photos, at {size}×{size} pixels, of the {evaluation['split']} split. "
        "An arrow says where better is; colorfulness is best near that of the true photos, "
        f"{evaluation['true_colorfulness']:.1f}. The rows without a network, such as gray, are what a checkpoint has to beat.",
    ]
    if evaluation.get("matched"):
        lines.append(
            "Dull colors are less wrong where they are wrong: the rows with a number have their chroma multiplied by it, so "
            "that all are about as colorful as the true photos."
        )
    return "\n\n".join([*lines, *evaluation.get("notes", []), results_table(evaluation)])


def results_picture() -> Path | None:
    """Photos by every checkpoint of the package, in a clone."""
    path = CARDS / "pictures" / "results.jpg"
    return path if path.is_file() else None


def photo_terms() -> str:
    """Where the training photos come from and what that means for the weights, as Markdown; "" without a clone."""
    path = CARDS / "training_photos.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _lesson(approach: str, infos: dict[str, dict[str, Any]]) -> Lesson:
    model_class = get_model_class(approach)
    model_type = model_class.config_class.model_type
    # On the meta device: the paper's networks are large, and only what they say of themselves is asked for.
    with torch.device("meta"):
        model = model_class(model_class.config_class())
    space = model.space
    count = sum(weight.numel() for weight in model.parameters())
    facts = [
        ("Color space", f"{type(space).__name__}. {summarize(type(space), vars(space))}"),
        ("Objective", model.objective.explain()),
        ("Size in full", f"{count / 1e6:.1f} million weights"),
    ]
    options = [f"`{option.name}` ({option.values}): {option.help}" for option in model.options.values()]
    if model_class.can_take_hints():
        options.append("`hints`, if trained with them")
    if options:
        facts.append(("Options", "; ".join(options)))
    trained = tuple(
        _trained(name, info) for name, info in infos.items() if info["config"].get("model_type") == model_type
    )
    if not trained:
        command = f"accelerate launch train_accelerate.py --approach {approach} --dataset_name DATA"
        facts.append(("Checkpoint", f"none comes with the package; one is trained by `{command}`"))
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
    return Lesson(approach, f"{approach}: {model_class.title} ({model_class.year})", text, trained)


def _trained(name: str, info: dict[str, Any]) -> Trained:
    sections = dict(re.findall(r"^## (.+?)\n+(.*?)\s*(?=^## |\Z)", render_card(info), re.MULTILINE | re.DOTALL))
    # The pictures, each with a line over it, stand below the text, as components that can be enlarged.
    texts = [
        (title, re.sub(r"^.+:\n\n!\[.*\n?", "", sections[title], flags=re.MULTILINE).strip()) for title in SECTIONS
    ]
    text = "\n\n".join(f"#### {title}\n\n{text}" for title, text in texts)
    folder = checkpoint_folder(name)
    return Trained(name, text, tuple((label, folder / file) for label, file in info["pictures"]))
