"""Training: `accelerate launch train_accelerate.py` for every approach."""

from colorizer.training.arguments import TrainingArguments, parse_arguments
from colorizer.training.trainer import Trainer

__all__ = ["Trainer", "TrainingArguments", "parse_arguments"]
