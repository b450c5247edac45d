import numpy as np
import pytest
from PIL import Image

from colorizer.errors import ColorizerError
from colorizer.evaluation.contact_sheets import BACKGROUND, contact_sheet

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)


def plain(color: tuple[int, int, int], height: int = 60, width: int = 60) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def box(sheet: Image.Image, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (exclusive) of the pixels of a color."""
    rows, columns = np.nonzero((np.asarray(sheet) == color).all(-1))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_cells_have_one_height_and_stand_side_by_side_under_their_labels():
    sheet = contact_sheet(
        [("first", [plain(RED), plain(GREEN, 30, 45), plain(BLUE, 400, 300)])],
        columns=["gray", "colorful", "truth"],
        height=120,
    )
    red, green, blue = (box(sheet, color) for color in (RED, GREEN, BLUE))
    assert [b[3] - b[1] for b in (red, green, blue)] == [120, 120, 120]
    assert [b[2] - b[0] for b in (red, green, blue)] == [120, 180, 90]
    assert red[1] == green[1] == blue[1]
    assert red[2] < green[0] < green[2] < blue[0]
    above = np.asarray(sheet.crop((0, 0, sheet.width, red[1])))
    for left, _, right, _ in (red, green, blue):
        assert (above[:, left:right] < 128).any(), "no label stands over the column"


def test_rows_stand_under_each_other_with_aligned_columns():
    rows = [("wide", [plain(BLUE, 30, 60), plain(RED, 30, 60)]), ("high", [plain(BLUE, 60, 30), plain(GREEN, 60, 30)])]
    sheet = contact_sheet(rows, height=60)
    assert box(sheet, RED)[0] == box(sheet, GREEN)[0]
    assert box(sheet, RED)[3] < box(sheet, GREEN)[1]


def test_columns_that_do_not_fit_go_on_a_further_line():
    photos = [plain(RED), plain(GREEN), plain(BLUE)]
    sheet = contact_sheet([("row", photos)], columns=["a", "b", "c"], height=100, max_width=260)
    assert sheet.width <= 260
    red, green, blue = (box(sheet, color) for color in (RED, GREEN, BLUE))
    assert red[1] == green[1]
    assert blue[1] > red[3]
    assert blue[0] == red[0]


def test_a_row_that_ends_early_leaves_no_gap_where_columns_are_wrapped():
    rows = [("short", [plain(RED), plain(RED), None]), ("long", [plain(GREEN), plain(GREEN), plain(BLUE)])]
    sheet = contact_sheet(rows, height=60, max_width=180)
    # The third place of the first row would be a line of its own.
    assert box(sheet, GREEN)[1] - box(sheet, RED)[3] < 60
    assert box(sheet, BLUE)[1] > box(sheet, GREEN)[3]


def test_captions_are_broken_at_the_width_of_their_photo():
    photos = [plain(RED), plain(GREEN)]
    bare = contact_sheet([("", photos)], height=100)
    short = contact_sheet([("", photos)], captions=[["PSNR 20", ""]], height=100)
    long = contact_sheet(
        [("", photos)], captions=[["a caption of many words and averyveryverylongoneatthat", ""]], height=100
    )
    assert bare.height < short.height < long.height
    assert bare.width == short.width == long.width
    under_green = np.asarray(long.crop((box(long, GREEN)[0], box(long, GREEN)[3], long.width, long.height)))
    assert (under_green == BACKGROUND).all()


def test_extreme_shapes_are_fitted_in_and_places_may_stay_empty():
    sheet = contact_sheet([("", [plain(RED, 1, 10000), None, plain(GREEN, 10000, 1), plain(BLUE, 1, 1)])], height=50)
    red, green, blue = (box(sheet, color) for color in (RED, GREEN, BLUE))
    assert (red[2] - red[0], red[3] - red[1]) == (100, 1)
    assert (green[2] - green[0], green[3] - green[1]) == (1, 50)
    assert (blue[2] - blue[0], blue[3] - blue[1]) == (50, 50)


def test_letters_beyond_ascii_are_drawn():
    def drawn(text: str) -> bytes:
        return contact_sheet([("", [plain(RED, 80, 80)])], captions=[[text]], height=80).tobytes()

    boxes = {drawn("\ue000"), drawn("\ue001")}
    assert len(boxes) == 1, "letters that the font lacks should look alike"
    for letter in "Δéüж²→–":
        assert drawn(letter) not in boxes, letter


@pytest.mark.parametrize(
    ("rows", "arguments", "message"),
    [
        ([], {}, "at least one photo"),
        ([("empty", [None])], {}, "at least one photo"),
        ([("gray", [np.zeros((8, 8), np.uint8)])], {}, "uint8"),
        ([("float", [np.zeros((8, 8, 3))])], {}, "float64"),
        ([("", [plain(RED)])], {"columns": ["a", "b"]}, "1 columns.*2 labels"),
        ([("", [plain(RED)])], {"captions": [["a", "b"]]}, "captions"),
    ],
)
def test_bad_arguments_are_refused(rows: list, arguments: dict, message: str):
    with pytest.raises(ColorizerError, match=message):
        contact_sheet(rows, **arguments)
