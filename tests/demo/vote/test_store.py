import json
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from colorizer.demo.vote.bradley_terry import Count
from colorizer.demo.vote.store import TIE, A, B, Vote, VoteStore, default_path
from colorizer.errors import ColorizerError


@pytest.fixture
def store(tmp_path: Path) -> VoteStore:
    return VoteStore(tmp_path / "data" / "votes.sqlite3")


def test_votes_are_counted_by_pair(store: VoteStore) -> None:
    assert store.counts() == []
    assert not store.path.exists()
    kept = [("oak", "elm", A), ("oak", "elm", TIE), ("oak", "elm", B), ("elm", "oak", B)]
    assert store.add([Vote.now(*vote) for vote in kept]) == 4
    assert store.counts() == [Count("elm", "oak", 1, 0), Count("oak", "elm", 3, 1.5)]


def test_votes_outlast_the_app(store: VoteStore) -> None:
    store.add([Vote.now("oak", "elm", A)])
    assert VoteStore(store.path).counts() == [Count("oak", "elm", 1, 1)]


def test_a_vote_counts_once(store: VoteStore) -> None:
    vote = Vote.now("oak", "elm", A)
    assert [store.add([vote]), store.add([vote, Vote.now("oak", "elm", B)])] == [1, 1]
    assert store.counts() == [Count("oak", "elm", 2, 1)]


def test_no_vote_is_lost_among_many_visitors(store: VoteStore) -> None:
    def visit(number: int) -> None:
        own = VoteStore(store.path)
        for _ in range(5):
            own.add([Vote.now("oak", "elm", A)])
            assert own.counts()[0].num_votes > 0

    with ThreadPoolExecutor(12) as visitors:
        list(visitors.map(visit, range(24)))
    assert store.counts() == [Count("oak", "elm", 120, 120)]
    assert sqlite3.connect(store.path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_new_votes_come_in_order_after_a_mark(store: VoteStore) -> None:
    votes = [Vote.now("oak", "elm", better) for better in (A, B, TIE)]
    assert store.votes_since() == ([], 0)
    store.add(votes[:2])
    first, mark = store.votes_since()
    assert first == votes[:2]
    assert store.votes_since(mark) == ([], mark)
    store.add(votes[2:])
    assert store.votes_since(mark)[0] == votes[2:]


def test_a_file_that_cannot_be_used_is_named_without_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite3"
    path.write_text("no database, by no means " * 50)
    for use in (lambda: VoteStore(path).add([Vote.now("oak", "elm", A)]), VoteStore(path).counts):
        with pytest.raises(ColorizerError, match=r"votes\.sqlite3.*COLORIZER_VOTES") as caught:
            use()
        assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("blocks", ["parent", "file"])
def test_no_folder_of_the_server_is_in_a_message(tmp_path: Path, blocks: str) -> None:
    (tmp_path / "data").write_text("not a folder")
    store = VoteStore(tmp_path / "data" / "votes.sqlite3" if blocks == "parent" else tmp_path)
    with pytest.raises(ColorizerError, match="Votes can't be stored") as caught:
        store.add([Vote.now("oak", "elm", A)])
    assert str(tmp_path) not in str(caught.value)


def test_a_vote_survives_json() -> None:
    vote = Vote.now("oak", "ada/elm@main", TIE)
    assert Vote.from_json(vote.to_json()) == vote
    assert set(json.loads(vote.to_json())) == {"id", "time", "model_a", "model_b", "better"}


@pytest.mark.parametrize(
    "change",
    [{"better": "c"}, {"id": ""}, {"id": None}, {"model_a": 3}, {"model_a": "elm"}, {"model_b": "x" * 300}]
    + [{name: half} for name in ("id", "model_a", "model_b") for half in ("\ud800", "a\udfff")]
    + [{"time": text} for text in ("../../../tmp/x", "yesterday", "2026-01-01", "2026-01-01T00:00:00+00:00\n")],
)
def test_a_line_that_is_no_vote_is_none(change: dict[str, object]) -> None:
    line = json.loads(Vote.now("oak", "elm", A).to_json())
    assert Vote.from_json(json.dumps(line)) is not None
    assert Vote.from_json(json.dumps(line | change)) is None


@pytest.mark.parametrize(
    "line", ["[1]", "{", "null", "[" * 100_000, '{"id": ' + "9" * 5000 + "}", '{"id": ' * 100_000, "\ufeff{}"]
)
def test_hostile_line_is_none(line: str) -> None:
    assert Vote.from_json(line) is None


def test_better_is_one_of_three() -> None:
    with pytest.raises(ColorizerError, match="a, b, tie"):
        Vote.now("oak", "elm", "both")


def test_default_file_lies_with_the_users_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    folders = {"linux": ".local/share", "darwin": "Library/Application Support", "win32": "AppData/Local"}
    for platform, folder in folders.items():
        monkeypatch.setattr(sys, "platform", platform)
        assert default_path() == tmp_path / folder / "colorizer" / "votes.sqlite3"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_path() == tmp_path / "data" / "colorizer" / "votes.sqlite3"
    assert VoteStore().path == default_path()
