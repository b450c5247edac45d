"""A tiny dataset, and tiny runs in this process and in others."""

import csv
import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from accelerate.state import AcceleratorState, GradientState
from PIL import Image

from colorizer.photos.color import lab_to_rgb
from colorizer.training import Trainer, TrainingArguments, parse_runs

REPOSITORY = Path(__file__).parents[2]


def landscape(number: int, side: int = 40) -> Image.Image:
    """Draw a plain blue sky, rough green grass and a striped red disc. Grass and disc have the same mean lightness."""
    generator = torch.Generator().manual_seed(number)
    horizon, across, down = (0.3 + 0.4 * torch.rand(3, generator=generator)).tolist()
    row, column = torch.meshgrid(*[torch.linspace(0, 1, side)] * 2, indexing="ij")
    is_sky = row < horizon
    is_disc = (row - down) ** 2 + (column - across) ** 2 < 0.04
    lightness = torch.where(is_sky, 85 - 20 * row, 35 + 20 * torch.rand(side, side, generator=generator))
    lightness = torch.where(is_disc, 45 + 10 * torch.sign(torch.sin(40 * column)), lightness)
    a, b = (
        torch.where(is_disc, disc, torch.where(is_sky, sky, grass))
        for sky, grass, disc in ((-5, -30, 50), (-30, 35, 30))
    )
    rgb = lab_to_rgb(torch.stack((lightness, a, b)).float())
    return Image.fromarray(np.ascontiguousarray((rgb * 255).round().to(torch.uint8).movedim(0, -1).numpy()))


def write_parquet(path: Path, numbers: range) -> None:
    rows = []
    for number in numbers:
        encoded = io.BytesIO()
        landscape(number).save(encoded, "PNG")
        rows.append({"bytes": encoded.getvalue(), "path": f"landscape-{number}.png"})
    pq.write_table(pa.table({"image": rows, "label": ["landscape"] * len(rows)}), path)


def read_lr_curves(run: Path) -> dict[str, dict[str, list[float]]]:
    """Read the columns of `lr_finder.csv` per player. Names of players that begin later end in their first step."""
    curves: dict[str, dict[str, list[float]]] = {}
    with (run / "lr_finder.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            player, starts = row.pop("player"), row.pop("starts")
            columns = curves.setdefault(player if starts == "0" else f"{player} {starts}", {name: [] for name in row})
            for name, value in row.items():
                columns[name].append(float(value))
    return curves


def losses(run: Path) -> list[dict]:
    """Return step and losses of every record, without the speed, which varies."""
    records = json.loads((run / "history.json").read_text())
    return [{name: value for name, value in record.items() if name == "step" or "loss" in name} for record in records]


def launch(launcher: list[str], command: list[str], **options) -> subprocess.CompletedProcess:
    """Run train_accelerate.py in processes of their own; `without_cpu` drops `--cpu` from the command."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    arguments = [word for word in command if word != "--cpu"] if options.pop("without_cpu", False) else command
    return subprocess.run(
        [sys.executable, "-m", *launcher, str(REPOSITORY / "train_accelerate.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


def parse_arguments(words: list[str]) -> TrainingArguments:
    """Return the arguments of a command line that defines a single run."""
    [arguments] = parse_runs(words)
    return arguments


def forget_processes() -> None:
    """Reset accelerate, so that the next run starts as in a new process."""
    AcceleratorState._reset_state(True)
    GradientState._reset_state()


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    """Parquet files of 16 landscapes for training and 4 for validation."""
    folder = tmp_path_factory.mktemp("landscapes")
    write_parquet(folder / "train.parquet", range(16))
    write_parquet(folder / "validation.parquet", range(16, 20))
    return folder


@pytest.fixture
def command(dataset, tmp_path) -> list[str]:
    """Arguments of a tiny run of `dense`; arguments added later override them."""
    given = {
        "approach": "dense",
        "width": 1 / 32,
        "resolution": 16,
        "dataset_name": dataset,
        "output_dir": tmp_path / "run",
        "train_batch_size": 4,
        "max_train_steps": 6,
        "validation_steps": 3,
        "checkpointing_steps": 0,
        "report_to": "none",
    }
    return ["--cpu", *(word for name, value in given.items() for word in (f"--{name}", str(value)))]


@pytest.fixture
def train(command):
    """Train in this process with the tiny command and added arguments; return the trainer."""

    def run(*added: str) -> Trainer:
        forget_processes()
        trainer = Trainer(parse_arguments([*command, *map(str, added)]))
        trainer.train()
        return trainer

    yield run
    forget_processes()


@pytest.fixture
def port() -> str:
    """A free port for the processes of a launcher."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
