"""The two lists of what an installation needs."""

import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def test_the_app_needs_what_the_package_and_its_extra_need() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if not line.startswith("#")]
    assert listed == [*project["dependencies"], *project["optional-dependencies"]["formats"]]
