from concurrent.futures import ThreadPoolExecutor

import pytest

from colorizer.demo.vote import limits
from colorizer.demo.vote.limits import BallotBox, Pair
from colorizer.errors import ColorizerError

PAIR = Pair("oak", "elm", "Cat")


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box(clock: Clock) -> BallotBox:
    return BallotBox(clock=clock)


def take(box: BallotBox, token: str, visitor: str) -> Pair:
    with box.take(token, visitor) as pair:
        return pair


def vote(box: BallotBox, clock: Clock, visitor: str, pair: Pair) -> None:
    token = box.show(pair, visitor)
    clock.seconds += 2
    take(box, token, visitor)


def test_a_pair_takes_one_vote(box: BallotBox, clock: Clock) -> None:
    token = box.show(PAIR, "ada")
    clock.seconds += 2
    assert take(box, token, "ada") == PAIR
    with pytest.raises(ColorizerError, match="already voted"):
        take(box, token, "ada")


def test_a_vote_that_is_not_stored_is_given_back(box: BallotBox, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_VOTES", 1)
    tokens = []
    for photo in ("first", "second", "third"):
        tokens.append(box.show(Pair("oak", "elm", photo), "ada"))
        clock.seconds += 2

    def fail_to_store() -> None:
        with box.take(tokens[1], "ada"):
            # Until it is clear, there is no second vote on the pair.
            with pytest.raises(ColorizerError, match="already voted"):
                take(box, tokens[1], "ada")
            raise OSError("disk full")

    for _ in range(3):
        with pytest.raises(OSError, match="disk full"):
            fail_to_store()
    assert not box.has_voted("ada", Pair("oak", "elm", "second"))
    assert list(box._waiting) == tokens  # in the order in which they expire
    assert take(box, tokens[1], "ada").photo == "second"
    with pytest.raises(ColorizerError, match="already voted"):
        take(box, tokens[1], "ada")
    with pytest.raises(ColorizerError, match="1 votes per visitor"):
        take(box, tokens[0], "ada")


def test_a_vote_given_back_after_an_hour_is_gone(box: BallotBox, clock: Clock) -> None:
    token = box.show(PAIR, "ada")
    clock.seconds += 2

    def fail_late() -> None:
        with box.take(token, "ada"):
            clock.seconds += 3600
            box.check_bounds("ada")
            raise OSError("late")

    with pytest.raises(OSError, match="late"):
        fail_late()
    with pytest.raises(ColorizerError, match="expired"):
        take(box, token, "ada")


def test_of_many_votes_at_once_on_a_pair_one_counts(box: BallotBox, clock: Clock) -> None:
    token = box.show(PAIR, "ada")
    clock.seconds += 2

    def attempt(_: int) -> bool:
        try:
            take(box, token, "ada")
        except ColorizerError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(32))) == 1


def test_a_token_is_its_visitors_alone_and_cannot_be_guessed(box: BallotBox, clock: Clock) -> None:
    token = box.show(PAIR, "ada")
    clock.seconds += 2
    for stranger in (("bob", token), ("ada", ""), ("ada", "0")):
        with pytest.raises(ColorizerError, match="expired"):
            take(box, stranger[1], stranger[0])
    assert len({box.show(PAIR, "ada") for _ in range(20)} | {token}) == 21
    assert len(token) > 20


def test_a_vote_without_a_look_is_refused_but_not_lost(box: BallotBox, clock: Clock) -> None:
    token = box.show(PAIR, "ada")
    clock.seconds += 0.9
    with pytest.raises(ColorizerError, match="quick"):
        take(box, token, "ada")
    clock.seconds += 0.2
    assert take(box, token, "ada") == PAIR


def test_a_pair_waits_an_hour(box: BallotBox, clock: Clock) -> None:
    token = box.show(PAIR, "ada")
    clock.seconds += 3600
    with pytest.raises(ColorizerError, match="expired"):
        take(box, token, "ada")


def test_a_visitor_has_so_many_votes_an_hour(box: BallotBox, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_VOTES", 3)
    for number in range(3):
        vote(box, clock, "ada", Pair("oak", "elm", str(number)))
    with pytest.raises(ColorizerError, match="3 votes per visitor"):
        box.check_bounds("ada")
    with pytest.raises(ColorizerError, match="3 votes per visitor"):
        vote(box, clock, "ada", PAIR)
    vote(box, clock, "bob", PAIR)
    clock.seconds += 3600
    vote(box, clock, "ada", PAIR)


def test_all_visitors_together_have_so_many(box: BallotBox, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_VOTES_IN_ALL", 4)
    for number in range(4):
        vote(box, clock, f"visitor {number}", PAIR)
    with pytest.raises(ColorizerError, match="too many votes"):
        vote(box, clock, "ada", PAIR)


def test_the_same_two_on_the_same_photo_are_judged_once_an_hour(box: BallotBox, clock: Clock) -> None:
    again = Pair("elm", "oak", "Cat")
    vote(box, clock, "ada", PAIR)
    assert box.has_voted("ada", again)
    with pytest.raises(ColorizerError, match="already voted on this pair"):
        vote(box, clock, "ada", again)
    assert not box.has_voted("bob", again)
    assert not box.has_voted("ada", Pair("elm", "oak", "Rocket"))
    assert not box.has_voted("ada", Pair("elm", "ash", "Cat"))
    vote(box, clock, "ada", Pair("elm", "oak", "Rocket"))
    clock.seconds += 3600
    assert not box.has_voted("ada", again)


def test_pairs_that_nobody_votes_on_do_not_pile_up(
    box: BallotBox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_WAITING_IN_ALL", 10)
    kept = box.show(PAIR, "bob")
    tokens = [box.show(PAIR, "ada") for _ in range(50)]
    clock.seconds += 2
    # One visitor's flood drops that visitor's own.
    assert take(box, kept, "bob") == PAIR
    assert take(box, tokens[-1], "ada") == PAIR
    with pytest.raises(ColorizerError, match="expired"):
        take(box, tokens[0], "ada")
    first = box.show(PAIR, "cid")
    for number in range(10):
        box.show(PAIR, f"visitor {number}")
    with pytest.raises(ColorizerError, match="expired"):
        take(box, first, "cid")


def test_visitors_are_known_by_a_hash_that_dies_with_the_app(box: BallotBox) -> None:
    known = box.visitor("8.8.8.8")
    assert known == box.visitor("8.8.8.8")
    assert "8.8.8.8" not in known
    assert known != BallotBox().visitor("8.8.8.8")
    assert known != box.visitor("8.8.4.4")
    assert box.visitor("2606:4700::1") == box.visitor("2606:4700::ffff:0:1:2")
    assert box.visitor("2606:4700::1") != box.visitor("2606:4700:0:1::1")
    assert box.visitor("::ffff:8.8.8.8") != box.visitor("::ffff:8.8.4.4")
    assert box.visitor("testclient") != box.visitor("")
