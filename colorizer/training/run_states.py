"""Saved states of a run, for resuming: each is complete, and the oldest are deleted."""

import hashlib
import json
import re
import shutil
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, patch_environment
from safetensors import SafetensorError

from colorizer.approaches.base.checkpoint_files import read_json, shorten
from colorizer.atomic_write import write_folder
from colorizer.errors import CheckpointError, ColorizerError, quote
from colorizer.training.arguments import as_flag
from colorizer.training.log_means import Means
from colorizer.training.state_checks import LoadedState

PREFIX = "checkpoint-"
IDENTITY = "run.json"
DIGESTS = "sha256"  # in run.json: digest of every other file of the state, by name


@dataclass
class Progress:
    """Progress of a run, saved with every state. `means` are those since the last training record of the history."""

    means: Means
    step: int = 0  # optimizer steps done
    best_step: int = 0
    best_loss: float = float("inf")
    best_score: float = float("inf")
    validations_since_best: int = 0
    seconds: float = 0.0
    photos_seen: int = 0
    history: list[dict] = field(default_factory=list)

    def state_dict(self) -> dict:
        return vars(self) | {"means": self.means.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        for name in vars(self).keys() - {"means"}:
            value = state.get(name)
            is_valid = _is_history(value) if name == "history" else _is_number(value, getattr(self, name))
            if not is_valid:
                raise CheckpointError(f"its progress has no valid {name}")
            setattr(self, name, value)
        self.means.load_state_dict(state.get("means", {}))  # states of earlier versions have none


def _is_number(value: object, own: float) -> bool:
    return isinstance(value, int if isinstance(own, int) else int | float) and (_can_be_written(value) or value == own)


def _is_history(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(record, dict)
        and isinstance(record.get("step"), int)
        and all(isinstance(name, str) and _can_be_written(number) for name, number in record.items())
        for record in value
    )


def _can_be_written(value: object) -> bool:
    # NaN and infinity are not JSON; whole numbers may have any number of digits.
    return isinstance(value, int | float) and abs(value) < 2**63


def list_states(output_dir: Path) -> list[Path]:
    """Return the states in a run's folder, oldest first."""
    return sorted((path for path in output_dir.glob(f"{PREFIX}*") if _step(path) is not None), key=_step)


def save_state(accelerator: Accelerator, output_dir: Path, step: int, identity: dict, *, limit: int) -> Path:
    """Save everything that the run needs to resume, from every process; keep the newest `limit` states.

    Raises:
        ColorizerError: the folder can't be written; earlier states stay intact.
    """
    final = output_dir / f"{PREFIX}{step}"
    is_main = accelerator.is_main_process
    try:
        if is_main:
            output_dir.mkdir(parents=True, exist_ok=True)
        with write_folder(final) if is_main else nullcontext() as part:
            [part] = broadcast_object_list([part])
            accelerator.save_state(str(part), safe_serialization=True)
            accelerator.wait_for_everyone()
            if is_main:
                record = identity | {DIGESTS: _digests(part)}
                (part / IDENTITY).write_text(json.dumps(record, indent=2), encoding="utf-8")
        for old in list_states(output_dir)[:-limit] if is_main else []:
            shutil.rmtree(old, ignore_errors=True)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise ColorizerError(
            f"The state of step {step} could not be saved in {output_dir}: {error}. Earlier states are intact: free some "
            "space and resume with --resume_from_checkpoint latest."
        ) from error
    accelerator.wait_for_everyone()
    return final


def find_state(output_dir: Path, requested: str) -> Path | None:
    """Return the state to resume from; None if "latest" finds none.

    Raises:
        CheckpointError: the given folder is not a state.
    """
    if requested == "latest":
        states = list_states(output_dir)
        return states[-1] if states else None
    for candidate in (Path(requested), output_dir / requested):
        if (candidate / IDENTITY).is_file():
            return candidate
    raise CheckpointError(
        f"{requested} is not a state to resume from: use `latest` or a {PREFIX}STEP folder of the run."
    )


def load_state(accelerator: Accelerator, state: Path, identity: dict) -> bool:
    """Restore the run from `state`. Return True if it is the end of a run that now has more steps, False otherwise.

    Raises:
        CheckpointError: the state is damaged, or from a run with other settings; the message names those that differ.
    """
    try:
        saved = read_json(state / IDENTITY)
        found = _digests(state)
    except (OSError, CheckpointError) as error:
        raise CheckpointError(
            f"{state} is damaged: {IDENTITY} or another file can't be read. Delete it to resume from the previous one."
        ) from error
    differing = {name for name in identity if saved.get(name) != identity[name]}
    is_extended = "num_steps" in differing and saved.get("num_steps") == _step(state) < identity["num_steps"]
    if changed := differing - ({"num_steps"} if is_extended else set()):
        changes = shorten(_change(name, saved.get(name), identity[name]) for name in changed)
        raise CheckpointError(
            f"{state} was saved with {changes}. Resume with the same settings, or start over with --overwrite_output_dir."
        )
    digests = saved.get(DIGESTS)  # states of earlier versions have none
    digests = digests if isinstance(digests, dict) else {}
    if changed := [name for name, digest in digests.items() if found.get(name) != digest]:
        raise CheckpointError(
            f"{state} has changed since it was saved: {shorten(changed)}. Delete it to resume from the previous one."
        )
    try:
        # Accelerate asks torch to run whatever the pickles of registered objects say. This setting overrules it.
        with patch_environment(torch_force_weights_only_load="1", torch_force_no_weights_only_load="0"):
            loaded = LoadedState(accelerator)
            accelerator.load_state(str(state))
            loaded.check()
    except Exception as error:  # whatever torch, pickle and safetensors raise on a damaged file
        is_pickle = isinstance(error, UnpicklingError)
        reason = "a file is damaged or holds more than tensors and plain values" if is_pickle else quote(error)
        raise CheckpointError(
            f"{state} can't be loaded: {reason}. Delete it to resume from the previous one."
        ) from error
    return is_extended


def _step(state: Path) -> int | None:
    """Return the step in the name of a state's folder."""
    match = re.fullmatch(rf"{PREFIX}(\d+)", state.name)
    return int(match[1]) if match else None


def _change(name: str, before: object, now: object) -> str:
    """Describe a changed setting on one line, by its flag."""
    if name == "num_photos":
        return f"{quote(before)} training photos (now {now}; see --dataset_name, --max_train_samples)"
    flag = "max_train_steps" if name == "num_steps" else name
    return " ".join(f"{as_flag(flag, before)} (now {as_flag(flag, now)})".split())


def _digests(state: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a state but run.json, by name."""
    digests = {}
    for path in sorted(state.iterdir()):
        if path.is_file() and path.name != IDENTITY:
            with path.open("rb") as stream:
                digests[path.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return digests
