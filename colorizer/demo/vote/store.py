"""Votes in an SQLite file."""

import json
import os
import re
import sqlite3
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from colorizer.demo.vote.bradley_terry import Count
from colorizer.errors import ColorizerError, quote

A, B, TIE = "a", "b", "tie"
BETTER = (A, B, TIE)
MAX_LETTERS = 200
# Seconds to wait for other writers before giving up.
PATIENCE = 20

_TABLE = """
CREATE TABLE IF NOT EXISTS votes (
    id TEXT PRIMARY KEY, time TEXT NOT NULL, model_a TEXT NOT NULL, model_b TEXT NOT NULL, better TEXT NOT NULL
)
"""
_COUNTS = """
SELECT model_a, model_b, count(*), sum(CASE better WHEN 'a' THEN 1.0 WHEN 'tie' THEN 0.5 ELSE 0.0 END)
FROM votes GROUP BY model_a, model_b ORDER BY model_a, model_b
"""


@dataclass(frozen=True)
class Vote:
    """Vote on two results. It has no data about the visitor or the photo.

    better: "a", "b" or "tie".
    time: UTC in ISO 8601, to the second.
    """

    id: str
    time: str
    model_a: str
    model_b: str
    better: str

    @classmethod
    def now(cls, model_a: str, model_b: str, better: str) -> "Vote":
        """Create a vote. Raises ColorizerError for an unknown value of `better`."""
        if better not in BETTER:
            raise ColorizerError(f"A vote must be one of {', '.join(BETTER)}, not {quote(better)}.")
        return cls(uuid.uuid4().hex, datetime.now(UTC).isoformat(timespec="seconds"), model_a, model_b, better)

    @classmethod
    def from_json(cls, line: str) -> "Vote | None":
        """Parse a line written by `to_json`. Returns None if it is not a vote."""
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            return None
        names = ("id", "time", "model_a", "model_b", "better")
        if not isinstance(values, dict) or not all(_is_short_text(values.get(name)) for name in names):
            return None
        vote = cls(**{name: values[name] for name in names})
        is_vote = vote.better in BETTER and vote.model_a != vote.model_b and _is_time(vote.time)
        return vote if is_vote else None

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def _is_short_text(value: Any) -> bool:
    # Half of a pair of surrogates, which JSON allows, is a letter that no file or database takes.
    return isinstance(value, str) and 0 < len(value) <= MAX_LETTERS and not re.search("[\ud800-\udfff]", value)


def _is_time(value: str) -> bool:
    return re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(\+00:00|Z)", value) is not None


def default_path() -> Path:
    """Return the path of votes.sqlite3 in the user's data folder."""
    home = Path.home()
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        data = home / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return data / "colorizer" / "votes.sqlite3"


def _share(connection: sqlite3.Connection) -> None:
    """Switch the database to write-ahead logging. SQLite doesn't wait for others at this, as it does at all else."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


class VoteStore:
    """Store of all votes, safe for many threads and processes. Methods raise ColorizerError if the file can't be used."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()

    def add(self, votes: Iterable[Vote]) -> int:
        """Add votes that are not in the store yet. Returns how many were added."""
        rows = [(vote.id, vote.time, vote.model_a, vote.model_b, vote.better) for vote in votes]
        with self._open() as connection:
            before = connection.total_changes
            connection.executemany("INSERT OR IGNORE INTO votes VALUES (?, ?, ?, ?, ?)", rows)
            return connection.total_changes - before

    def counts(self) -> list[Count]:
        """Return the number of votes and points per pair."""
        if not os.path.exists(self.path):
            return []
        with self._open() as connection:
            return [Count(*row) for row in connection.execute(_COUNTS)]

    def votes_since(self, mark: int = 0) -> tuple[list[Vote], int]:
        """Return the votes added since `mark` (0 = all), in order, and the new mark."""
        if not os.path.exists(self.path):
            return [], mark
        columns = "rowid, id, time, model_a, model_b, better"
        with self._open() as connection:
            rows = connection.execute(f"SELECT {columns} FROM votes WHERE rowid > ? ORDER BY rowid", (mark,)).fetchall()
        return [Vote(*values) for _, *values in rows], rows[-1][0] if rows else mark

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # A new connection each time, since SQLite connections belong to one thread.
            with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection, connection:
                _share(connection)
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.execute(_TABLE)
                yield connection
        except (sqlite3.Error, OSError) as error:
            # An error of the system repeats the path, which visitors need not know.
            reason = getattr(error, "strerror", None) or quote(error)
            raise ColorizerError(
                f"Votes can't be stored in {self.path.name}: {reason}. Set COLORIZER_VOTES to use another file."
            ) from error
