"""Reports of a run: history, learning curves, sample grids, and the record from which its card is written."""

import importlib.metadata
import json
import platform
from dataclasses import asdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from colorizer.atomic_write import write_file, write_text
from colorizer.evaluation.contact_sheets import contact_sheet
from colorizer.evaluation.evaluate import hardware
from colorizer.hub.cards import CARD, is_edited, write_card
from colorizer.hub.loading import resolve
from colorizer.hub.run_records import all_commands, checking_values, read_record
from colorizer.photos.files.saving import save_image
from colorizer.training.launch import code_version, launch_command
from colorizer.training.run_folder import RECORD

VERSIONS = ("torch", "transformers", "accelerate", "datasets", "safetensors")


def save_run(trainer) -> None:
    """Write the history, learning curves, record and card of a finished run to its folder; a card edited by hand stays."""
    history, folder = trainer.progress.history, trainer.output_dir
    save_history(history, folder)
    save_curves(history, folder / "curves.png", trainer.arguments.approach)
    _write_json(folder / RECORD, describe_run(trainer))
    if is_edited(card := folder / CARD):
        trainer.say(f"{card} has been edited, so it stays as it is. Delete it to have it written again.")
    else:
        write_card(folder)


def save_history(history: list[dict], folder: Path) -> None:
    """Write the records of training and validation to history.json."""
    _write_json(folder / "history.json", history)


def _write_json(path: Path, content: object) -> None:
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def save_samples(samples: list[tuple[Tensor, Tensor, Tensor]], folder: Path, step: int) -> np.ndarray:
    """Save the grid of gray, prediction and truth of fixed photos as samples/step-N.png; return it, uint8 (H, W, 3)."""
    rows = [("", [image.numpy() for image in row]) for row in samples]
    sheet = contact_sheet(rows, columns=("gray", "prediction", "truth"), title=f"step {step}")
    (folder / "samples").mkdir(exist_ok=True)
    save_image(sheet, folder / "samples" / f"step-{step:06d}.png")
    return np.asarray(sheet)


def save_curves(history: list[dict], path: Path, title: str) -> None:
    """Plot the losses, color metrics and learning rate over the steps."""
    training = [record for record in history if "photos_per_second" in record]
    validation = [record for record in history if "validation_loss" in record]
    figure = Figure(figsize=(15, 4))
    # Fixed margins, since a layout engine would draw everything twice.
    losses, measures, rates = figure.subplots(
        1, 3, gridspec_kw={"left": 0.05, "right": 0.99, "bottom": 0.13, "top": 0.86, "wspace": 0.17}
    )
    for name in sorted({key for record in training for key in record if key.endswith("_loss")}):
        losses.plot(*_curve(training, name), label=f"training: {name.removesuffix('_loss')}", alpha=0.7)
    losses.plot(*_curve(validation, "validation_loss"), label="validation", marker="o", markersize=3)
    losses.set(title="Loss", xlabel="step", yscale="log")
    styles = {"ciede2000": "-", "colorfulness": "--", "psnr": "-.", "psnr_hinted": ":"}
    for name, style in styles.items():
        steps, values = _curve(validation, f"validation_{name}")
        if steps:
            measures.plot(steps, values, style, marker="o", markersize=3, label=name)
    measures.set(title="Validation", xlabel="step")
    rates.plot(*_curve(training, "learning_rate"))
    rates.set(title="Learning rate", xlabel="step")
    rates.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    for axes in (losses, measures):
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
    figure.suptitle(title)
    save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> None:
    with write_file(path) as stream:
        figure.savefig(stream, format="png", dpi=100)


def _curve(history: list[dict], name: str) -> tuple[list[int], list[float]]:
    points = [(record["step"], record[name]) for record in history if name in record]
    return [step for step, _ in points], [value for _, value in points]


def describe_run(trainer) -> dict:
    """Return the facts of a run that training.json holds."""
    progress, accelerator, arguments = trainer.progress, trainer.accelerator, trainer.arguments
    best = [
        record for record in progress.history if record["step"] == progress.best_step and "validation_loss" in record
    ]
    return {
        "approach": arguments.approach,
        "arguments": {name: value for name, value in asdict(arguments).items() if name != "hub_token"},
        "command": launch_command(),
        "commit": code_version(),
        **trainer.earlier_runs,
        "dataset": {
            "name": Path(arguments.dataset_name).name or arguments.dataset_name,
            "report": str(trainer.train_photos.report),
            "num_photos": trainer.train_photos.report.kept,
            "num_validation_photos": len(trainer.validation_photos),
        },
        "hardware": f"{accelerator.num_processes} × {hardware(accelerator.device)}",
        "num_processes": accelerator.num_processes,
        "precision": accelerator.mixed_precision if accelerator.mixed_precision != "no" else "float32",
        "steps": progress.step,
        "seconds": round(progress.seconds, 1),
        "photos_seen": progress.photos_seen,
        "photos_per_second": round(progress.photos_seen / max(progress.seconds, 1e-9), 1),
        "pretrained": arguments.pretrained_model_name_or_path,
        "best_step": progress.best_step,
        "metrics": {key: value for key, value in (best[-1] if best else {}).items() if key != "step"},
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS}
        | {"python": platform.python_version()},
    }


def earlier_runs(pretrained: str | None, *, token: str | None = None) -> dict:
    """Return how the checkpoint that a run started from was trained, as far as its folder has a record.

    `pretrained` is its name, folder or Hub id. The result has the commands, oldest first, and their total of seconds and of
    photos seen.

    Raises:
        CheckpointError: the record is damaged, or a value has the wrong type; the message names it.
    """
    path = resolve(pretrained, token=token) / RECORD if pretrained else None
    training = (read_record(path, dict) if path else None) or {}
    with checking_values(path):
        return {
            "earlier_commands": all_commands(training),
            "earlier_seconds": round(training.get("earlier_seconds", 0.0) + training.get("seconds", 0.0), 1),
            "earlier_photos_seen": training.get("earlier_photos_seen", 0) + training.get("photos_seen", 0),
        }
