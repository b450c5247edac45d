from dataclasses import replace

import pytest

from colorizer.demo.photo import history as hinting_module
from colorizer.demo.photo.history import MAX_HINTS, Hinting
from colorizer.errors import ColorizerError
from colorizer.pipelines.hints import Hint

BLUE, RED = (51, 102, 204), (200, 40, 30)


@pytest.fixture
def start() -> Hinting:
    return Hinting("photo.png", (100, 60))


def test_hints_are_added_undone_done_again_and_cleared(start: Hinting):
    one = start.choose(10, 20).color(BLUE)
    two = one.choose(80, 40).color(RED)
    assert two.hints == (Hint(10, 20, BLUE), Hint(80, 40, RED))
    assert (start.can_undo, two.can_undo, two.can_redo) == (False, True, False)
    assert two.undo().hints == one.hints
    assert two.undo().redo().hints == two.hints
    assert two.clear().hints == ()
    assert two.clear().undo().hints == two.hints
    # What comes after an undo takes the place of what was undone.
    other = two.undo().choose(50, 50).color(BLUE)
    assert not other.can_redo
    assert other.hints == (*one.hints, Hint(50, 50, BLUE))


def test_nothing_to_undo_do_again_or_clear_changes_nothing(start: Hinting):
    assert start.undo() == start.redo() == start.clear() == start


def test_another_color_for_the_same_place_replaces_the_first(start: Hinting):
    hinting = start.choose(10, 20).color(BLUE).color(RED)
    assert hinting.hints == (Hint(10, 20, RED),)
    assert hinting.undo().hints == (Hint(10, 20, BLUE),)


def test_a_click_on_a_dot_means_its_hint(start: Hinting):
    hinting = start.choose(10, 20).color(BLUE).choose(80, 40).color(RED)
    near = hinting.choose(11.5, 21)
    assert near.chosen == Hint(10, 20, BLUE)
    assert near.color(RED).hints == (Hint(80, 40, RED), Hint(10, 20, RED))
    assert near.remove().hints == (Hint(80, 40, RED),)
    assert hinting.choose(13, 20).chosen is None


def test_what_can_not_be_done_is_said(start: Hinting):
    with pytest.raises(ColorizerError, match="Choose a photo first"):
        Hinting().choose(0, 0)
    with pytest.raises(ColorizerError, match="Click on the photo first"):
        start.color(BLUE)
    with pytest.raises(ColorizerError, match="Click on a dot first"):
        start.choose(1, 1).remove()
    for x, y in ((100, 0), (-1, 0), (float("nan"), 0), ("1", 0)):
        with pytest.raises(ColorizerError, match="x must be a number from 0 to 99"):
            start.choose(x, y)
    with pytest.raises(ColorizerError, match=r"blue of hints\[0\]"):
        start.choose(0, 0).color((0, 0, 256))


def test_hints_and_history_are_bounded(start: Hinting, monkeypatch: pytest.MonkeyPatch):
    hints = [(index, 0, BLUE) for index in range(MAX_HINTS)]
    full = start.with_hints(hints)
    with pytest.raises(ColorizerError, match=f"{MAX_HINTS} hints per photo"):
        full.choose(50, 50).color(RED)
    assert len(full.choose(0, 0).color(RED).hints) == MAX_HINTS
    with pytest.raises(ColorizerError, match=f"There are {MAX_HINTS + 1} hints"):
        start.with_hints([*hints, (1, 1, RED)])
    with pytest.raises(ColorizerError, match="hints must be a list"):
        start.with_hints({"x": 1})
    monkeypatch.setattr(hinting_module, "MAX_STEPS", 3)
    hinting = start.choose(10, 20)
    for level in range(5):
        hinting = hinting.color((level, 0, 0))
    assert len(hinting.steps) == 3
    assert hinting.undo().undo().undo().hints == (Hint(10, 20, (2, 0, 0)),)
    assert replace(hinting, position=0).redo().hints == (Hint(10, 20, (3, 0, 0)),)


def test_a_hint_is_moved_and_back() -> None:
    hinting = Hinting("photo.jpg", (200, 100)).choose(10, 20).color((1, 2, 3))
    moved = hinting.choose(10, 20).move(150, 90)
    assert [(hint.x, hint.y, hint.rgb) for hint in moved.hints] == [(150, 90, (1, 2, 3))]
    assert moved.chosen is moved.hints[0]
    assert moved.undo().hints == hinting.hints
    with pytest.raises(ColorizerError, match="x must be a number"):
        moved.move(200, 0)
    # Where there is no hint yet, the place itself moves.
    assert moved.choose(0, 0).move(5, 6).place == (5, 6)
