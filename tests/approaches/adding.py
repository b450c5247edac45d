"""Add an approach to the package temporarily, as its file and its line in the table would."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from colorizer import approaches


@contextmanager
def added_approach(name: str, class_name: str, module: ModuleType) -> Iterator[None]:
    path = f"colorizer.approaches.{name}"
    sys.modules[path] = module
    approaches.APPROACHES[name] = class_name
    try:
        approaches.register()
        yield
    finally:
        del approaches.APPROACHES[name], sys.modules[path]
        approaches.register()
