import errno
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from colorizer.demo import build_demo
from colorizer.demo.vote import hub_sync
from colorizer.demo.vote.bradley_terry import Count
from colorizer.demo.vote.hub_sync import SharedVotes
from colorizer.demo.vote.store import A, B, Vote, VoteStore
from colorizer.demo.vote.tab import ranking_page
from colorizer.errors import ColorizerError
from tests.conftest import HUB
from tests.hub_server import HubServer

REPO = "ada/votes"
DATASET = f"datasets/{REPO}"


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], SharedVotes]]:
    """Shared votes of a store of a given name, which commit when they are told to."""
    # The scheduler waits between commits by time.sleep, which the Hub's fixture makes short: not that wait.
    waits = SimpleNamespace(sleep=lambda seconds: threading.Event().wait(seconds))
    monkeypatch.setattr("huggingface_hub._commit_scheduler.time", waits)
    started = []

    def share(name: str, every: float = 1000.0) -> SharedVotes:
        started.append(SharedVotes(VoteStore(tmp_path / name / "votes.sqlite3"), REPO, every=every))
        return started[-1]

    yield share
    for shared in started:
        shared.stop()


def commit(shared: SharedVotes) -> None:
    shared.scheduler.trigger().result(timeout=20)


def published(hub: HubServer) -> dict[str, list[Vote]]:
    files = {name: content for name, content in hub.files(DATASET).items() if name.endswith(".jsonl")}
    return {
        name: [Vote.from_json(line) for line in content.decode(errors="replace").splitlines()]
        for name, content in files.items()
    }


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_votes_go_to_a_new_dataset_as_json_lines(hub: HubServer, share: Callable[[str], SharedVotes]) -> None:
    shared = share("app")
    votes = [Vote.now("oak", "elm", A), Vote.now("oak", "elm", B)]
    shared.store.add(votes[:1])
    assert shared.connect()
    commit(shared)
    shared.store.add(votes[1:])
    commit(shared)
    (name,) = published(hub)
    assert name.startswith(f"votes-{votes[0].time[:10]}-")
    assert published(hub)[name] == votes
    num_commits = len(hub.repositories[DATASET].commits)
    commit(shared)
    assert len(hub.repositories[DATASET].commits) == num_commits


def test_votes_of_the_dataset_count_from_the_start(hub: HubServer, share: Callable[[str], SharedVotes]) -> None:
    theirs = [Vote.now("oak", "elm", A), Vote.now("elm", "ash", B)]
    lines = [*(vote.to_json() for vote in theirs), '{"better": "a"}', "no JSON"]
    hub.add(DATASET, {"votes-2026-01-01-0a.jsonl": "\n".join(lines).encode() + b"\n\xff\n\n", "README.md": b"# Votes"})
    shared = share("app")
    ours = Vote.now("oak", "elm", A)
    shared.store.add([ours])
    assert shared.connect()
    assert shared.store.counts() == [Count("elm", "ash", 1, 0), Count("oak", "elm", 2, 2)]
    commit(shared)
    files = published(hub)
    assert files.pop("votes-2026-01-01-0a.jsonl")[:2] == theirs
    assert list(files.values()) == [[ours]]


def test_a_restart_sends_nothing_twice_and_takes_nothing_away(
    hub: HubServer, share: Callable[[str], SharedVotes]
) -> None:
    votes = [Vote.now("oak", "elm", A), Vote.now("elm", "ash", A)]
    for number, vote in enumerate(votes, 1):
        shared = share("app")
        assert shared.connect()
        commit(shared)
        assert len(published(hub)) == number - 1
        shared.store.add([vote])
        commit(shared)
        shared.stop()
        assert sorted(published(hub).values(), key=lambda kept: votes.index(kept[0])) == [
            [kept] for kept in votes[:number]
        ]
    on_another_disk = share("another disk")
    assert on_another_disk.connect()
    commit(on_another_disk)
    assert on_another_disk.store.counts() == [Count("elm", "ash", 1, 1), Count("oak", "elm", 1, 1)]
    assert len(published(hub)) == 2


def test_hub_away_leaves_the_votes_here_and_says_so(share: Callable[[str], SharedVotes]) -> None:
    shared = share("app")
    shared.store.add([Vote.now("oak", "elm", A)])
    assert not shared.connect()
    page = ranking_page({"oak": "Oak", "elm": "Elm"}, shared.store, shared)
    assert "Hub dataset ada/votes can&#x27;t be reached" in page
    assert HUB.url not in page
    assert "1 vote." in page


def test_no_line_of_the_dataset_ends_the_sharing(hub: HubServer, share: Callable[[str], SharedVotes]) -> None:
    good = Vote.now("oak", "elm", A)
    lines = ["[" * 100_000, good.to_json().replace(good.id, "\\ud800"), '{"id": ' + "9" * 5000, good.to_json()]
    hub.add(DATASET, {"votes-2026-01-01-0a.jsonl": "\n".join(lines).encode(), "votes-x/y.jsonl": b"no vote of ours"})
    shared = share("app", every=0.001)
    shared.start()
    eventually(lambda: shared.scheduler is not None)
    assert shared.store.votes_since()[0] == [good]
    assert shared.problem is None


def test_what_no_one_foresaw_is_reported_and_tried_again(
    hub: HubServer, share: Callable[[str], SharedVotes], monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = share("app", every=0.001)
    failures = iter([RecursionError("deep"), MemoryError()])
    download = shared._download

    def fail_first(api: object) -> set[str]:
        if error := next(failures, None):
            raise error
        return download(api)

    monkeypatch.setattr(shared, "_download", fail_first)
    assert not shared.connect()
    assert "can't be reached" in shared.problem
    shared.start()
    eventually(lambda: shared.scheduler is not None)


def test_dataset_of_any_size_is_not_downloaded(
    hub: HubServer,
    share: Callable[[str], SharedVotes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("colorizer.demo.vote.hub_sync.MAX_BYTES", 2**20)
    hub.add(DATASET, {"votes-2026-01-01-0a.jsonl": b"\n" * 2**20 + b"\n"})
    assert not share("app").connect()
    assert "more than 10000 files or 1 MiB of votes" in caplog.text


def test_full_disk_loses_no_vote_and_writes_none_twice(
    hub: HubServer, share: Callable[[str], SharedVotes], monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = share("app")
    assert shared.connect()
    commit(shared)
    votes = [replace(Vote.now("oak", "elm", A), time=f"2026-01-0{day}T00:00:00+00:00") for day in (1, 2, 1)]
    shared.store.add(votes)
    write, room = hub_sync.write_text, iter([True, False])

    def write_while_there_is_room(path: Path, text: str) -> None:
        if not next(room, True):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, text)

    monkeypatch.setattr(hub_sync, "write_text", write_while_there_is_room)
    with pytest.raises(ColorizerError):
        commit(shared)
    commit(shared)
    assert sorted(published(hub).values(), key=len) == [[votes[1]], [votes[0], votes[2]]]


def test_votes_go_there_once_the_hub_is_back(hub: HubServer, share: Callable[[str], SharedVotes]) -> None:
    shared = share("app", every=0.001)
    shared.store.add([Vote.now("oak", "elm", A)])
    hub.inject("status", times=4, status=503, path=REPO)
    shared.start()
    eventually(lambda: DATASET in hub.repositories and bool(published(hub)))
    eventually(lambda: shared.problem is None)
    shared.stop()


def test_a_commit_that_fails_is_made_up_for(hub: HubServer, share: Callable[[str], SharedVotes]) -> None:
    shared = share("app")
    assert shared.connect()
    commit(shared)
    shared.store.add([Vote.now("oak", "elm", A)])
    hub.tokens["hf_write"] = "read"
    try:
        with pytest.raises(Exception, match="needs write access"):
            commit(shared)
    finally:
        hub.tokens["hf_write"] = "write"
    assert "votes stay in this app's file" in shared.problem
    commit(shared)
    assert shared.problem is None
    assert sum(map(len, published(hub).values())) == 1


def test_a_name_that_is_no_datasets_is_said_not_raised(share: Callable[[str], SharedVotes]) -> None:
    shared = share("app")
    shared.repo_id = "no such/thing/at all"
    assert not shared.connect()
    assert "no such/thing/at all" in shared.problem


def test_the_app_shares_where_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(SharedVotes, "start", lambda shared: started.append(shared))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    build_demo(votes=tmp_path / "votes.sqlite3")
    assert not started
    build_demo(votes=tmp_path / "votes.sqlite3", votes_repo=REPO)
    (shared,) = started
    assert (shared.repo_id, shared.store.path) == (REPO, tmp_path / "votes.sqlite3")
