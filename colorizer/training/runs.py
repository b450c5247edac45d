"""Runs from the command line and a YAML file, one or several, trained one after the other."""

import argparse
import gc
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields
from pathlib import Path

import torch
import yaml
from accelerate import PartialState

from colorizer.approaches import get_model_class, list_approaches
from colorizer.approaches.base.checkpoint_files import shorten
from colorizer.approaches.base.configuration import describe_field, own_fields
from colorizer.approaches.base.recipe import Recipe
from colorizer.data.local_files import local_path
from colorizer.errors import ColorizerError, CommandParser, quote
from colorizer.hub.download import check_repo_id
from colorizer.training.arguments import TrainingArguments
from colorizer.training.builders import check_loss, photo_sizes
from colorizer.training.run_folder import check_folder, clear_folder
from colorizer.training.trainer import Trainer

ON_GPU, ON_CPU, PHASES = "on_gpu", "on_cpu", "phases"
START = "pretrained_model_name_or_path"
_REQUIRED = {item.name for item in fields(TrainingArguments) if not isinstance(None, item.type)}


def parse_runs(command: Sequence[str] | None = None) -> list[TrainingArguments]:
    """Return the arguments of each run. The command line overrides `--config file.yaml`, which overrides the approach's recipe.

    The file may also have `on_gpu` and `on_cpu`: arguments that apply only with or only without a GPU. At the top level or
    in either of them it may have `phases`: a list with the arguments of one run per item. A phase starts from the previous
    one's checkpoint, unless it sets `pretrained_model_name_or_path`. All phases but the last append their number to the
    output folder: -1, -2, ….

    Raises:
        ColorizerError: the approach is unknown; the YAML file can't be read or has an unknown argument; an argument doesn't
            work with phases.
        SystemExit: argparse rejects the command line, or --help.
    """
    first = CommandParser(add_help=False)
    first.add_argument("--config")
    first.add_argument("--approach")
    first.add_argument("--cpu", action="store_true")
    chosen, _ = first.parse_known_args(command)
    configured = _read_yaml(chosen.config) if chosen.config else {}
    is_on_gpu = torch.accelerator.is_available() and not (chosen.cpu or configured.get("cpu"))
    phases = _phases(configured, ON_GPU if is_on_gpu else ON_CPU, chosen.config)
    runs = [_parse_run(command, settings, chosen) for settings in phases]
    return _chained(runs, phases) if len(runs) > 1 else runs


def train_runs(runs: Sequence[TrainingArguments]) -> Path:
    """Train the runs of `parse_runs` one after the other; return the last one's folder.

    Raises:
        ColorizerError: an output folder holds another run, a dataset's folder is not there or settings don't fit, checked
            before the first run begins; and whatever `Trainer` raises.
    """
    for arguments in runs:
        if arguments.push_to_hub:
            check_repo_id(arguments.repo_id, needs_owner=False)
    # The first run is checked by its trainer.
    for arguments in runs[1:]:
        check_folder(arguments)
        local_path(arguments.dataset_name)
        check_loss(arguments)
        photo_sizes(arguments)
    for number, arguments in enumerate(runs, 1):
        trainer = Trainer(arguments)
        if number == 1 and not arguments.resume_from_checkpoint and trainer.accelerator.is_main_process:
            # Resuming this run must not find later phases of another one.
            for later in runs[1:]:
                clear_folder(Path(later.output_dir))
        if len(runs) > 1:
            trainer.say(f"Phase {number} of {len(runs)}, in {arguments.output_dir}.")
        folder = trainer.train()
        del trainer
        # The trainer is part of reference cycles and holds the photos. Those of two phases may not fit into memory.
        gc.collect()
    PartialState().destroy_process_group()
    return folder


def _parse_run(
    command: Sequence[str] | None, configured: dict[str, object], chosen: argparse.Namespace
) -> TrainingArguments:
    approach = chosen.approach or configured.get("approach")
    if not isinstance(approach, str | None):
        raise ColorizerError(f"{chosen.config}: approach must be text, not {quote(approach)}.")
    parser = _make_parser(approach)
    actions = {action.dest: action for action in parser._actions}
    if unknown := configured.keys() - actions.keys():
        raise ColorizerError(f"{chosen.config}: unknown argument {shorten(map(str, unknown))}. --help lists them all.")
    try:
        parser.set_defaults(**{name: _as_typed(actions[name], value) for name, value in configured.items()})
    except ColorizerError as error:
        raise ColorizerError(f"{chosen.config}: {error}") from None
    for action in parser._actions:
        action.required = action.required and action.dest not in configured
    values = vars(parser.parse_args(command))
    values.pop("config")
    names = own_fields(get_model_class(values["approach"]).config_class)
    return TrainingArguments(model_fields={name: values.pop(name) for name in names}, **values)


def _read_yaml(path: str) -> dict[str, object]:
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except Exception as error:  # PyYAML's constructors raise any kind, for `!!int ""` for example
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        if isinstance(error, ArithmeticError | AttributeError | LookupError | TypeError):
            reason = f"a value is not of the type that its tag names ({quote(error)})"
        raise ColorizerError(f"--config {quote(path)} can't be read: {reason}.") from error
    return _named_values(content, path, "the file")


def _named_values(content: object, path: str, what: str) -> dict[str, object]:
    if not isinstance(content, dict):
        raise ColorizerError(f"--config {path}: {what} must hold `name: value` lines.")
    return content


def _phases(configured: dict[str, object], place: str, path: str) -> list[dict[str, object]]:
    """Return the file's arguments per phase; `place` is ON_GPU or ON_CPU."""
    settings = {name: value for name, value in configured.items() if name not in (ON_GPU, ON_CPU)}
    if place in configured:
        settings |= _named_values(configured[place], path, place)
    phases = settings.pop(PHASES, [{}])
    if not isinstance(phases, list) or not phases:
        raise ColorizerError(f"--config {path}: {PHASES} must be a list with one item of arguments per phase.")
    phases = [_named_values(phase, path, f"each of {PHASES}") for phase in phases]
    # A starting checkpoint outside of the phases applies to the first one.
    going_on = {name: value for name, value in settings.items() if name != START}
    return [settings | phases[0], *(going_on | phase for phase in phases[1:])]


def _chained(runs: list[TrainingArguments], phases: list[dict[str, object]]) -> list[TrainingArguments]:
    """Return the runs with one output folder per phase, from which the next phase starts."""
    for run in runs:
        if run.find_lr:
            raise ColorizerError("--find_lr doesn't work with several phases: give the arguments of one phase.")
        if run.resume_from_checkpoint not in (None, "latest"):
            raise ColorizerError("Several phases can only be resumed with --resume_from_checkpoint latest.")
    chained: list[TrainingArguments] = []
    for number, (run, settings) in enumerate(zip(runs, phases, strict=True), 1):
        changes: dict[str, object] = {}
        if chained and START not in settings:
            changes[START] = chained[-1].output_dir
        if number < len(runs):
            changes |= {"output_dir": f"{run.output_dir}-{number}", "push_to_hub": False}
        chained.append(run.changed(changes))
    return chained


def _as_typed(action: argparse.Action, value: object) -> object:
    """Return a YAML value as the command line's type of it, which argparse doesn't check for defaults.

    Raises:
        ColorizerError: it has another type; the message names the argument.
    """
    if isinstance(action, argparse.BooleanOptionalAction):
        if not isinstance(value, bool):
            raise ColorizerError(f"{action.dest} must be true or false, without quotes, not {quote(value)}.")
        return value
    if value is None:
        if action.dest in _REQUIRED:
            raise ColorizerError(f"{action.dest} has no value: give it one, or leave the line out.")
        return None
    kind = action.type or str
    what = {int: "a whole number", float: "a number", str: "text"}[kind]
    if action.nargs:
        if not isinstance(value, list):
            raise ColorizerError(f"{action.dest} must be a list, such as [{quote(value)}], not {quote(value)}.")
        return [_as_kind(action.dest, item, kind, f"a list whose items are each {what}") for item in value]
    return _as_kind(action.dest, value, kind, what)


def _as_kind(name: str, value: object, kind: Callable[[str], object], what: str) -> object:
    # YAML reads 1e-4, without a point, as text.
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ValueError):
            return kind(str(value))
    raise ColorizerError(f"{name} must be {what}, not {quote(value)}.")


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Help formatter that adds an argument's default, if it has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def _make_parser(approach: str | None) -> CommandParser:
    parser = CommandParser(
        prog="train_accelerate.py",
        description="Train a colorization approach. Defaults are the approach's published recipe. Add --approach to --help "
        "to see them and the fields of its network.",
        formatter_class=_HelpFormatter,
    )
    parser.add_argument("--config", help="YAML file with any of these arguments")
    recipe = get_model_class(approach).recipe if approach else Recipe()
    for item in fields(TrainingArguments):
        if item.name == "model_fields":
            continue
        default = getattr(recipe, item.name, item.default)
        choices = list_approaches(own=True) if item.name == "approach" else None
        _add(parser, item.name, default, item.type, item.metadata["help"], choices)
    if approach:
        group = parser.add_argument_group(f"network of {approach}")
        config_class = get_model_class(approach).config_class
        for name, default in own_fields(config_class).items():
            _add(group, name, default, type(default), describe_field(config_class, name).replace("%", "%%"))
    return parser


def _add(parser, name: str, default, kind, help: str, choices: list[str] | None = None) -> None:
    if kind is bool:
        parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=default, help=help)
        return
    if kind is tuple:
        item = float if default else str
        parser.add_argument(f"--{name}", nargs="*", type=item, default=list(default), help=help)
        return
    plain = next((candidate for candidate in (int, float) if kind in (candidate, candidate | None)), str)
    required = default is MISSING
    parser.add_argument(
        f"--{name}", type=plain, default=None if required else default, required=required, help=help, choices=choices
    )
