"""Turn checkpoint problems that transformers ignores or only logs into errors, whichever way the weights are loaded."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers.utils import cached_file, logging

from colorizer.errors import CheckpointError

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
CONFIG = "config.json"

PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl"}

# Options of from_pretrained that determine where files come from.
SOURCE_OPTIONS = ("cache_dir", "force_download", "proxies", "token", "revision", "local_files_only", "subfolder")


def load(
    from_pretrained: Callable[..., Any], name_or_path: str | os.PathLike | None, *model_args: Any, **options: Any
) -> Any:
    """Call transformers' own `from_pretrained` with these arguments; see ColorizerModel.from_pretrained.

    Raises:
        CheckpointError: the weights don't fit the model; the message names the file and the fault.
        OSError: the files can't be loaded from the Hub.
    """
    if options.get("use_safetensors") is False:
        raise CheckpointError("use_safetensors=False: a pickle can run code and is never loaded.")
    wants_info = options.pop("output_loading_info", False)
    # Wrong shapes are ignored here, then rejected below together with the other faults.
    strictly = {"use_safetensors": True, "output_loading_info": True, "ignore_mismatched_sizes": True}
    files = [] if name_or_path is None else find_weights(name_or_path, options)
    with _silence():
        try:
            model, info = from_pretrained(name_or_path, *model_args, **(options | strictly))
        except SafetensorError as error:
            raise CheckpointError(f"{files[-1]} could not be loaded: {error}.") from error
    check_loaded(model, info, files)
    return (model, info) if wants_info else model


def find_weights(name_or_path: str | os.PathLike, options: dict[str, Any]) -> list[Path]:
    """Return the safetensors files of a folder or Hub id, each checked for damage; an index, if there is one, comes last.

    `options` are those of from_pretrained; files of a Hub id are downloaded.

    Raises:
        CheckpointError: a file is missing (perhaps there is only a pickle) or damaged; the message names it.
        OSError: transformers can't load the files from the Hub.
    """
    where = {name: options[name] for name in SOURCE_OPTIONS if options.get(name) is not None}

    def find(name: str) -> Path | None:
        path = cached_file(name_or_path, name, _raise_exceptions_for_missing_entries=False, **where)
        return Path(path) if path is not None else None

    weights, index = (_with_variant(name, options.get("variant")) for name in (WEIGHTS, WEIGHTS_INDEX))
    if file := find(weights):
        _check_file(file)
        return [file]
    if (file := find(index)) is None:
        raise CheckpointError(f"{Path(name_or_path) / weights} is missing.{_pickle_hint(name_or_path)}")
    return [*_check_index(file, name_or_path, find), file]


def check_loaded(model: nn.Module, info: dict[str, Any], files: list[Path]) -> None:
    """Reject a model whose tensors don't match those in `files` one to one; `info` is transformers' loading info.

    Raises:
        CheckpointError: tensors are missing, left over, misshapen or not finite; the message names them and the file.
    """
    source = files[-1] if files else "The state dict"
    for fault, keys in (
        ("lacks", info["missing_keys"]),
        ("has left over", info["unexpected_keys"]),
        ("has the wrong shape for", {key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]}),
    ):
        if keys:
            raise CheckpointError(f"{source} {fault} {shorten(keys)}: it is not the checkpoint its {CONFIG} describes.")
    if bad := not_finite(model, files):
        raise CheckpointError(f"{source} holds values that are not finite in {shorten(bad)}: the training diverged.")


def not_finite(model: nn.Module, files: Iterable[Path] = ()) -> list[str]:
    """Return the names of tensors with values that are not finite in the model's precision.

    Tensors that `device_map` leaves on disk are read from `files`.
    """
    tensors = model.state_dict()
    bad = [name for name, tensor in tensors.items() if not tensor.is_meta and not torch.isfinite(tensor).all()]
    elsewhere = {name for name, tensor in tensors.items() if tensor.is_meta}
    for file in files if elsewhere else ():
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as stored:
                names = elsewhere & set(stored.keys())
                bad += [name for name in names if not torch.isfinite(stored.get_tensor(name)).all()]
    return bad


@contextmanager
def _silence() -> Iterator[None]:
    """Silence transformers' log, since its warnings are raised as errors."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Hide transformers' progress bars, which are pointless for a network's few tensors."""
    if not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.enable_progress_bar()


def shorten(names: Iterable[str]) -> str:
    """Join the first five names, followed by the number of others."""
    names = sorted(names)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _check_file(file: Path) -> None:
    try:
        with safe_open(file, framework="pt"):
            pass
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{file} is damaged or not safetensors: {error}. Download or save it again.") from error


def _check_index(index: Path, name_or_path: str | os.PathLike, find: Callable[[str], Path | None]) -> list[Path]:
    try:
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{index} is not an index of weights: {error!r}.") from error
    files = []
    for shard in shards:
        # transformers would load a pickle that the index names.
        if Path(shard).suffix != ".safetensors":
            raise CheckpointError(f"{index} names {shard}, but only safetensors are ever loaded.")
        if (file := find(shard)) is None:
            raise CheckpointError(f"{Path(name_or_path) / shard} is missing.{_pickle_hint(name_or_path)}")
        _check_file(file)
        files.append(file)
    return files


def _with_variant(name: str, variant: str | None) -> str:
    """Return the file name of a variant: "fp16" turns model.safetensors into model.fp16.safetensors."""
    stem, suffix = name.rsplit(".", 1)
    return f"{stem}.{variant}.{suffix}" if variant else name


def _pickle_hint(folder: str | os.PathLike) -> str:
    pickles = sorted(path.name for path in Path(folder).glob("*") if path.suffix in PICKLES)
    return f" {', '.join(pickles)} is a pickle, which can run code and is never loaded." if pickles else ""
