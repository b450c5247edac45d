"""Uploads to the Hub: a checkpoint that loads strictly becomes one commit, as does a page without a server."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, get_session, get_token

from colorizer.approaches.base.checkpoint_files import GRAPHS
from colorizer.checkpoints import SAMPLES
from colorizer.errors import CheckpointError, HubError, quote
from colorizer.hub.cards import CARD, is_edited, read_info, render_card
from colorizer.hub.download import check_repo_id, hub_errors, make_api
from colorizer.hub.loading import load_model
from colorizer.hub.run_records import publishable, read_record

UPLOAD_TIMEOUT = 60.0  # seconds without a response
# Published files. Resume states, optimizers and logs are not uploaded.
PATTERNS = (
    *("config.json", "model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json"),
    *GRAPHS,
    *("curves.png", "samples/step-*.png", SAMPLES),
)
RECORDS = ("training.json", "history.json", "evaluation.json")


def push(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    token: str | None = None,
    revision: str | None = None,
    commit_message: str | None = None,
) -> str:
    """Publish the checkpoint in `folder` with its card, records and pictures in one commit, and return the commit's URL.

    Files of the same kinds that an earlier push left there and this folder lacks, such as the graph of other weights, are
    deleted; others stay. The folder is only read. If it has no README.md, or one that `write_card` generated, the card is
    generated again, from the present records and with a code sample that names the repository; an edited card is published
    unchanged. Records are published without tokens, names of photos and this machine's folders. Sample grids show photos of
    the dataset: delete `samples/` first if these must not be published.

    Args:
        repo_id: "user/name", or "name" for a repository of your own; created if it doesn't exist.
        private: make a new repository private; an existing public one is an error.
        token: Hub token with write access, unless you are logged in.
        revision: branch to commit to; created if it doesn't exist.

    Raises:
        CheckpointError: the folder is not a checkpoint that loads; nothing was uploaded.
        HubError: the Hub can't be reached, rejected the request, or failed; the folder is unchanged.
    """
    check_repo_id(repo_id, needs_owner=False)
    folder = Path(folder).absolute()
    if not os.path.isdir(folder):  # pathlib's raises where a name is too long
        raise CheckpointError(
            f"{quote(str(folder))} is not a folder: give the one with config.json and model.safetensors."
        )
    load_model(folder)
    api = _writing_api(token)
    with hub_errors(repo_id, revision, is_upload=True), bounded_waits(UPLOAD_TIMEOUT):
        if "/" not in repo_id:
            repo_id = f"{api.whoami()['name']}/{repo_id}"
        files = collect_files(folder, repo_id)
        operations = [CommitOperationAdd(path, content) for path, content in files.items()]
        _create(api, repo_id, private, revision)
        stale = [
            name for name in api.list_repo_files(repo_id, revision=revision) if _is_ours(name) and name not in files
        ]
        operations += [CommitOperationDelete(name) for name in sorted(stale)]
        message = commit_message or f"Upload {folder.name} with colorizer"
        return _commit(api, repo_id, operations, message, revision=revision).commit_url


def push_page(folder: Path, repo_id: str, *, token: str | None = None) -> str:
    """Publish a page that `web.build` made as a static Space, in place of what is in it, and return the Space's address.

    Raises:
        HubError: the Hub can't be reached, rejected the request, or failed.
    """
    check_repo_id(repo_id)
    api = _writing_api(token)
    files = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    with hub_errors(repo_id, is_upload=True), bounded_waits(UPLOAD_TIMEOUT):
        api.create_repo(repo_id, repo_type="space", space_sdk="static", exist_ok=True)
        old = set(api.list_repo_files(repo_id, repo_type="space")) - {*files, ".gitattributes"}
        operations = [CommitOperationAdd(name, file) for name, file in files.items()]
        operations += [CommitOperationDelete(name) for name in sorted(old)]
        _commit(api, repo_id, operations, "Upload the page with colorizer", repo_type="space")
    return f"{api.endpoint}/spaces/{repo_id}"


def collect_files(folder: Path, repo_id: str) -> dict[str, Path | bytes]:
    """Collect the files that `push` publishes: name in the repository → file, or new content if it differs.

    Raises:
        CheckpointError: one of them is not a plain file of the folder, or not readable.
    """
    paths = [path for pattern in PATTERNS for path in sorted(folder.glob(pattern))]
    files: dict[str, Path | bytes] = {path.relative_to(folder).as_posix(): path for path in paths}
    for path in (*paths, *(folder / name for name in (*RECORDS, CARD) if os.path.lexists(folder / name))):
        _check_own(path, folder)
    for name in RECORDS:
        record = publishable(read_record(folder / name))
        if record is not None:
            files[name] = f"{json.dumps(record, indent=2, ensure_ascii=False)}\n".encode()
    is_kept = is_edited(folder / CARD)
    files[CARD] = folder / CARD if is_kept else render_card(read_info(folder, repo_id=repo_id)).encode()
    return files


def _is_ours(name: str) -> bool:
    """Tell whether a file of a repository is of the kinds that `push` publishes."""
    return any(fnmatchcase(name, each) and name.count("/") == each.count("/") for each in (*PATTERNS, *RECORDS))


def _writing_api(token: str | None) -> HfApi:
    if token is None and get_token() is None:
        raise HubError("Publishing needs a Hub token with write access: log in with `hf auth login`, or set HF_TOKEN.")
    return make_api(token)


def _commit(api: HfApi, repo_id: str, operations: list, message: str, **arguments: str | None) -> CommitInfo:
    try:
        return api.create_commit(repo_id, operations, commit_message=message, **arguments)
    except RuntimeError as error:
        # A file that the Hub refuses: the client hides its answer.
        raise (error.__cause__ or HubError(f"{repo_id}: {quote(error)}.")) from error


def _check_own(path: Path, folder: Path) -> None:
    """Refuse a link, which could publish any file of this machine, and whatever else is not a plain file."""
    name = path.relative_to(folder)
    if path.resolve() != folder.resolve() / name or not path.is_file():
        raise CheckpointError(f"{name} in {folder.name} is a link or not a file: only a run's own files are published.")


def _create(api: HfApi, repo_id: str, private: bool, revision: str | None) -> None:
    with suppress(KeyError):  # the answer lacks the repository's address, which is not needed
        api.create_repo(repo_id, private=private or None, exist_ok=True)
    if private and not api.model_info(repo_id, timeout=UPLOAD_TIMEOUT).private:
        raise HubError(f"{repo_id} already exists and is public: make it private on its page, or give another name.")
    if revision is not None:
        api.create_branch(repo_id, branch=revision, exist_ok=True)


@contextmanager
def bounded_waits(seconds: float) -> Iterator[None]:
    """Set a timeout for a Hub that stops responding: the client's upload calls would wait forever."""
    before = get_session().timeout
    get_session().timeout = seconds
    try:
        yield
    finally:
        get_session().timeout = before
