"""A visitor's session, without a browser."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.canvas import Studio
from colorizer.demo.photo.comparison import Settings
from colorizer.demo.photo.session import Session, thumbnail
from colorizer.demo.photo.texts import about, snippet
from colorizer.demo.photo.viewer import viewer_value
from colorizer.errors import ColorizerError, PhotoError
from colorizer.pipelines.hints import Hint
from colorizer.viewer.examples import EXAMPLES, FOLDER

NAMES = ["tiny-dense", "tiny-colorful"]
RED = (200, 40, 30)


@pytest.fixture(scope="module")
def studio(checkpoints: list[str]) -> Studio:
    return Studio(Catalog(checkpoints))


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    def make() -> Iterator[Path]:
        for number in range(100):
            folder = tmp_path / f"run-{number}"
            folder.mkdir()
            yield folder

    return make()


def color(session: Session, studio: Studio, folders: Iterator[Path], source: str, **kept: object) -> None:
    session.arrive(source, kept)
    for _ in session.color(studio, NAMES, Settings(), next(folders)):
        pass


@pytest.fixture
def session(studio: Studio, folders: Iterator[Path], color_photo: str) -> Session:
    session = Session()
    color(session, studio, folders, color_photo)
    session.see(None)
    return session


def picture(session: Session, label: str) -> np.ndarray:
    return np.asarray(Image.open(session.painted[label].result.preview).convert("RGB")).astype(int)


def act(session: Session, what: str, **given: object) -> None:
    session.hint(what, None, given)


def test_only_what_is_seen_is_painted_and_scored_again(session: Session) -> None:
    before = {label: picture(session, label) for label in NAMES}
    scores = {label: session.painted[label].result.scores for label in NAMES}
    session.adjust(0.0, 0, 1, 0.08, {})
    assert np.ptp(picture(session, NAMES[0]), axis=2).max() <= 4
    assert np.array_equal(picture(session, NAMES[1]), before[NAMES[1]])
    session.score()
    assert session.painted[NAMES[0]].result.scores["colorfulness"] < 1 < scores[NAMES[0]]["colorfulness"]
    session.see(NAMES[1])
    assert np.ptp(picture(session, NAMES[1]), axis=2).max() <= 4
    assert session.painted[NAMES[1]].result.scores == scores[NAMES[1]]  # until it is scored, too
    assert {result.label: result.scores["colorfulness"] < 1 for result in session.scored().results} == dict.fromkeys(
        NAMES, True
    )
    session.adjust(1, 0, 1, 0.08, {})
    assert np.array_equal(picture(session, NAMES[1]), before[NAMES[1]])


def test_a_slider_leaves_no_more_than_two_pictures_behind(session: Session) -> None:
    for number in range(8):
        session.adjust(number / 10, 0, 1, 0.08, {})
    previews = list(session.results.folder.glob("preview-tiny-dense-*[0-9].jpg"))
    assert len(previews) <= 3
    assert session.painted["tiny-dense"].result.preview in previews


def test_values_out_of_range_change_nothing(session: Session) -> None:
    before = session.settings
    for values, name in (((99, 0, 1, 0.08), "saturation"), ((1, "hot", 1, 0.08), "warmth"), ((1, 0, 1, 9), "reach")):
        with pytest.raises(ColorizerError, match=name):
            session.adjust(*values, {})
        session.see(None)
    assert session.settings == before


def test_a_photo_that_arrives_ends_the_run_of_the_earlier_one(
    studio: Studio, folders: Iterator[Path], color_photo: str, gray_photo: str
) -> None:
    session = Session()
    session.arrive(color_photo)
    first = session.color(studio, NAMES, Settings(), next(folders))
    next(first)
    session.arrive(gray_photo)
    assert list(first) == []
    color(session, studio, folders, gray_photo)
    assert session.results.source == gray_photo
    assert session.results.truth is None
    assert session.results.is_done
    assert list(session.painted) == NAMES
    # The second of two runs for one photo does nothing.
    assert list(session.color(studio, NAMES, Settings(), next(folders))) == []


def test_an_unreadable_photo_leaves_the_earlier_one(
    session: Session, studio: Studio, folders: Iterator[Path], broken_photo: str, color_photo: str
) -> None:
    with pytest.raises(PhotoError, match=r"broken\.jpg"):
        color(session, studio, folders, broken_photo)
    assert session.results.source == color_photo
    session.see("tiny-colorful")
    assert session.results.folder.exists()


def test_files_of_the_earlier_photo_go_and_adjustments_are_those_of_the_new_run(
    session: Session, studio: Studio, folders: Iterator[Path], gray_photo: str
) -> None:
    earlier = session.results.folder
    act(session, "point", x=0.5, y=0.5)
    act(session, "paint", color="#c8281e")
    color(session, studio, folders, gray_photo)
    assert not earlier.exists()
    assert session.hinting.hints == ()
    assert session.number == 2
    session.forget()
    assert not session.results.folder.exists()


def test_colors_are_fixed_moved_removed_and_brought_back(session: Session) -> None:
    before = picture(session, "tiny-dense")
    act(session, "point", x=0.25, y=0.5)
    assert session.hinting.hints == ()
    assert len(session.suggestions) == 8
    act(session, "paint", color="#c8281e")
    assert [hint.rgb for hint in session.hinting.hints] == [RED]
    changed = np.abs(picture(session, "tiny-dense") - before).max(2)
    assert changed[20:28, 16:24].mean() > 10
    value = viewer_value(session, [])
    assert [(dot["x"], dot["color"], dot["isChosen"]) for dot in value["dots"]] == [
        (pytest.approx(0.25), "#c8281e", True)
    ]
    assert value["keep"]["hints"] == [[pytest.approx(0.25 * 79), pytest.approx(0.5 * 47), [200, 40, 30]]]
    act(session, "move", **{"from": [0.25, 0.5], "x": 0.9, "y": 0.5})
    assert [hint.x for hint in session.hinting.hints] == [pytest.approx(0.9 * 79)]
    # The others keep the hints.
    other = picture(session, "tiny-colorful")
    session.see("tiny-colorful")
    assert np.abs(picture(session, "tiny-colorful") - other).max() > 20
    for what, count in (("undo", 1), ("redo", 1), ("remove", 0), ("undo", 1), ("clear", 0)):
        act(session, what, **({"from": [0.9, 0.5]} if what == "remove" else {}))
        assert len(session.hinting.hints) == count, what
    session.see("tiny-dense")
    assert np.array_equal(picture(session, "tiny-dense"), before)


@pytest.mark.parametrize(
    ("what", "given"),
    [
        ("point", {"x": "a", "y": 0}),
        ("point", {"x": float("nan"), "y": 0}),
        ("point", {"x": 1.5, "y": 0}),
        ("point", {}),
        ("paint", {"color": "<script>"}),
        ("move", {"from": ["x", 0], "x": 0, "y": 0}),
        ("remove", {"from": [0, 0]}),
        ("__class__", {}),
        ("hints", {}),
    ],
)
def test_what_a_page_makes_up_is_refused(session: Session, what: str, given: dict[str, object]) -> None:
    with pytest.raises(ColorizerError):
        act(session, what, **given)
    assert session.hinting.hints == ()
    with pytest.raises(ColorizerError, match="There is no result"):
        session.see("../../etc/passwd")


def test_an_earlier_session_is_taken_up(
    session: Session, studio: Studio, folders: Iterator[Path], color_photo: str
) -> None:
    act(session, "point", x=0.25, y=0.5)
    act(session, "paint", color="#c8281e")
    session.see("tiny-colorful")
    kept = viewer_value(session, [1, 2])["keep"]
    later = Session()
    color(later, studio, folders, color_photo, **kept)
    later.see(None)
    assert later.chosen == "tiny-colorful"
    assert later.hinting.hints == (Hint(pytest.approx(0.25 * 79), pytest.approx(0.5 * 47), RED),)
    assert np.array_equal(picture(later, "tiny-colorful"), picture(session, "tiny-colorful"))
    made_up = Session()
    color(made_up, studio, folders, color_photo, hints="blue", chosen={"a": 1})
    assert made_up.hinting.hints == ()
    assert made_up.chosen == "tiny-dense"


def test_the_value_holds_texts_and_addresses_of_the_visitors_own_files(session: Session) -> None:
    value = viewer_value(session, [])
    assert [item["id"] for item in value["items"]] == NAMES
    assert value["size"] == [80, 48]
    for src in (value["gray"], value["truth"], *(item["src"] for item in value["items"])):
        assert src.startswith(f"gradio_api/file={session.results.folder.as_posix()}/")
    assert all(item["thumb"].endswith("-small.jpg") for item in value["items"])
    assert all(item["note"].startswith("ΔE ") for item in value["items"])
    assert thumbnail(session.results.gray).stat().st_size < 8000


def test_a_failing_approach_is_shown_as_such(
    checkpoints: list[str], damaged_checkpoint: str, folders: Iterator[Path], gray_photo: str
) -> None:
    studio, session = Studio(Catalog([*checkpoints, damaged_checkpoint])), Session()
    session.arrive(gray_photo)
    for _ in session.color(studio, ["damaged", "tiny-dense"], Settings(), next(folders)):
        pass
    session.see(None)
    failed, done = viewer_value(session, [])["items"]
    assert "model.safetensors" in failed["problem"]
    assert "src" in done
    assert session.chosen == "tiny-dense"


def test_the_program_does_what_the_page_shows(
    session: Session, studio: Studio, color_photo: str, tmp_path: Path
) -> None:
    hints = (Hint(20.2, 24.7, RED),)
    for settings in (Settings(saturation=1.5), Settings(warmth=20, strength=0.8, options={"temperature": 0.5})):
        code = snippet("tiny-colorful", color_photo, settings, hints)
        assert "'tiny-colorful'" in code
        assert "hints=[(20, 25, (200, 40, 30))]" in code
        target = tmp_path / "colored.png"
        folder = studio.catalog.entry("tiny-colorful").source
        exec(code.replace("'tiny-colorful'", repr(folder)).replace('"colored.png"', repr(str(target))), {})
        assert Image.open(target).size == (80, 48)
    assert snippet("default") == (
        "from colorizer import pipeline\n\ncolorize = pipeline('default')\ncolorize('photo.jpg').save(\"colored.png\")\n"
    )


def test_an_approach_is_told_in_plain_words(session: Session) -> None:
    entry = session.results.catalog.entry("tiny-dense")
    text = about(entry, session.results.results[0], session.results)
    for words in ("### First try (tiny-dense)", entry.plain_text, "`tiny-dense`", "PSNR", "cs.toronto.edu"):
        assert words in text


def test_examples_are_small_and_free() -> None:
    assert len(EXAMPLES) == 6
    for example in EXAMPLES:
        assert (FOLDER / f"{example.name}-small.webp").stat().st_size <= 25_000
        with Image.open(FOLDER / f"{example.name}.webp") as photo:
            assert (np.ptp(np.asarray(photo.convert("RGB")).astype(int), axis=2).max() > 20) == example.has_truth
        assert "public domain" in example.credit
    assert sum(example.has_truth for example in EXAMPLES) >= 3
    for name in Catalog().names:
        assert (FOLDER / f"{EXAMPLES[0].name}-{name}.webp").is_file()
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 500_000
