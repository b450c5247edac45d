"""Generate the tables of the README from the code and the measurements.

python -m colorizer.release.readme_tables README.md
"""

import json
import re
import sys
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import safe_open

from colorizer.approaches import get_model_class, list_approaches
from colorizer.atomic_write import write_text
from colorizer.checkpoints import EVALUATION, checkpoint_folder, list_checkpoints
from colorizer.hub.metric_names import METRICS

COLUMNS = ("psnr", "ssim", "ciede2000", "auc", "mse_ab128", "colorfulness")
# AuC is near 90: a second decimal would only widen the table.
DIGITS = {name: METRICS[name].digits for name in COLUMNS} | {"auc": 1}


def approaches_table() -> str:
    """Return a Markdown row per approach: origin, color space, objective, parameters (full size and packaged), options."""
    rows = [
        "| approach | origin | color space | objective | parameters | in the package | options |",
        "|---|---|---|---|---:|---|---|",
    ]
    for name in list_approaches():
        model = _full_network(name)
        objective = model.objective.describe()
        space = type(model.space).__name__
        options = [f"`{option}`" for option in model.options]
        if model.can_take_hints():
            options.append("`hints` where trained with them")
        options = ", ".join(options) or "–"
        origin = f"{model.authors.split(',')[0]}{' et al.' if ',' in model.authors else ''}, {model.year}"
        paper = f"[{model.cites or origin}]({model.paper_url})"
        origin = f"{origin} ({paper})" if model.cites else paper
        count = f"{sum(weight.numel() for weight in model.parameters()) / 1e6:.1f} M"
        packaged = ", ".join(_packaged(name)) or "–"
        rows.append(f"| `{name}` | {origin} | {space} | {objective} | {count} | {packaged} | {options} |")
    return "\n".join(rows)


@lru_cache
def _full_network(name: str):
    # On the meta device: the papers' networks are large, and only their shapes are needed.
    with torch.device("meta"):
        model_class = get_model_class(name)
        return model_class(model_class.config_class())


def _packaged(approach: str) -> list[str]:
    found = []
    for name in list_checkpoints():
        folder = checkpoint_folder(name)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if config["model_type"] == get_model_class(approach).config_class.model_type:
            with safe_open(folder / "model.safetensors", framework="pt") as tensors:
                shapes = [tensors.get_slice(key).get_shape() for key in tensors.keys()]  # noqa: SIM118 - not a dict
            count = sum(torch.Size(shape).numel() for shape in shapes)
            found.append(f"`{name}` ({count / 1e6:.1f} M)")
    return found


def results_table(evaluation: dict) -> str:
    """Return a Markdown row per checkpoint and baseline of an evaluation.json, with means over the photos.

    A second row per checkpoint holds the means at matched colorfulness, with the chroma gain in its title.
    """
    headings = "".join(f" {METRICS[name].short_heading} |" for name in COLUMNS)
    rows = [f"| |{headings}", "|---|" + "---:|" * len(COLUMNS)]
    matched = {f"{name} × {one['gain']:.2f}": one["metrics"] for name, one in evaluation.get("matched", {}).items()}
    for name, measured in (evaluation["models"] | matched).items():
        values = [
            f"{measured[column]['mean']:.{digits}f}" if column in measured else "–" for column, digits in DIGITS.items()
        ]
        rows.append(f"| {name} |" + "".join(f" {value} |" for value in values))
    return "\n".join(rows)


def replace_section(text: str, section: str, content: str) -> str:
    """Replace the text between the comments that mark a section."""
    pattern = rf"(<!-- {section}[^>]*-->\n).*?(<!-- /{section} -->)"
    return re.sub(pattern, lambda match: f"{match[1]}{content}\n{match[2]}", text, flags=re.DOTALL)


def update_readme(readme: Path) -> None:
    """Regenerate the tables of the README."""
    text = replace_section(readme.read_text(encoding="utf-8"), "approaches", approaches_table())
    results = results_table(json.loads(EVALUATION.read_text(encoding="utf-8")))
    write_text(readme, replace_section(text, "results", results))


if __name__ == "__main__":
    update_readme(Path(sys.argv[1]))
