"""Loading checkpoints by name, folder or Hub id, and saving them."""

import copy
import hashlib
import json
import logging
import os
import re
from pathlib import Path

import torch
from safetensors import SafetensorError

from colorizer.approaches import get_model_class, list_approaches
from colorizer.approaches.base.checkpoint_files import CONFIG, GRAPHS, WEIGHTS, read_json, shorten
from colorizer.approaches.base.configuration import ColorizerConfig, check_precision, model_type_of, own_fields
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.pretrained_parts import PretrainedPart
from colorizer.approaches.base.strict_loading import no_progress_bars, not_finite
from colorizer.atomic_write import put_in_place, temporary
from colorizer.checkpoints import checkpoint_folder, list_checkpoints
from colorizer.errors import CheckpointError, ColorizerError, HubError, quote
from colorizer.hub.download import download_checkpoint

logger = logging.getLogger(__name__)


def load_model(
    name_or_path: str | os.PathLike,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike | None = None,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device | None = None,
) -> ColorizerModel:
    """Load a checkpoint in evaluation mode.

    Args:
        name_or_path: a checkpoint that comes with the package, a folder, or a Hub id ("user/name").
        revision: branch, tag or commit of a Hub id.
        token: token for the Hub; by default that of the login, False for none.
        dtype: precision of the weights. Checkpoints are stored in float16; the default is to compute in float32.

    Raises:
        CheckpointError: it isn't a checkpoint of one of the approaches, or tensors are missing, left over, misshapen or not
            finite; the message names the file and the fault.
        HubError: it can't be loaded from the Hub.
    """
    folder = resolve(name_or_path, revision=revision, token=token, cache_dir=cache_dir)
    model_class, config = read_config(folder)
    try:
        with no_progress_bars():
            model = model_class.from_pretrained(folder, config=config, dtype=dtype, local_files_only=True)
    except ColorizerError:
        raise
    except Exception as error:  # whatever transformers and safetensors raise on a file from anywhere
        raise CheckpointError(f"{folder / WEIGHTS} could not be loaded: {quote(error)}.") from error
    complete(model, cache_dir=cache_dir)
    return model.eval().to(device) if device is not None else model.eval()


def complete(model: ColorizerModel, *, cache_dir: str | os.PathLike | None = None) -> None:
    """Load the weights that the model's checkpoint leaves to the Hub.

    The checkpoint names their repository, and may come from anyone: it is never a folder, and is read without a token.

    Raises:
        CheckpointError: the published weights have another layout, or values that are not finite.
        HubError: they can't be loaded from the Hub.
    """

    def find(part: PretrainedPart) -> Path:
        try:
            return download_checkpoint(part.source, revision=part.revision, token=False, cache_dir=cache_dir)
        except HubError as error:
            raise HubError(
                f"The checkpoint leaves weights to the public repository {quote(part.source)}, which is read without a token. "
                f"{error}"
            ) from error

    model.complete(find)
    for part in model.left_out_parts:
        if bad := not_finite(part.module):
            raise CheckpointError(f"{part.source} holds values that are not finite in {shorten(bad)}.")


def resolve(
    name_or_path: str | os.PathLike,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike | None = None,
) -> Path:
    """Return the local folder of a checkpoint from its name, path or Hub id; Hub ids are downloaded.

    Raises:
        CheckpointError: the checkpoint doesn't exist; the message lists those that come with the package.
    """
    name = os.fspath(name_or_path)
    if name in list_checkpoints():
        return checkpoint_folder(name)
    # Unlike pathlib's, these take a name that is too long for any file.
    if os.path.isdir(name):
        return Path(name)
    if os.path.exists(name):
        raise CheckpointError(
            f"{name} is a file. A checkpoint is a folder with {CONFIG} and {WEIGHTS}: give the folder."
        )
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not name.startswith("."):
        return download_checkpoint(name, revision=revision, token=token, cache_dir=cache_dir)
    raise CheckpointError(
        f"There is no checkpoint {quote(name)}. Give one that comes with the package ({', '.join(list_checkpoints())}), "
        'a folder, or a Hub id such as "user/name".'
    )


def fill_pretrained_parts(model: ColorizerModel, *, token: str | None = None) -> list[str]:
    """Load the published weights that parts of the model start from, and return a message per part that stays random.

    Raises:
        CheckpointError: the published weights have another layout.
    """
    messages = []
    for part in model.pretrained_parts:
        try:
            part.fill(_published_folder(part, token=token))
        except HubError as error:
            if part.on_missing:
                part.on_missing()
            messages.append(f"{model.approach} starts from random weights instead of {part.source}: {error}")
    return messages


def _published_folder(part: PretrainedPart, *, token: str | None = None) -> Path:
    if Path(part.source).is_dir():
        return Path(part.source)
    return download_checkpoint(part.source, revision=part.revision, token=token)


def save_checkpoint(model: ColorizerModel, folder: str | os.PathLike, *, dtype: torch.dtype = torch.float16) -> Path:
    """Save config.json, model.safetensors and the ONNX graph that belongs to them into `folder`.

    If the process is killed or the disk is full, the previous checkpoint remains. The model itself is not changed.

    Raises:
        CheckpointError: a weight is not finite, at least after conversion to `dtype`.
        ColorizerError: the folder can't be written.
    """
    folder = Path(folder)
    saved = copy.deepcopy(model).to("cpu", dtype, memory_format=torch.contiguous_format)
    if bad := not_finite(saved):
        raise CheckpointError(f"Not saved: {shorten(bad)} has values that are not finite. The training diverged.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with temporary(folder / WEIGHTS, is_folder=True) as part:
            with no_progress_bars():
                saved.save_pretrained(part, max_shard_size="100GB")
            # safetensors makes a file that only its owner can read.
            (part / WEIGHTS).chmod((part / CONFIG).stat().st_mode)
            if not saved.left_out_parts:  # a graph's weights must all be in the checkpoint
                _add_graphs(part)
            for name in GRAPHS:
                (folder / name).unlink(missing_ok=True)  # of another configuration
            for name in (WEIGHTS, CONFIG, *(name for name in GRAPHS if (part / name).is_file())):
                put_in_place(part / name, folder / name)
    except (OSError, SafetensorError) as error:
        raise ColorizerError(
            f"The checkpoint could not be saved in {folder}: {error}. The previous one, if any, is intact."
        ) from error
    return folder


def _add_graphs(folder: Path) -> None:
    # Here, since it imports `onnx`, which only saving needs.
    from colorizer.graphs.export import export_graphs

    try:
        # Of the network as it was stored: its configuration may have changed since it was built.
        export_graphs(load_model(folder), folder)
    except CheckpointError as error:
        logger.warning("Saved without an ONNX graph, so that torch computes it everywhere: %s", error)


def model_digest(model: ColorizerModel) -> str:
    """Return a SHA-256 that identifies a network: of its configuration's fields and every tensor's name and bytes."""
    fields = {name: getattr(model.config, name) for name in own_fields(type(model.config))}
    digest = hashlib.sha256(json.dumps([model.approach, fields], sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def read_config(folder: Path) -> tuple[type[ColorizerModel], ColorizerConfig]:
    """Read the config.json in a checkpoint's folder, and return the model class and the configuration.

    Raises:
        CheckpointError: the file is missing, damaged, or not of one of the approaches, or a field has an invalid value; the
            message names it.
    """
    path = folder / CONFIG
    try:
        content = read_json(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing: a checkpoint is a folder with {CONFIG} and {WEIGHTS}.") from error
    check_precision(content)
    approaches = {model_type_of(name): name for name in list_approaches(own=True)}
    model_type = content.get("model_type")
    if not isinstance(model_type, str) or model_type not in approaches:
        raise CheckpointError(f"{path} is of type {quote(model_type)}, not one of {', '.join(approaches)}.")
    model_class = get_model_class(approaches[model_type])
    fields = own_fields(model_class.config_class)
    try:
        return model_class, model_class.config_class(
            **{name: value for name, value in content.items() if name in fields}
        )
    except ColorizerError as error:
        raise CheckpointError(f"{path}: {error}") from error
