"""Turn checkpoint problems that transformers ignores or only logs into errors, whichever way the weights are loaded."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers.utils import cached_file, logging

from colorizer import checkpoints
from colorizer.approaches.base.checkpoint_files import (
    CONFIG,
    MAX_HEADER_BYTES,
    WEIGHTS,
    WEIGHTS_INDEX,
    list_faults,
    read_json,
    read_shapes,
    shorten,
)
from colorizer.approaches.base.limits import build_skeleton, check_cost
from colorizer.errors import CheckpointError, quote

PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl"}
# In a folder with these, transformers would load other files than the ones checked here.
OTHER_KINDS = ("adapter_config.json", "shard-*-model-*-of-*.safetensors")
MAX_SHARDS = 256

# Options of from_pretrained that determine where files come from.
SOURCE_OPTIONS = ("cache_dir", "force_download", "proxies", "token", "revision", "local_files_only", "subfolder")


def load(
    model_class: type[nn.Module],
    from_pretrained: Callable[..., Any],
    name_or_path: str | os.PathLike | None,
    *model_args: Any,
    **options: Any,
) -> Any:
    """Call transformers' own `from_pretrained` with these arguments; see ColorizerModel.from_pretrained.

    Raises:
        CheckpointError: the weights don't fit the model; the message names the file and the fault.
        OSError: the files can't be loaded from the Hub.
    """
    if options.get("use_safetensors") is False:
        raise CheckpointError("use_safetensors=False: a pickle can run code and is never loaded.")
    wants_info = options.pop("output_loading_info", False)
    # Wrong shapes are ignored here, since they have been rejected before together with the other faults.
    strictly = {"use_safetensors": True, "output_loading_info": True, "ignore_mismatched_sizes": True}
    files = [] if name_or_path is None else find_weights(name_or_path, options)
    with _silence():
        if files:
            if not isinstance(options.get("config"), model_class.config_class):
                config, unused = model_class.config_class.from_pretrained(
                    name_or_path, return_unused_kwargs=True, **options
                )
                kept = {name: options[name] for name in options if name in unused or name in SOURCE_OPTIONS}
                options = {**kept, "config": config}
            skeleton = build_skeleton(lambda: model_class(options["config"], *model_args))
            check_shapes(skeleton, files)
            # The package's own are known to be cheap, and the count takes as long as loading them.
            if Path(name_or_path).absolute().parent != checkpoints.FOLDER:
                check_cost(skeleton.eval().color_one)
        try:
            model, info = from_pretrained(name_or_path, *model_args, **(options | strictly))
        except SafetensorError as error:
            raise CheckpointError(f"{files[-1]} could not be loaded: {quote(error)}.") from error
    check_loaded(model, info, files)
    return (model, info) if wants_info else model


def check_shapes(skeleton: nn.Module, files: list[Path]) -> None:
    """Compare a network's tensors with the headers of its files, before anything is allocated.

    Raises:
        CheckpointError: tensors are missing, left over or misshapen; the message names them and the file.
    """
    stored: dict[str, tuple[int, ...]] = {}
    for file in files:
        stored |= read_shapes(file) if file.suffix == ".safetensors" else {}
    expected = {name: tuple(tensor.shape) for name, tensor in skeleton.state_dict().items()}
    patterns = skeleton._keys_to_ignore_on_load_missing or ()
    optional = [name for name in expected if any(re.search(pattern, name) for pattern in patterns)]
    _reject(files[-1], list_faults(expected, stored, optional))


def find_weights(name_or_path: str | os.PathLike, options: dict[str, Any]) -> list[Path]:
    """Return the safetensors files of a folder or Hub id; an index, if there is one, comes last.

    `options` are those of from_pretrained; files of a Hub id are downloaded.

    Raises:
        CheckpointError: a file is missing (perhaps there is only a pickle), or the index is damaged; the message names it.
        OSError: transformers can't load the files from the Hub.
    """
    where = {name: options[name] for name in SOURCE_OPTIONS if options.get(name) is not None}

    def find(name: str) -> Path | None:
        path = cached_file(name_or_path, name, _raise_exceptions_for_missing_entries=False, **where)
        return Path(path) if path is not None else None

    weights, index = (_with_variant(name, options.get("variant")) for name in (WEIGHTS, WEIGHTS_INDEX))
    for pattern in OTHER_KINDS if os.path.isdir(name_or_path) else ():
        if other := next((Path(name_or_path) / (options.get("subfolder") or "")).glob(pattern), None):
            raise CheckpointError(
                f"{other.name} belongs to another kind of checkpoint: delete it, or give another folder."
            )
    if file := find(weights):
        return [file]
    if (file := find(index)) is None:
        raise CheckpointError(f"{Path(name_or_path) / weights} is missing.{_pickle_hint(name_or_path)}")
    files = []
    for shard in _read_index(file):
        if (part := find(shard)) is None:
            raise CheckpointError(f"{Path(name_or_path) / shard} is missing.{_pickle_hint(name_or_path)}")
        files.append(part)
    return [*files, file]


def check_loaded(model: nn.Module, info: dict[str, Any], files: list[Path]) -> None:
    """Reject a model whose tensors don't match those in `files` one to one; `info` is transformers' loading info.

    Raises:
        CheckpointError: tensors are missing, left over, misshapen or not finite; the message names them and the file.
    """
    source = files[-1] if files else "The state dict"
    faults = {
        "lacks": info["missing_keys"],
        "has left over": info["unexpected_keys"],
        "has the wrong shape for": {key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]},
    }
    _reject(source, {fault: keys for fault, keys in faults.items() if keys})
    if bad := not_finite(model, files):
        raise CheckpointError(f"{source} holds values that are not finite in {shorten(bad)}: the training diverged.")


def _reject(source: Path | str, faults: dict[str, set[str]]) -> None:
    for fault, keys in faults.items():
        raise CheckpointError(f"{source} {fault} {shorten(keys)}: it is not the checkpoint its {CONFIG} describes.")


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


def _read_index(index: Path) -> list[str]:
    """Return the names of the files that an index lists: plain names in its own folder."""
    content = read_json(index, max_bytes=MAX_HEADER_BYTES)
    places = content.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(shard, str) for shard in places.values()):
        raise CheckpointError(f"{index} is not an index of weights: its weight_map must hold names of files.")
    shards = sorted(set(places.values()))
    for shard in shards:
        # transformers would load a pickle that the index names, and follow a path out of the folder.
        if not re.fullmatch(r"\w[\w.-]*\.safetensors", shard):
            raise CheckpointError(f"{index} names {quote(shard)}, but only safetensors next to it are ever loaded.")
    # transformers reads `metadata` as well.
    if not shards or not isinstance(content.get("metadata"), dict):
        raise CheckpointError(f"{index} is not an index of weights: it lacks weight_map or metadata.")
    if len(shards) > MAX_SHARDS:
        raise CheckpointError(f"{index} names {len(shards)} files, more than {MAX_SHARDS}.")
    return shards


def _with_variant(name: str, variant: str | None) -> str:
    """Return the file name of a variant: "fp16" turns model.safetensors into model.fp16.safetensors."""
    stem, suffix = name.rsplit(".", 1)
    return f"{stem}.{variant}.{suffix}" if variant else name


def _pickle_hint(folder: str | os.PathLike) -> str:
    pickles = sorted(path.name for path in Path(folder).glob("*") if path.suffix in PICKLES)
    return f" {', '.join(pickles)} is a pickle, which can run code and is never loaded." if pickles else ""
