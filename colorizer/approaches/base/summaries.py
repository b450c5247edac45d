"""Descriptions of losses, objectives and color spaces, from their docstrings."""

import inspect
from collections.abc import Callable, Mapping


def summarize(documented: type | Callable[..., object], values: Mapping[str, object]) -> str:
    """Return the first paragraph of a docstring, followed by the numbers among `values` in parentheses."""
    words = " ".join((inspect.getdoc(documented) or documented.__name__).split("\n\n")[0].split())
    numbers = ", ".join(
        f"{name} = {_format(value)}" for name, value in values.items() if isinstance(value, int | float)
    )
    return f"{words} ({numbers})" if numbers else words


def _format(value: float) -> str:
    return str(value) if isinstance(value, bool) else f"{value:.4g}"
