"""evaluation.json from anywhere: whatever is damaged in it, `report` writes a page or says what is wrong in one sentence."""

import copy
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colorizer.errors import ColorizerError
from colorizer.evaluation.html_report import write_report
from colorizer.evaluation.results import Evaluation, Report, Scores, to_json

METRICS = ("psnr", "ciede2000", "auc", "colorfulness", "edge_error", "elsewhere_error")
INTERVAL = {"mean": 2.0, "low": 1.0, "high": 3.0}
MEANS, INTERVALS = dict.fromkeys(METRICS, 2.0), dict.fromkeys(METRICS, (1.0, 3.0))


@pytest.fixture
def content() -> dict[str, Any]:
    model = Evaluation(
        MEANS,
        INTERVALS,
        name="vivid",
        approach="dense",
        num_parameters=10**6,
        photos_per_second=9.0,
        matched=Scores(MEANS, INTERVALS, gain=1.5),
        curve=[{"gain": 1.0, "colorfulness": 20.0, "psnr": 23.0, "ciede2000": 9.0, "auc": 90.0}],
    )
    report = Report(
        evaluations=[Evaluation(MEANS, INTERVALS, name="gray"), model],
        dataset="photos",
        split="test",
        num_photos=1000,
        resolution=256,
        true_colorfulness=42.2,
        hardware="CPU",
        notes=["The moon was full."],
        leads={"vivid": {"gray": dict.fromkeys(("psnr", "ciede2000", "auc"), INTERVAL)}},
        labels={"sea": {"num_photos": 12, "models": {"gray": MEANS, "vivid": MEANS}}},
        size={"num_photos": 3, "sizes": [128, 256], "models": {"vivid": INTERVAL | {"pairs": {"128–256": 2.0}}}},
        age={"num_photos": 3, "seed": 0, "models": {"vivid": {"new": {"psnr": 2.0}, "old": {"psnr": INTERVAL}}}},
        others={
            "old": {"num_photos": 3, "models": {"vivid": dict.fromkeys(("psnr_lead", "ciede2000_share"), INTERVAL)}}
        },
    )
    return json.loads(to_json(report))


def places(value: Any) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of every value, also of lists and objects, as the names and numbers that lead to it."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (key,)
        yield from ((key, *rest) for rest in places(item))


def holder(content: dict[str, Any], place: tuple[str | int, ...]) -> Any:
    for key in place[:-1]:
        content = content[key]
    return content


def is_refused(content: Any, folder: Path) -> bool:
    """Return whether `report` refuses the results, naming the file on one line; it writes a page otherwise."""
    (folder / "evaluation.json").write_text(json.dumps(content), encoding="utf-8")
    try:
        write_report(folder)
    except ColorizerError as error:
        message = str(error)
    else:
        return False
    assert "evaluation.json" in message
    assert "\n" not in message
    return True


def test_a_value_of_another_type_is_refused(content: dict[str, Any], tmp_path: Path):
    assert not is_refused(content, tmp_path)
    accepted = set()
    for place in places(content):
        for value in (None, "text", [1], 10**400, 1e300, math.nan, -math.inf):
            changed = copy.deepcopy(content)
            if value == "text" and isinstance(holder(changed, place)[place[-1]], str):
                continue
            holder(changed, place)[place[-1]] = value
            if not is_refused(changed, tmp_path):
                accepted.add((*place, str(value)))
    assert accepted == {
        ("networks", "vivid", "num_parameters", "None"),
        ("networks", "vivid", "photos_per_second", "None"),
        ("size", "sizes", "[1]"),
        *(("age", "seed", str(value)) for value in (None, "text", [1], 10**400, 1e300)),
    }


@pytest.mark.parametrize(
    "place",
    [
        ("models", "vivid", "colorfulness", "high"),
        ("models", "vivid", "elsewhere_error"),
        ("curves", "vivid", 0, "auc"),
        ("leads", "vivid", "gray", "psnr"),
        ("labels", "sea", "models", "vivid", "ciede2000"),
        ("age", "models", "vivid", "new", "psnr"),
        ("others", "old", "models", "vivid", "psnr_lead"),
        ("num_photos",),
        ("networks",),
    ],
)
def test_a_missing_name_is_refused(place: tuple[str | int, ...], content: dict[str, Any], tmp_path: Path):
    del holder(content, place)[place[-1]]
    assert is_refused(content, tmp_path)


def unknown_metric(content: dict[str, Any]) -> None:
    for part in content["age"]["models"]["vivid"].values():
        part["new metric"] = part.pop("psnr")


def other_pairs(content: dict[str, Any]) -> None:
    content["size"]["models"]["dull"] = INTERVAL | {"pairs": {}}


def no_other_photos(content: dict[str, Any]) -> None:
    content["others"]["new"] = {"num_photos": 3, "models": {}}


@pytest.mark.parametrize("change", [unknown_metric, other_pairs, no_other_photos])
def test_names_that_do_not_fit_are_refused(
    change: Callable[[dict[str, Any]], None], content: dict[str, Any], tmp_path: Path
):
    change(content)
    assert is_refused(content, tmp_path)
