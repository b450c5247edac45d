"""Measure the trained arms of the protocol, and write model_cards/protocol.md from what was measured.

    python -m colorizer.release.protocol_results [DATA]

What is measured of an arm stays in model_cards/protocol, with plates in its colors, so that arms may be trained one after the
other on any machine. Only arms in `runs/protocol` that have no result there are measured. What is concluded from all of them
is written by hand, in model_cards/protocol/findings.md.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from colorizer.atomic_write import write_text
from colorizer.data import load_photos
from colorizer.errors import ColorizerError
from colorizer.evaluation.contact_sheets import contact_sheet
from colorizer.evaluation.evaluate import evaluate
from colorizer.evaluation.plots import curve_figure, training_figure
from colorizer.evaluation.results import Report, from_content, to_json
from colorizer.evaluation.tables import caption, markdown_table, metric_cells, rows
from colorizer.hub.metric_names import METRICS
from colorizer.photos.files.reading import read_photo
from colorizer.photos.files.saving import save_image
from colorizer.photos.merging import gray_pixels
from colorizer.pipelines.image_colorization import pipeline
from colorizer.release.protocol import RESULTS, RUNS, read_arms
from colorizer.training.reports import save_figure
from colorizer.viewer.examples import sample_paths

COLUMNS = ("psnr", "ciede2000", "auc", "auc_rebalanced", "within_10", "colorfulness")
RESOLUTION = 256
# Training photos from which the baselines are computed.
MAX_PHOTOS = 2000
CURVE = "validation_ciede2000"
PLATE_HEIGHT = 130
GRAY, TRUTH = "gray", "truth"


def measure_arms(
    names: Sequence[str], data: str, *, runs: Path = RUNS, folder: Path = RESULTS, resolution: int = RESOLUTION
) -> None:
    """Color the test photos with trained arms, and write the scores, curve and cost of each to `folder`/NAME.json.

    The plates of the examples are colored, too, to `folder`/NAME.webp.
    """
    photos = {split: load_photos(data, split=split, resolution=resolution) for split in ("test", "validation")}
    report = evaluate(
        [str(runs / name) for name in names],
        photos["test"],
        training_photos=load_photos(data, resolution=resolution, max_photos=MAX_PHOTOS, labels=False),
        validation_photos=photos["validation"],
        dataset=Path(data).name,
    )
    baselines = [evaluation for evaluation in report.evaluations if evaluation.approach is None]
    folder.mkdir(parents=True, exist_ok=True)
    plates = [read_photo(path) for path in sample_paths().values()]
    save_plates([gray_pixels(plate.pixels) for plate in plates], folder / f"{GRAY}.webp")
    save_plates([plate.pixels for plate in plates], folder / f"{TRUTH}.webp")
    for name, evaluation in zip(names, report.evaluations[len(baselines) :], strict=True):
        alone = replace(report, evaluations=[*baselines, replace(evaluation, name=name)], leads={})
        record = {"evaluation": json.loads(to_json(alone)), **describe_training(runs / name)}
        save_plates([np.asarray(pipeline(runs / name)(plate)) for plate in plates], folder / f"{name}.webp")
        write_text(folder / f"{name}.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def save_plates(plates: Sequence[np.ndarray], path: Path) -> None:
    """Save plates, uint8 (H, W, 3), side by side in one picture."""
    save_image(contact_sheet([("", plates)], height=PLATE_HEIGHT), path, quality=80, method=6)


def describe_training(run: Path) -> dict[str, Any]:
    """Return what a run cost and how it went."""
    training, history = (json.loads((run / f"{file}.json").read_text()) for file in ("training", "history"))
    batch = training["arguments"]["train_batch_size"]
    return {
        "learning_rate": training["arguments"]["learning_rate"],
        "photos_seen": training["photos_seen"],
        "photos_per_second": _speed(history),
        "hardware": training["hardware"],
        "precision": training["precision"],
        "curve": [[batch * record["step"], record[CURVE]] for record in history if CURVE in record],
    }


def _speed(history: Sequence[Mapping[str, Any]]) -> float:
    """Return the photos per second of a run without what shared the processor: the fastest record of each of its stages.

    Stages differ in their losses, such as L1 alone and, later, against a discriminator.
    """
    stages: dict[frozenset[str], list[float]] = {}
    for record in history:
        if speed := record.get("photos_per_second"):
            stages.setdefault(frozenset(record), []).append(speed)
    seconds_per_photo = [(len(speeds), 1 / max(speeds)) for speeds in stages.values()]
    return sum(count for count, _ in seconds_per_photo) / sum(count * seconds for count, seconds in seconds_per_photo)


def read_records(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Return the records of the measured arms by name, in the order of the recipe."""
    paths = {name: folder / f"{name}.json" for name in read_arms()}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.is_file()}


def combined(records: Mapping[str, Mapping[str, Any]]) -> Report:
    """Return one report on all arms: the baselines, which are the same for all, then the arms.

    Raises:
        ColorizerError: they are not, so that an arm was measured on other photos.
    """
    first, *others = (from_content(record["evaluation"]) for record in records.values())
    for name, report in zip(list(records)[1:], others, strict=True):
        for ours, theirs in zip(first.evaluations[:-1], report.evaluations[:-1], strict=True):
            if not np.allclose(list(ours.means.values()), list(theirs.means.values()), rtol=1e-4):
                raise ColorizerError(
                    f"{name} was measured on other photos than {next(iter(records))}: measure it again."
                )
    return replace(first, evaluations=[*first.evaluations, *(report.evaluations[-1] for report in others)])


def write_page(folder: Path = RESULTS) -> Path:
    """Write protocol.md beside `folder`, and its two plots into it. Text in findings.md there opens the page."""
    arms, records = read_arms(), read_records(folder)
    report = combined(records)
    metrics = {name: METRICS[name] for name in COLUMNS}
    lines = [[title, *cells] for (title, *_), cells in zip(rows(report), metric_cells(report, metrics), strict=True)]
    costs = [
        [
            name,
            f"{each.num_parameters / 1e6:.2f} M",
            f"{record['learning_rate']:.1e}",
            record["precision"],
            f"{record['photos_seen']:,}",
            f"{record['photos_per_second']:.0f}",
            f"{record['photos_seen'] / record['photos_per_second'] / 60:.0f} min",
        ]
        for (name, record), each in zip(records.items(), report.evaluations[-len(records) :], strict=True)
    ]
    curves = {name: record["curve"] for name, record in records.items()}
    speeds = {name: record["photos_per_second"] for name, record in records.items()}
    for plot, figure in (("accuracy", curve_figure(report)), ("training", training_figure(curves, speeds))):
        save_figure(figure, folder / f"{plot}.png")
    findings = folder / "findings.md"
    plates = [name for name in (GRAY, TRUTH, *records) if (folder / f"{name}.webp").is_file()]
    missing = [name for name in arms if name not in records]
    parts = [
        "# One protocol for all",
        "The same photos, as many of them, in the same sizes and order, for networks of about 2 million trained weights, on "
        "true colors alone; each with the optimizer and the objective of its paper, at the rate that the learning-rate finder "
        "suggests: [`recipes/protocol.yaml`](../recipes/protocol.yaml). `make protocol` trains and measures the arms that "
        "have no result yet. One seed each.",
        f"Not trained yet: {', '.join(missing)}." if missing else "",
        f"## What was learned\n\n{findings.read_text(encoding='utf-8')}" if findings.is_file() else "",
        f"## Results\n\n{caption(report)}",
        markdown_table(["arm", *(metric.heading for metric in metrics.values())], lines),
        "## Accuracy and colorfulness\n\nEach arm with its chroma scaled; a ring marks it as it is.\n\n"
        "![Accuracy over colorfulness](protocol/accuracy.png)",
        "## The same photos\n\nPlates of about 1910 whose true colors are known, the examples of the app.",
        *(f"{name}:\n\n![{name}](protocol/{name}.webp)" for name in plates),
        "## Training\n\nThe error at each arm's own size: 128 px, 32 for dense.\n\n"
        "![Error over photos and seconds](protocol/training.png)",
        f"Speed is that of one thread ({next(iter(records.values()))['hardware']}), where each stage of a run was fastest. "
        "Parameters include frozen ones.",
        markdown_table(
            ["arm", "parameters", "learning rate", "precision", "photos seen", "photos/s", "training"], costs
        ),
    ]
    page = folder.with_suffix(".md")
    write_text(page, "\n\n".join(part.strip() for part in parts if part) + "\n")
    return page


if __name__ == "__main__":
    dataset = sys.argv[1] if len(sys.argv) > 1 else "../shared/data"
    trained = [arm for arm in read_arms() if (RUNS / arm / "training.json").is_file()]
    if new := [arm for arm in trained if not (RESULTS / f"{arm}.json").is_file()]:
        measure_arms(new, dataset)
    print(write_page())
