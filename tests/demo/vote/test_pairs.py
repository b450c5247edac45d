import shutil
import sqlite3
from contextlib import closing
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from colorizer.demo.catalog import Catalog
from colorizer.demo.vote import pairs
from colorizer.demo.vote.limits import BallotBox
from colorizer.demo.vote.pairs import show_pair, vote
from colorizer.demo.vote.store import TIE, A, B, Vote, VoteStore
from colorizer.demo.vote.tab import ranking_page, revealed
from colorizer.errors import ColorizerError, PhotoError
from colorizer.viewer.examples import sample_paths

NAMES = ["tiny-colorful", "tiny-dense"]


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        # Everybody looks at a pair long enough.
        self.seconds += 5
        return self.seconds


@pytest.fixture(scope="module")
def catalog(checkpoints: list[str]) -> Catalog:
    return Catalog(checkpoints)


@pytest.fixture
def box() -> BallotBox:
    return BallotBox(clock=Clock())


@pytest.fixture
def store(tmp_path: Path) -> VoteStore:
    return VoteStore(tmp_path / "votes.sqlite3")


def test_files_do_not_tell_whose_they_are(catalog: Catalog, box: BallotBox, color_photo: str, tmp_path: Path) -> None:
    shown = show_pair(catalog, NAMES, box, "ada", color_photo, tmp_path)
    assert shown.sample == ""
    assert (shown.a.name, shown.b.name) == ("a.jpg", "b.jpg")
    assert {path.name for path in tmp_path.iterdir()} == {"a.jpg", "b.jpg"}
    assert shown.a.read_bytes() != shown.b.read_bytes()
    for path in (shown.a, shown.b):
        content = path.read_bytes().lower()
        assert not [word for word in (b"colorful", b"dense", b"colorizer", b"guess") if word in content]
        with Image.open(path) as image:
            assert (image.format, image.size) == ("JPEG", (80, 48))
            assert not image.getexif()


def test_sides_are_drawn_anew_for_each_pair(catalog: Catalog, box: BallotBox, gray_photo: str, tmp_path: Path) -> None:
    sides = set()
    for number in range(20):
        shown = show_pair(catalog, NAMES, box, f"visitor {number}", gray_photo, tmp_path)
        with box.take(shown.token, f"visitor {number}") as pair:
            pass
        sides.add((pair.model_a, pair.model_b))
        # A is what it was said to be.
        file = np.asarray(Image.open(shown.a)).astype(int)
        distance = {name: np.abs(file - catalog.pipeline(name)(gray_photo)).mean() for name in NAMES}
        assert distance[pair.model_a] < distance[pair.model_b]
    assert sides == {("tiny-colorful", "tiny-dense"), ("tiny-dense", "tiny-colorful")}


def test_all_pairs_come_and_none_again(
    checkpoints: list[str], box: BallotBox, color_photo: str, gray_photo: str, tmp_path: Path
) -> None:
    three = Catalog([*checkpoints, checkpoints[1]])
    names = three.names[-3:]
    seen = []
    for _ in range(3):
        shown = show_pair(three, names, box, "ada", color_photo, tmp_path)
        with box.take(shown.token, "ada") as pair:
            pass
        seen.append({pair.model_a, pair.model_b})
    assert sorted(map(sorted, seen)) == sorted(map(sorted, combinations(names, 2)))
    with pytest.raises(ColorizerError, match="another photo"):
        show_pair(three, names, box, "ada", color_photo, tmp_path)
    assert show_pair(three, names, box, "ada", gray_photo, tmp_path).token
    assert show_pair(three, names, box, "bob", color_photo, tmp_path).token


def test_without_a_photo_a_sample_is_taken(
    catalog: Catalog, box: BallotBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "MAX_PIXELS", 5000)
    samples = set()
    for _ in range(len(sample_paths())):
        shown = show_pair(catalog, NAMES, box, "ada", None, tmp_path)
        samples.add(shown.sample)
        with box.take(shown.token, "ada"):
            pass
        with Image.open(shown.a) as image:
            assert image.width * image.height <= 5000
    assert samples == set(sample_paths())


def test_color_profile_is_kept(catalog: Catalog, box: BallotBox, pixels: np.ndarray, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(pixels).save(tmp_path / "photo.png", icc_profile=profile)
    shown = show_pair(catalog, NAMES, box, "ada", str(tmp_path / "photo.png"), tmp_path)
    with Image.open(shown.a) as first, Image.open(shown.b) as second:
        assert first.info.get("icc_profile") == second.info.get("icc_profile") == profile


def test_an_approach_that_fails_is_left_out(
    checkpoints: list[str], box: BallotBox, color_photo: str, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(checkpoints[0], broken)
    (broken / "model.safetensors").write_bytes(b"nothing of the kind")
    catalog = Catalog([*checkpoints, str(broken)])
    for number in range(6):
        shown = show_pair(catalog, [*NAMES, "broken"], box, f"visitor {number}", color_photo, tmp_path)
        with box.take(shown.token, f"visitor {number}") as pair:
            pass
        assert {pair.model_a, pair.model_b} == set(NAMES)
    for names in (["tiny-dense", "broken"], ["tiny-dense"], []):
        with pytest.raises(ColorizerError, match="needs two approaches"):
            show_pair(catalog, names, box, "ada", color_photo, tmp_path)


def test_what_is_wrong_is_said_before_any_work(
    catalog: Catalog, box: BallotBox, broken_photo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PhotoError, match=r"broken\.jpg"):
        show_pair(catalog, NAMES, box, "ada", broken_photo, tmp_path)
    monkeypatch.setattr("colorizer.demo.vote.limits.MAX_VOTES", 0)
    with pytest.raises(ColorizerError, match="Come back later"):
        show_pair(catalog, NAMES, box, "ada", broken_photo, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("better", [A, B, TIE])
def test_a_vote_is_kept_revealed_and_ranked(
    catalog: Catalog, box: BallotBox, store: VoteStore, gray_photo: str, tmp_path: Path, better: str
) -> None:
    shown = show_pair(catalog, NAMES, box, "ada", gray_photo, tmp_path)
    kept = vote(store, box, "ada", shown.token, better)
    assert VoteStore(store.path).votes_since()[0] == [kept]
    assert {kept.model_a, kept.model_b} == set(NAMES)
    text = revealed(catalog, kept)
    order = [kept.model_a, kept.model_b] if better != B else [kept.model_b, kept.model_a]
    labels = {name: catalog.entry(name).plain_label for name in NAMES}
    first, second = (labels[name] for name in order)
    assert text.index(f"**{first}**") < text.index(f"**{second}**")
    assert ("Tie" in text) == (better == TIE)
    assert "Colorful Image Colorization, 2016" in text
    page = ranking_page(labels, store)
    if better == TIE:
        assert page.count("50% (") == 2
    else:
        assert page.index(f">{first}<") < page.index(f">{second}<")
    assert page.count("<td>1</td></tr>") == 2
    assert "1 vote." in page
    with pytest.raises(ColorizerError, match="already voted"):
        vote(store, box, "ada", shown.token, better)
    with pytest.raises(ColorizerError, match="already voted"):
        vote(store, box, "ada", None, better)


def test_a_vote_on_a_locked_file_is_asked_for_again_not_lost(
    catalog: Catalog, box: BallotBox, store: VoteStore, gray_photo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colorizer.demo.vote.store.PATIENCE", 0.01)
    shown = show_pair(catalog, NAMES, box, "ada", gray_photo, tmp_path)
    store.add([Vote.now("oak", "elm", A)])
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for better in (A, B):
            with pytest.raises(ColorizerError, match=r"votes\.sqlite3: database is locked"):
                vote(store, box, "ada", shown.token, better)
    with pytest.raises(ColorizerError, match="a, b, tie"):
        vote(store, box, "ada", shown.token, "both")
    assert vote(store, box, "ada", shown.token, B) == store.votes_since(1)[0][0]


def test_ranking_page_escapes_names_and_says_what_is_not_ranked(store: VoteStore) -> None:
    store.add([Vote.now("<b>oak", "elm", A), Vote.now("elm", "yew", A)])
    page = ranking_page({"<b>oak": "<b>oak", "elm": "elm"}, store)
    assert "&lt;b&gt;oak" in page
    assert "<b>oak" not in page
    assert "1 vote." in page
    assert "1 more on approaches" in page


def test_nothing_of_the_visitor_is_kept(
    catalog: Catalog, box: BallotBox, store: VoteStore, color_photo: str, tmp_path: Path
) -> None:
    visitor = box.visitor("8.8.8.8")
    vote(store, box, visitor, show_pair(catalog, NAMES, box, visitor, color_photo, tmp_path).token, A)
    columns = [row[1] for row in sqlite3.connect(store.path).execute("PRAGMA table_info(votes)")]
    assert columns == ["id", "time", "model_a", "model_b", "better"]
    content = b"".join(path.read_bytes() for path in tmp_path.glob("votes.sqlite3*"))
    assert not [secret for secret in (b"8.8.8.8", visitor.encode(), b"harbor") if secret in content]


def test_a_file_that_cannot_be_used_takes_the_rankings_place(tmp_path: Path) -> None:
    (tmp_path / "votes.sqlite3").write_text("no database, by no means " * 50)
    page = ranking_page(dict.fromkeys(NAMES, "Oak"), VoteStore(tmp_path / "votes.sqlite3"))
    assert "votes.sqlite3" in page.replace("&#x27;", "'")
    assert "<table" not in page
