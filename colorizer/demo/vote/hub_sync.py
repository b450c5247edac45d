"""Sync of the votes with a dataset on the Hub, as JSON lines."""

import atexit
import logging
import secrets
import shutil
import tempfile
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path
from threading import Event, Thread

from huggingface_hub import CommitInfo, CommitScheduler, HfApi, constants
from huggingface_hub.errors import RepositoryNotFoundError

from colorizer.atomic_write import write_text
from colorizer.demo.vote.store import Vote, VoteStore
from colorizer.errors import ColorizerError
from colorizer.hub.download import check_repo_id, hub_errors, make_api

PATTERN = "votes-*.jsonl"
MINUTES = 5.0
# Of a dataset, which may be anyone's: a million votes.
MAX_BYTES, MAX_FILES = 2**28, 10_000

logger = logging.getLogger(__name__)


class SharedVotes:
    """Background sync between a vote store and a Hub dataset.

    At the start, the dataset's votes are added to the store. From then on, new votes are uploaded every `every` minutes, to
    files that no other app writes. While the Hub can't be reached, votes stay in the store, uploads are retried, and
    `problem` has a message.
    """

    def __init__(self, store: VoteStore, repo_id: str, *, every: float = MINUTES) -> None:
        self.store = store
        self.repo_id = repo_id
        self.every = every
        self.problem: str | None = None
        self.scheduler: _Scheduler | None = None
        self._stopped = Event()

    def start(self) -> None:
        """Start the sync in the background."""
        Thread(target=self._retry_connect, daemon=True).start()

    def stop(self) -> None:
        """Stop uploading."""
        self._stopped.set()
        if self.scheduler is not None:
            self.scheduler.stop()

    def connect(self) -> bool:
        """Download the dataset's votes and schedule uploads. Returns False and sets `problem` if the Hub can't be reached."""
        try:
            with hub_errors(self.repo_id):
                check_repo_id(self.repo_id)
                api = make_api()
                shared = self._download(api)
                self.scheduler = _Scheduler(self, api, shared)
        except Exception as error:  # the files are anyone's, and a thread that ends would end in silence
            self.report(error)
            return False
        self.problem = None
        return True

    def report(self, error: Exception) -> None:
        """Log the error, and set `problem` for visitors."""
        logger.warning("Votes are not shared: %s", error if isinstance(error, ColorizerError) else repr(error))
        self.problem = f"The Hub dataset {self.repo_id} can't be reached. Until it can, votes stay in this app's file."

    def _retry_connect(self) -> None:
        while not self._stopped.is_set() and not self.connect():
            self._stopped.wait(self.every * 60)

    def _download(self, api: HfApi) -> set[str]:
        """Add the dataset's votes to the store. Returns their ids; none if the dataset does not exist yet."""
        try:
            # Not snapshot_download: two of its calls wait forever if the Hub stops responding.
            info = api.dataset_info(self.repo_id, files_metadata=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
        except RepositoryNotFoundError:
            return set()
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        names = [name for name in sorted(sizes) if fnmatch(name, PATTERN) and "/" not in name]
        if sum(sizes[name] for name in names) > MAX_BYTES or len(names) > MAX_FILES:
            raise ColorizerError(
                f"{self.repo_id} has more than {MAX_FILES} files or {MAX_BYTES // 2**20} MiB of votes."
            )
        # The client's own cache would return an older copy while the Hub can't be reached.
        with tempfile.TemporaryDirectory(prefix="colorizer-votes-") as cache:
            files = [
                api.hf_hub_download(self.repo_id, name, repo_type="dataset", revision=info.sha, cache_dir=cache)
                for name in names
            ]
            text = "\n".join(Path(file).read_text(encoding="utf-8", errors="replace") for file in files)
        lines = [line for line in text.split("\n") if line.strip()]
        votes = [vote for line in lines if (vote := Vote.from_json(line))]
        if len(votes) < len(lines):
            logger.warning("%s: ignored %d lines that are not votes", self.repo_id, len(lines) - len(votes))
        self.store.add(votes)
        return {vote.id for vote in votes}


class _Scheduler(CommitScheduler):
    """Scheduler that writes new votes to its folder, one file per day, before each commit of the folder."""

    def __init__(self, owner: SharedVotes, api: HfApi, shared: set[str]) -> None:
        self._owner = owner
        self._shared = shared
        self._mark = 0
        # Unique per start of the app: a commit replaces whole files, so two writers must not share one.
        self._name = secrets.token_hex(4)
        folder = tempfile.mkdtemp(prefix="colorizer-votes-")
        # Registered before the parent's last commit, since exit handlers run in reverse order.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        super().__init__(repo_id=owner.repo_id, repo_type="dataset", folder_path=folder, every=owner.every, hf_api=api)

    def push_to_hub(self) -> CommitInfo | None:
        """Commit new votes. After a failure, which is reported, the next commit includes them."""
        try:
            with hub_errors(self.repo_id, is_upload=True):
                with self.lock:
                    self._write_new_votes()
                commit = super().push_to_hub()
        except ColorizerError as error:
            self._owner.report(error)
            raise
        self._owner.problem = None
        return commit

    def _write_new_votes(self) -> None:
        votes, mark = self._owner.store.votes_since(self._mark)
        lines: dict[str, str] = defaultdict(str)
        for vote in votes:
            if vote.id not in self._shared:
                lines[f"votes-{vote.time[:10]}-{self._name}.jsonl"] += f"{vote.to_json()}\n"
        for name, text in lines.items():
            path = self.folder_path / name
            write_text(path, (path.read_text(encoding="utf-8") if path.exists() else "") + text)
            # Once written, so that a full disk loses no vote, and none is written twice.
            self._shared |= {vote.id for vote in votes if name.startswith(f"votes-{vote.time[:10]}-")}
        self._mark = mark
