"""Checkpoints from the Hub: required files, retries and the cache as a fallback, and error messages."""

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, constants, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import validate_repo_id

from colorizer.approaches.base.checkpoint_files import GRAPHS
from colorizer.errors import CheckpointError, ColorizerError, HubError, quote
from colorizer.version import __version__

CONFIG = "config.json"
MAX_ID = 96  # characters of a repository's id
WAITS = (0.5, 1.0, 2.0)  # seconds before each retry of a download
# Of one checkpoint, which may be anyone's: the largest network of the approaches has 2 GiB in float32.
MAX_FILES, MAX_BYTES = 256, 2**32
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
# Raised by the client if a response is not JSON, for example a proxy's page instead of the Hub's response.
NOT_JSON = (json.JSONDecodeError, UnicodeDecodeError)

logger = logging.getLogger(__name__)


class BrokenDownloadError(OSError):
    """The downloaded file is not the one that the Hub lists."""


def make_api(token: str | bool | None = None) -> HfApi:
    return HfApi(token=token, library_name="colorizer", library_version=__version__)


def check_repo_id(repo_id: str, *, needs_owner: bool = True) -> None:
    """Raise `HubError` unless `repo_id` has the form user/name, or name if no owner is needed."""
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        # The client's error repeats the id.
        problem = str(error).replace(repo_id, "it") if len(repo_id) < MAX_ID else f"it has {len(repo_id)} characters."
        raise HubError(f"{quote(repo_id)} is not a valid Hub repository id: {problem}") from error
    if needs_owner and "/" not in repo_id:
        raise HubError(
            f"{quote(repo_id)} is not a valid Hub repository id: it needs an owner and a name, as in 'user/name'."
        )


def download_checkpoint(
    repo_id: str,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
) -> Path:
    """Download config.json, safetensors, ONNX graphs and card of a Hub repository, and return their folder in the local cache.

    Nothing else is downloaded, in particular no pickle. A download that breaks off, arrives damaged or fails on the Hub's side
    is retried. If the Hub stays unreachable, the cached copy is used, with a warning. Every file's hash is compared with the
    Hub's, since flipped bits in safetensors load silently.

    Raises:
        HubError: the Hub can't be reached and nothing is cached, the repository or revision doesn't exist, or access is
            denied.
        CheckpointError: the repository contains no checkpoint that is safe to load.
    """
    check_repo_id(repo_id)
    with hub_errors(repo_id, revision):
        for wait in (*WAITS, None):
            try:
                return _fetch(repo_id, revision, token, cache_dir)
            except Exception as error:
                if not is_hub_trouble(error):
                    raise
                # Retrying is pointless offline, and before a LocalEntryNotFoundError the client has tried for half a minute.
                is_final = wait is None or isinstance(error, OfflineModeIsEnabled | LocalEntryNotFoundError)
                if is_final:
                    folder = _cached(repo_id, revision, cache_dir)
                    if folder is None:
                        raise
                    logger.warning("%s is loaded from the local cache: %s", repo_id, describe(error))
                    return folder
                logger.info("Retrying %s in %s s: %s", repo_id, wait, describe(error))
                time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def download_file(repo_id: str, name: str, *, revision: str, token: str | bool | None = None) -> Path:
    """Return one file of a Hub repository at a commit, from the local cache if possible.

    Raises:
        HubError: the file is not cached and the Hub can't be reached, it doesn't exist, or access is denied.
    """
    with hub_errors(repo_id, revision):
        return Path(make_api(token).hf_hub_download(repo_id, name, revision=revision))


def _fetch(repo_id: str, revision: str | None, token: str | bool | None, cache_dir: str | Path | None) -> Path:
    # Not snapshot_download: two of its calls wait forever if the Hub stops responding.
    api = make_api(token)
    info = api.model_info(repo_id, revision=revision, files_metadata=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
    files = {file.rfilename: file for file in info.siblings or ()}
    names = checkpoint_files(repo_id, files)
    if len(names) > MAX_FILES or sum(files[name].size or 0 for name in names) > MAX_BYTES:
        raise CheckpointError(
            f"{repo_id} has more than {MAX_FILES} files or {MAX_BYTES / 2**30:.0f} GiB: it is too large to be a checkpoint "
            "of colorizer."
        )
    for name in names:
        # By commit, which needs no network for a cached file. The config comes last and by branch, so that the cache moves
        # the branch to the new commit only once all files are there.
        wanted = (revision or constants.DEFAULT_REVISION) if name == CONFIG else info.sha
        path = Path(api.hf_hub_download(repo_id, name, revision=wanted, cache_dir=cache_dir))
        if path.parent.name != info.sha:  # the client fell back to an older copy, or somebody pushed in the meantime
            raise BrokenDownloadError(f"{name} came from another commit than the requested one")
        _check_hash(path, files[name])
    return path.parent


def _cached(repo_id: str, revision: str | None, cache_dir: str | Path | None) -> Path | None:
    config = try_to_load_from_cache(repo_id, CONFIG, revision=revision, cache_dir=cache_dir)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    try:
        checkpoint_files(repo_id, [path.name for path in folder.iterdir()])
    except CheckpointError:  # the download broke off after the config
        return None
    return folder


def checkpoint_files(repo_id: str, names: Iterable[str]) -> list[str]:
    """Return the files of a repository that make up a checkpoint; raise `CheckpointError` if they don't."""
    names = list(names)
    weights = [name for name in names if "/" not in name and name.endswith((".safetensors", ".safetensors.index.json"))]
    weights = [name for name in weights if name.startswith("model")]
    if not weights:
        pickles = [name for name in names if name.endswith(PICKLES)]
        if pickles:
            raise CheckpointError(
                f"{repo_id} contains no model.safetensors, only {pickles[0][:100]}: pickles can run code and aren't loaded. "
                "Ask its author for safetensors."
            )
        raise CheckpointError(f"{repo_id} contains no model.safetensors: it is not a checkpoint of colorizer.")
    if CONFIG not in names:
        raise CheckpointError(f"{repo_id} contains no {CONFIG}: it is not a checkpoint of colorizer.")
    return [*weights, *(name for name in names if name in ("README.md", *GRAPHS)), CONFIG]


def _check_hash(path: Path, file: RepoSibling) -> None:
    if file.lfs is not None:
        expected, digest = file.lfs.sha256, hashlib.sha256()
    else:  # git's name for a blob
        expected, digest = file.blob_id, hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    if expected not in (None, digest.hexdigest()):
        path.resolve().unlink(missing_ok=True)  # the blob, so that the next attempt downloads it again
        path.unlink(missing_ok=True)
        raise BrokenDownloadError(f"{path.name} arrived damaged")


def is_hub_trouble(error: BaseException) -> bool:
    """Return whether the Hub or the connection is at fault, so that a retry or the cache may help."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= 500 or error.response.status_code in (408, 429)
    if type(error) is OSError:  # the client's consistency check of a file's size; a full disk has a number
        return error.errno is None
    if isinstance(error, NOT_JSON):
        return True
    return isinstance(error, HTTPError | LocalEntryNotFoundError | BrokenDownloadError | OfflineModeIsEnabled)


def describe(error: BaseException) -> str:
    """Describe an error of the Hub or of the connection in a few words."""
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set."
    if isinstance(error, HfHubHTTPError):
        return f"the Hub at {constants.ENDPOINT} answered {error.response.status_code}."
    if isinstance(error, NOT_JSON):
        return f"{constants.ENDPOINT} did not return JSON; is a proxy or login page in the way?"
    if isinstance(error, BrokenDownloadError):
        return f"{error}."
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        return describe(error.__cause__)
    return f"the connection to {constants.ENDPOINT} failed ({quote(error) or type(error).__name__})."


@contextmanager
def hub_errors(repo_id: str, revision: str | None = None, *, is_upload: bool = False) -> Iterator[None]:
    """Turn the client's errors into a `HubError` of one sentence with advice."""
    try:
        yield
    except ColorizerError:
        raise
    except (HTTPError, OSError, ValueError, KeyError) as error:
        raise HubError(_advice(error, repo_id, revision, is_upload)) from error


def _advice(error: Exception, repo_id: str, revision: str | None, is_upload: bool) -> str:
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, GatedRepoError):
        return f"{repo_id} is gated: request access on its page, then log in with `hf auth login`."
    if isinstance(error, RevisionNotFoundError):
        return f"{repo_id} has no revision {quote(revision or 'main')}: give a branch, a tag or a full commit hash."
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"{repo_id} is not on the Hub, or it is private: check the name. For a private repository, "
            "log in with `hf auth login` or pass a token."
        )
    if isinstance(error, LocalTokenNotFoundError):
        return "There is no token for the Hub: log in with `hf auth login`, or set HF_TOKEN."
    if status == 401:
        return f"The Hub doesn't accept the token for {repo_id}: log in again with `hf auth login`, or fix HF_TOKEN."
    if status == 403 and not is_upload:
        return f"The Hub doesn't permit reading {repo_id}: ask its owner, or use a token that may read it."
    if status == 403:
        return f"The token doesn't permit this for {repo_id}: it needs write access, and the namespace must be yours."
    if is_hub_trouble(error):
        return f"{repo_id}: {describe(error)} Nothing was changed on this machine; try again later."
    if isinstance(error, KeyError):
        return f"{repo_id}: the answer of {constants.ENDPOINT} lacks {quote(error)}; try again later."
    if status is not None:
        reason = f" ({quote(ValueError(error.server_message))})" if error.server_message else ""
        return f"The Hub answered {status} for {repo_id}{reason}: look at its page, {constants.ENDPOINT}/{repo_id}."
    return f"{repo_id}: {quote(error)}."
