"""Names of models in tables, on contact sheets and in file names."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.checkpoints import EVALUATION
from colorizer.errors import ColorizerError, printable, quote
from colorizer.hub.run_records import read_record

# Baselines that any model has to beat, by name in evaluation.json.
BASELINES = ("gray", "mean color", "mean by lightness")
# What Markdown reads as more than a letter, also in a table. An underscore within a word is none of it.
_MARKUP = re.compile(r"[\\`*<|~\[\]]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)")


def model_names(models: Sequence[str | os.PathLike | ColorizerModel]) -> list[str]:
    """Name each model: a folder by its own name, preceded by as many parent folders as make it unique.

    Raises ColorizerError if a model is given twice.
    """
    full = [model.approach if isinstance(model, ColorizerModel) else os.fspath(model) for model in models]
    parts = [Path(name).resolve().parts if os.path.isdir(name) else (name,) for name in full]
    if twice := sorted({name for name, own in zip(full, parts, strict=True) if parts.count(own) > 1}):
        raise ColorizerError(f"{', '.join(map(quote, twice))} is given more than once: name each model once.")
    return [_shortest(own, [other for other in parts if other != own]) for own in parts]


def as_markdown(text: str) -> str:
    """Return a name, or other text, as Markdown that shows it on one line, also in a table's cell."""
    return _MARKUP.sub(r"\\\g<0>", printable(text))


def best_first(names: Iterable[str]) -> list[str]:
    """Sort names of checkpoints by their measured error, ΔE2000, the smallest first; those not measured come last."""
    measured = (read_record(EVALUATION) or {}).get("models", {})
    errors = {name: scores["ciede2000"]["mean"] for name, scores in measured.items() if "ciede2000" in scores}
    return sorted(names, key=lambda name: errors.get(name, float("inf")))


def _shortest(own: Sequence[str], others: Sequence[Sequence[str]]) -> str:
    for count in range(1, len(own)):
        if all(own[-count:] != other[-count:] for other in others):
            return "/".join(own[-count:])
    return str(Path(*own))
