"""Training: `accelerate launch train_accelerate.py` for every approach."""

from colorizer.training.arguments import TrainingArguments
from colorizer.training.runs import parse_runs, train_runs
from colorizer.training.trainer import Trainer

__all__ = ["Trainer", "TrainingArguments", "parse_runs", "train_runs"]
