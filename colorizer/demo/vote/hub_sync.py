"""The votes in a dataset on the Hub, as JSON lines: those that are there are counted, new ones go there by and by."""

import atexit
import logging
import secrets
import shutil
import tempfile
from pathlib import Path
from threading import Event, Thread

from huggingface_hub import CommitInfo, CommitScheduler, HfApi
from huggingface_hub.errors import RepositoryNotFoundError

from colorizer.demo.vote.store import Vote, VoteStore
from colorizer.errors import ColorizerError
from colorizer.hub.download import check_repo_id, hub_errors, make_api

PATTERN = "votes-*.jsonl"
MINUTES = 5.0

logger = logging.getLogger(__name__)


class SharedVotes:
    """A store's votes and a Hub dataset's, brought together from `start` on, in threads of its own.

    At the start the store takes in the dataset's votes; then those that the dataset lacks go there every `every` minutes, in
    files that no other app writes. While the Hub is away votes stay in the store, it is tried again and again, and
    `problem` says so.
    """

    def __init__(self, store: VoteStore, repo_id: str, *, every: float = MINUTES) -> None:
        self.store = store
        self.repo_id = repo_id
        self.every = every
        self.problem: str | None = None
        self.scheduler: _Scheduler | None = None
        self._stopped = Event()

    def start(self) -> None:
        """Begin, without waiting for the Hub."""
        Thread(target=self._connect_at_last, daemon=True).start()

    def stop(self) -> None:
        """Send nothing from now on."""
        self._stopped.set()
        if self.scheduler is not None:
            self.scheduler.stop()

    def connect(self) -> bool:
        """Take in the dataset's votes and schedule the sending of ours; False, with the `problem` set, if the Hub is away."""
        try:
            with hub_errors(self.repo_id):
                check_repo_id(self.repo_id)
                api = make_api()
                shared = self._take_in(api)
                self.scheduler = _Scheduler(self, api, shared)
        except ColorizerError as error:
            self.report(error)
            return False
        self.problem = None
        return True

    def report(self, error: ColorizerError) -> None:
        """Tell the visitors that votes stay here for now, and the log why."""
        logger.warning("The votes are not shared: %s", error)
        self.problem = (
            f"The Hub dataset {self.repo_id} can't be reached now: until it can, votes stay in this app's file."
        )

    def _connect_at_last(self) -> None:
        while not self._stopped.is_set() and not self.connect():
            self._stopped.wait(self.every * 60)

    def _take_in(self, api: HfApi) -> set[str]:
        """Keep the dataset's votes in the store; returns their ids. A dataset that is not there yet has none."""
        # Not into the client's cache, whose older copy it would give where the Hub is away.
        with tempfile.TemporaryDirectory(prefix="colorizer-votes-") as cache:
            try:
                folder = api.snapshot_download(
                    self.repo_id, repo_type="dataset", allow_patterns=PATTERN, cache_dir=cache
                )
            except RepositoryNotFoundError:
                return set()
            files = sorted(Path(folder).glob(PATTERN))
            text = "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
        lines = [line for line in text.split("\n") if line.strip()]
        votes = [vote for line in lines if (vote := Vote.from_json(line))]
        if len(votes) < len(lines):
            logger.warning("%s: %d lines are no votes and don't count", self.repo_id, len(lines) - len(votes))
        self.store.add(votes)
        return {vote.id for vote in votes}


class _Scheduler(CommitScheduler):
    """Writes the votes that the dataset lacks into its folder, a file a day, before each commit of the folder."""

    def __init__(self, owner: SharedVotes, api: HfApi, shared: set[str]) -> None:
        self._owner = owner
        self._shared = shared
        self._mark = 0
        # No other app, nor this one after a restart, appends to these files: a commit replaces a file as a whole.
        self._name = secrets.token_hex(4)
        folder = tempfile.mkdtemp(prefix="colorizer-votes-")
        # Before the parent registers the last commit at exit, which must come first.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        super().__init__(repo_id=owner.repo_id, repo_type="dataset", folder_path=folder, every=owner.every, hf_api=api)

    def push_to_hub(self) -> CommitInfo | None:
        """Commit what is new; a failure is reported, and the next commit has it."""
        try:
            with hub_errors(self.repo_id):
                with self.lock:
                    self._write_new_votes()
                commit = super().push_to_hub()
        except ColorizerError as error:
            self._owner.report(error)
            raise
        self._owner.problem = None
        return commit

    def _write_new_votes(self) -> None:
        votes, self._mark = self._owner.store.votes_since(self._mark)
        for vote in votes:
            if vote.id not in self._shared:
                with (self.folder_path / f"votes-{vote.time[:10]}-{self._name}.jsonl").open(
                    "a", encoding="utf-8"
                ) as file:
                    file.write(f"{vote.to_json()}\n")
