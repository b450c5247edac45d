"""Runs one after the other: the phases of a recipe."""

import gc
from collections.abc import Sequence
from pathlib import Path

from accelerate import PartialState

from colorizer.training.arguments import TrainingArguments
from colorizer.training.builders import photo_sizes
from colorizer.training.run_states import check_folder, clear_folder
from colorizer.training.trainer import Trainer


def train_runs(runs: Sequence[TrainingArguments]) -> Path:
    """Train one run after the other, as `parse_runs` gives them; returns the last one's folder.

    Raises:
        ColorizerError: an output folder holds another run or settings don't fit, before the first one begins; and whatever
            `Trainer` raises.
    """
    # The first one's trainer sees to its own.
    for arguments in runs[1:]:
        check_folder(arguments)
        photo_sizes(arguments)
    for number, arguments in enumerate(runs, 1):
        trainer = Trainer(arguments)
        if number == 1 and not arguments.resume_from_checkpoint and trainer.accelerator.is_main_process:
            # Phases of another run: once this one has begun, resuming it must not find them.
            for later in runs[1:]:
                clear_folder(Path(later.output_dir))
        if len(runs) > 1:
            trainer.say(f"Phase {number} of {len(runs)}, in {arguments.output_dir}.")
        folder = trainer.train()
        del trainer
        # It and its parts hold one another, and the photos: two phases' need not fit into memory.
        gc.collect()
    PartialState().destroy_process_group()
    return folder
