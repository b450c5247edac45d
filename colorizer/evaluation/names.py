"""What models are called in tables, on sheets and in file names."""

import os
from collections.abc import Sequence
from pathlib import Path

from colorizer.errors import ColorizerError
from colorizer.modeling import ColorizerModel


def model_names(models: Sequence[str | os.PathLike | ColorizerModel]) -> list[str]:
    """What to call each model: a folder by its own name where that is enough to tell it from the others.

    Raises ColorizerError if a model is there twice.
    """
    full = [model.approach if isinstance(model, ColorizerModel) else os.fspath(model) for model in models]
    short = [Path(name).resolve().name if Path(name).is_dir() else name for name in full]
    names = [own if short.count(own) == 1 else name for own, name in zip(short, full, strict=True)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ColorizerError(f"{', '.join(twice)} is there more than once: name each model once.")
    return names
