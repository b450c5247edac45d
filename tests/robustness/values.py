"""Values that nobody expects in the place of a number, a name or a list, as text of JSON."""

import json
from copy import deepcopy
from random import Random
from typing import Any

SECRET = "hunter2-the-password"
# JSON that Python can't write or has no values for stands in texts that are replaced at the end.
RAW = {
    "<deep list>": "[" * 50_000 + "]" * 50_000,
    "<deep object>": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "<long number>": "1" * 5000,
    "<large number>": "1e999",
    "<large negative number>": "-1e999",
    "<nan>": "NaN",
    "<surrogate>": '"\\ud800"',
}


def strange(random: Random, texts: tuple[str, ...] = ()) -> Any:
    """Return a value of another type, a huge, empty or ill-formed one, or one of `texts`."""
    kind = random.randrange(6)
    if kind == 0:
        return random.choice(
            (None, True, False, {}, [], [[]], {"a": []}, [None], "", " ", "\0", "\n", "a\nb", "é" * 300)
        )
    if kind == 1:
        return random.choice(
            (-1, 0, 1, 2, 3, 255, 4096, 10**4, 10**6, 2**31 - 1, 2**31, 2**63, 2**64, 10**30, -(2**63))
        )
    if kind == 2:
        return random.choice((0.0, -0.0, 0.5, 1e-300, 1e308, -1e308, 0.1, 1.5, 3.0000001, 1e16))
    if kind == 3:
        return random.choice(tuple(RAW))
    if kind == 4:
        size = random.choice((1, 3, 100, 10_000))
        return random.choice(
            ([1.0] * size, ["x"] * size, "x" * size, {str(n): n for n in range(size)}, [[1]] * size, [0] * size)
        )
    names = (
        "../other",
        "/etc/passwd",
        "~root",
        "user/name",
        "%s%n{0}{x.__class__}",
        "file:///etc/passwd",
        "NaN",
        "1e9",
        "-1",
    )
    return random.choice((*names, *texts))


def to_json(content: Any) -> str:
    """Return the text of JSON, with what only a text can hold."""
    text = json.dumps(content)
    for name, raw in RAW.items():
        text = text.replace(json.dumps(name), raw)
    return text


def places(content: Any) -> list[tuple[Any, Any]]:
    """Return every place in nested lists and dicts, as (what holds it, key or index)."""
    found = []
    keys = content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        found += [(content, key), *places(content[key])]
    return found


def change_json(random: Random, content: Any, texts: tuple[str, ...] = ()) -> Any:
    """Replace, delete, rename, add or copy one to three values of nested lists and dicts, in place."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        found = places(content)
        if not found:
            return strange(random, texts)
        holder, key = random.choice(found)
        how = random.choice(("value", "value", "value", "value", "delete", "copy", "rename", "factor"))
        if how == "value":
            holder[key] = strange(random, texts)
        elif how == "delete":
            del holder[key]
        elif how == "copy":
            other, index = random.choice(found)
            holder[key] = deepcopy(other[index])
        elif how == "factor" and isinstance(holder[key], int | float):
            holder[key] *= random.choice((-1, 2, 1.5, 1000, 1e12))
        elif how == "rename" and isinstance(holder, dict):
            holder[random.choice((f"{key}_", "auto_map", "x", ""))] = holder.pop(key)
    return content
