import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from colorizer import ColorizerError, create_model, pipeline
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.files.reading import read_photo
from colorizer.photos.lightness import compute_lightness
from colorizer.pipelines.hints import Hint, checked_hints, draw_hints
from tests.pipelines.test_prediction import lively

BLUE = (51, 102, 204)


@pytest.fixture
def photo() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(60, 200, (40, 60), dtype=np.uint8))


@pytest.fixture(scope="module")
def hinted():
    return pipeline(lively("pix2pix", num_levels=4, resolution=48, hints=True), device="cpu")


@pytest.fixture
def received(hinted, monkeypatch) -> list:
    """Record the hints that the network gets for each batch."""
    batches, forward = [], hinted.model.forward

    def listen(lightness, *, hints=None, **options):
        batches.append(hints)
        return forward(lightness, hints=hints, **options)

    monkeypatch.setattr(hinted.model, "forward", listen)
    return batches


def ab(rgb: tuple) -> torch.Tensor:
    return rgb_to_lab(torch.tensor(rgb).view(3, 1, 1) / 255)[1:].flatten()


def test_a_hint_is_a_small_square_of_its_color_at_its_place():
    drawn = draw_hints(checked_hints([(120, 45, BLUE)]), (640, 480), (96, 128))
    assert drawn.shape == (3, 96, 128)
    rows, columns = drawn[2].nonzero().T
    # 120.5 of 640 is column 24.1 of 128, 45.5 of 480 row 9.1 of 96; about a fiftieth of 111 pixels a side.
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 10, 23, 25)
    assert drawn[2].sum() == 9
    assert torch.allclose(drawn[:2, 9, 24], ab(BLUE))
    assert (drawn[:2] * (1 - drawn[2])).abs().max() == 0


@pytest.mark.parametrize(("x", "y", "row", "column"), [(0, 0, 0, 0), (639, 479, 95, 127), (639.9, 0.2, 0, 127)])
def test_a_hint_in_a_corner_stays_in_the_photo(x, y, row, column):
    drawn = draw_hints(checked_hints([(x, y, BLUE)]), (640, 480), (96, 128))
    assert drawn[2, row, column] == 1
    assert drawn[2].sum() == 4


def test_a_small_photo_is_smaller_than_the_working_size():
    drawn = draw_hints(checked_hints([(1, 0, BLUE)]), (2, 1), (64, 128))
    rows, columns = drawn[2].nonzero().T.float().mean(1)
    assert (rows, columns) == (32, 96)


def test_the_later_of_two_hints_counts():
    red = (200, 40, 40)
    drawn = draw_hints(checked_hints([(10, 10, BLUE), (11, 10, red)]), (100, 100), (100, 100))
    assert torch.allclose(drawn[:2, 10, 11], ab(red))
    assert torch.allclose(drawn[:2, 10, 9], ab(BLUE))


def test_gray_is_a_color_too():
    drawn = draw_hints(checked_hints([(10, 10, (90, 90, 90))]), (20, 20), (32, 32))
    assert drawn[:2].abs().max() < 1e-4
    assert drawn[2].sum() > 0


@pytest.mark.parametrize(
    ("hints", "message"),
    [
        ("120,45", "hints must be a list"),
        (5, "hints must be a list"),
        ([(1, 2)], r"hints\[0\] is not a hint such as \(120, 45"),
        ([(1, 2, BLUE), 7], r"hints\[1\] is not a hint"),
        ([(1, 2, "#336")], r"hints\[0\] has no color"),
        ([(1, 2, (1, 2))], r"hints\[0\] has no color"),
        ([(1, 2, (1, 2, 256))], r"blue of hints\[0\] must be a number from 0 to 255, got 256"),
        ([(1, 2, (1, None, 3))], r"green of hints\[0\]"),
        ([(1, 2, (float("nan"), 2, 3))], r"red of hints\[0\].*got nan"),
        ([(float("inf"), 2, BLUE)], r"x of hints\[0\].*got inf"),
        ([(1, -2, BLUE)], r"y of hints\[0\].*got -2"),
        ([(True, 2, BLUE)], r"x of hints\[0\]"),
        ([(60, 2, BLUE)], r"hints\[0\] at 60, 2 lies outside the photo, which has 60×40 pixels: x goes from 0 to 59"),
        ([(1, 1, BLUE), (2, 40, BLUE)], r"hints\[1\] at 2, 40 lies outside"),
        (1001 * [(1, 2, BLUE)], "hints has 1001 hints, more than the 1000 allowed"),
        ([[(1, 2, BLUE)], []], "hints must be a list|hints.0. is not a hint"),
    ],
)
def test_what_is_no_hint_is_named(hinted, photo, hints, message):
    with pytest.raises(ColorizerError, match=message):
        hinted(photo, hints=hints)


def test_hints_reach_the_network_and_change_the_photo(hinted, photo, received):
    plain, told = hinted(photo), hinted(photo, hints=[(10, 10, BLUE)])
    assert received[0] is None
    lightness = compute_lightness(read_photo(photo), received[1].shape[-2:])
    assert received[1].shape == (1, 3, *lightness.shape[-2:])
    assert torch.equal(received[1][0], draw_hints([Hint(10, 10, BLUE)], photo.size, lightness.shape[-2:]))
    assert not np.array_equal(np.asarray(plain), np.asarray(told))
    assert np.array_equal(np.asarray(plain), np.asarray(hinted(photo, hints=[])))


def test_hints_are_places_of_the_upright_photo(hinted, photo, received, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the right when shown
    photo.save(tmp_path / "turned.jpg", exif=exif)
    hinted(tmp_path / "turned.jpg", hints=[(39, 59, BLUE)])
    assert received[0].shape[-2] > received[0].shape[-1]
    assert received[0][0, 2, -1, -1] == 1
    with pytest.raises(ColorizerError, match=r"turned.jpg, which has 40×60 pixels"):
        hinted(tmp_path / "turned.jpg", hints=[(59, 39, BLUE)])


def test_a_list_of_photos_shares_hints_or_has_them_one_by_one(hinted, photo, received):
    photos = [photo, photo, photo]
    hinted(photos, hints=[(10, 10, BLUE)], batch_size=3)
    assert (received.pop()[:, 2].sum((1, 2)) > 0).tolist() == [True, True, True]
    apart = hinted(photos, hints=[[(10, 10, BLUE)], [], [(50, 30, BLUE)]], batch_size=3)
    told = next(hints for hints in received if hints is not None)
    assert len(told) == 2
    assert [bool(hints[2, :20].any()) for hints in told] == [True, False]
    assert np.array_equal(np.asarray(apart[1]), np.asarray(hinted(photo)))
    with pytest.raises(ColorizerError, match="2 lists for 3 photos"):
        hinted(photos, hints=[[(10, 10, BLUE)], []])
    with pytest.raises(ColorizerError, match=r"hints\[1\]\[0\] has no color"):
        hinted(photos, hints=[[], [(1, 2, 3)], []])
    with pytest.raises(ColorizerError, match=r"hints\[2\].*|hints\[0\] at 99"):
        hinted(photos, hints=[[], [], [(99, 1, BLUE)]])


def test_networks_that_take_no_hints_say_which_do_where_they_are_left_alone_with_them(photo):
    dense = pipeline(create_model("dense", width=1 / 64), device="cpu")
    for hints in ([(1, 1, BLUE)], [[(1, 1, BLUE)]]):
        with pytest.raises(
            ColorizerError, match=r"dense takes no color hints\. Checkpoints of colorful, lite_unet, pix2pix"
        ):
            dense([photo], hints=hints, hint_reach=0)
    colorful = pipeline(create_model("colorful", width=1 / 16), device="cpu", hint_reach=0)
    with pytest.raises(ColorizerError, match="This checkpoint of colorful takes no color hints"):
        colorful(photo, hints=[(1, 1, BLUE)])
    assert dense(photo, hints=[]).size == photo.size


@pytest.mark.parametrize("reach", [-1, 0.001, 2, "far"])
def test_a_hints_reach_is_none_or_within_bounds(hinted, photo, reach):
    with pytest.raises(ColorizerError, match=r"hint_reach, if not 0, must be a number from 0\.01 to 1"):
        hinted(photo, hints=[(1, 1, BLUE)], hint_reach=reach)


@pytest.mark.parametrize("approach", ["dense", "pix2pix"])
def test_what_a_color_lacks_is_spread_around_its_place_whatever_the_network(approach):
    colorize = pipeline(
        lively("pix2pix", num_levels=4, resolution=48, hints=True) if approach == "pix2pix" else lively("dense"),
        device="cpu",
    )
    photo = Image.fromarray(np.full((120, 180), 128, np.uint8))
    plain = colorize(photo, return_dict=True)
    near, far = (
        colorize(photo, hints=[(40, 60, BLUE)], hint_reach=reach, return_dict=True) for reach in (1 / 20, 1 / 5)
    )
    blue = ab(BLUE)
    for told in (near, far):
        height, width = told.ab.shape[1:]
        given = told.ab[:, int(60.5 / 120 * height), int(40.5 / 180 * width)]
        torch.testing.assert_close(given, blue, atol=0.5, rtol=0.02)
        assert told.image.getpixel((40, 60))[2] > told.image.getpixel((40, 60))[0] + 30
    if approach == "dense":
        base = F.interpolate(plain.ab[None], far.ab.shape[1:], mode="bilinear")[0]
        moved = [((told.ab - base).norm(dim=0) > 5).float().mean() for told in (near, far)]
        assert 0 < moved[0] < moved[1]
    both = colorize([photo, photo], hints=[[(40, 60, BLUE)], []])
    assert np.array_equal(np.asarray(both[1]), np.asarray(plain.image))
    assert np.array_equal(np.asarray(both[0]), np.asarray(colorize(photo, hints=[(40, 60, BLUE)])))


def test_hints_and_answers_go_together(photo):
    colorize = pipeline(lively("colorful", resolution=48, hints=True), device="cpu")
    plain, told = (colorize(photo, num_images=2, hints=hints) for hints in (None, [(30, 20, BLUE)]))
    assert not np.array_equal(np.asarray(plain[0]), np.asarray(told[0]))
    assert not np.array_equal(np.asarray(told[0]), np.asarray(told[1]))
