"""Training of every approach, started by `accelerate launch train_accelerate.py`."""

from colorizer.training.arguments import TrainingArguments
from colorizer.training.runs import parse_runs, train_runs
from colorizer.training.trainer import Trainer

__all__ = ["Trainer", "TrainingArguments", "parse_runs", "train_runs"]
