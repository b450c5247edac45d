"""Output folder of a run, which one run has at a time."""

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import wraps
from pathlib import Path

from accelerate.utils import broadcast_object_list

from colorizer.approaches.base.checkpoint_files import WEIGHTS
from colorizer.atomic_write import lock_folder
from colorizer.errors import ColorizerError, system_reason
from colorizer.evaluation.results import FILE_NAME
from colorizer.training.arguments import TrainingArguments
from colorizer.training.run_states import list_states

RECORD = "training.json"
OLD_RESULTS = "evaluation.old.json"
_IS_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PATIENCE = 2  # seconds, in which other runs that begin have looked at the lock of a folder


def check_folder(arguments: TrainingArguments) -> None:
    """Check that the run may write to its output folder, so that it overwrites no other run unasked.

    Raises:
        ColorizerError: another run is training there, or did, and this one is set neither to resume nor to overwrite.
    """
    if os.path.isdir(arguments.output_dir):
        with _locked(Path(arguments.output_dir), shared=True):
            pass
    _check_not_taken(arguments)


def alone_in_folder(train: Callable[..., Path]) -> Callable[..., Path]:
    """Wrap a trainer's method so that no other run, in any process, writes into its output folder in the meantime.

    The method raises ColorizerError in all processes of the run if another run is there, or has been since `check_folder`, and
    where the disk is full.
    """

    @wraps(train)
    def wrapped(trainer) -> Path:
        problem = None
        with ExitStack() as held:
            if trainer.accelerator.is_main_process:
                try:
                    held.enter_context(_locked(trainer.output_dir, shared=False))
                    _check_not_taken(trainer.arguments)
                except ColorizerError as error:
                    problem = str(error)
            [problem] = broadcast_object_list([problem])
            if problem:
                raise ColorizerError(problem)
            try:
                return train(trainer)
            except OSError as error:
                if error.errno not in _IS_FULL:
                    raise
                raise ColorizerError(
                    f"{system_reason(error)} Free some space for {trainer.output_dir} and run the same command again with "
                    "--resume_from_checkpoint latest: it goes on from the last state saved, if any."
                ) from error

    return wrapped


@contextmanager
def _locked(folder: Path, *, shared: bool) -> Iterator[None]:
    with ExitStack() as held:
        for tries_left in reversed(range(10 * _PATIENCE)):
            try:
                held.enter_context(lock_folder(folder, wait=False, shared=shared))
                break
            except BlockingIOError:
                if not tries_left:
                    raise ColorizerError(
                        f"Another run is training in {folder}. Choose another --output_dir, or wait until it has ended."
                    ) from None
                time.sleep(0.1)
        yield


def _check_not_taken(arguments: TrainingArguments) -> None:
    folder = Path(arguments.output_dir)
    may_write = arguments.resume_from_checkpoint or arguments.overwrite_output_dir or not arguments.trains
    if not may_write and ((folder / WEIGHTS).exists() or list_states(folder)):
        raise ColorizerError(
            f"{folder} holds another run. Choose another --output_dir, resume with --resume_from_checkpoint latest, or start "
            "over with --overwrite_output_dir."
        )


def set_results_aside(output_dir: Path) -> None:
    """Rename results that were measured with an earlier checkpoint, so that no card shows them as the next one's."""
    with suppress(FileNotFoundError):
        (output_dir / FILE_NAME).replace(output_dir / OLD_RESULTS)


def clear_folder(output_dir: Path) -> None:
    """Delete files of another run that this one would mistake for its own: states, samples, curves, history and the record.

    The other run's checkpoint stays until this run's first one replaces it.
    """
    for folder in (*list_states(output_dir), output_dir / "samples"):
        shutil.rmtree(folder, ignore_errors=True)
    for name in (RECORD, "history.json", "curves.png"):
        (output_dir / name).unlink(missing_ok=True)
