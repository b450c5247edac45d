"""Temporal smoothing: less flicker, nothing from before a cut, no trail behind what moves."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from colorizer.photos.lightness import compute_lightness
from colorizer.video import smoothing
from colorizer.video.motion import compare, find_motion, shift
from colorizer.video.smoothing import Smoother

STEP = 1 / 24
SIDE = 48
PHOTOS = {"coffee": data.coffee(), "cat": data.chelsea(), "astronaut": data.astronaut(), "rocket": data.rocket()}


def view(name: str, left: int = 0, side: int = 240) -> Tensor:
    """A square of a photo, as a network gets it."""
    return compute_lightness(np.ascontiguousarray(PHOTOS[name][20 : 20 + side, left : left + side]), (SIDE, SIDE))


def smooth(lightness: list[Tensor], ab: list[Tensor], seconds: float = 0.5) -> tuple[list[Tensor], Smoother]:
    """Color frames with a network that would predict `ab`, if it is used."""
    smoother, steady = Smoother(seconds), []
    for k, (plane, colors) in enumerate(zip(lightness, ab, strict=True)):
        motion = smoother.track(plane, k * STEP)
        steady.append(smoother(motion, colors if motion.is_due else None))
    return steady, smoother


def due(lightness: list[Tensor], seconds: float = 0.5, step: float = STEP) -> list[int]:
    """Return the numbers of the frames that the network colors."""
    smoother = Smoother(seconds)
    return [k for k, plane in enumerate(lightness) if smoother.track(plane, k * step).is_due]


def flicker(ab: list[Tensor]) -> float:
    return float(np.mean([(after - before).abs().mean() for before, after in pairwise(ab)]))


def random_ab(num_frames: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return list(20 * torch.randn(num_frames, 2, SIDE, SIDE, generator=generator))


@pytest.fixture
def every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the network color every frame."""
    monkeypatch.setattr(smoothing, "INTERVAL", 0.0)


@pytest.mark.usefixtures("every_frame")
def test_where_nothing_moves_the_color_is_the_mean_of_the_frames_so_far():
    ab = random_ab(6)
    steady, _ = smooth([view("coffee")] * 6, ab, seconds=10)
    for number in range(6):
        torch.testing.assert_close(steady[number], torch.stack(ab[: number + 1]).mean(0))


@pytest.mark.usefixtures("every_frame")
@pytest.mark.parametrize("rate", [8, 24])
def test_a_color_changes_at_the_same_pace_at_any_frame_rate(rate: int):
    smoother, plane = Smoother(0.5), view("cat")[:, :32, :32]
    for k in range(5 * rate // 2):
        steady = smoother(smoother.track(plane, k / rate), torch.full((2, 32, 32), 10.0 * (k >= 2 * rate)))
    torch.testing.assert_close(steady, torch.full((2, 32, 32), 10 * (1 - math.exp(-1))), atol=0.2, rtol=0)


@pytest.mark.parametrize("noise", [0.0, 3.0, 8.0])
def test_colors_flicker_far_less_on_a_grainy_still(noise: float):
    generator = torch.Generator().manual_seed(1)
    lightness = [
        (view("astronaut") + noise * torch.randn(1, SIDE, SIDE, generator=generator)).clamp(0, 100) for _ in range(14)
    ]
    ab = random_ab(14)
    steady, smoother = smooth(lightness, ab)
    assert smoother.num_scenes == 1
    assert flicker(steady[4:]) < 0.3 * flicker(ab[4:])


def test_without_smoothing_colors_stay_as_they_are_and_scenes_are_told_all_the_same():
    ab = random_ab(4)
    steady, smoother = smooth([view("coffee"), view("coffee"), view("cat"), view("cat")], ab, seconds=0)
    assert all(torch.equal(same, own) for same, own in zip(steady, ab, strict=True))
    assert smoother.num_scenes == 2


@pytest.mark.parametrize(("rate", "expected"), [(8, 1), (16, 2), (24, 3), (25, 3), (30, 4), (60, 7)])
def test_the_network_colors_some_frames_at_about_the_same_pace_at_any_frame_rate(rate: int, expected: int):
    numbers = due([view("coffee")] * 30, step=1 / rate)
    assert numbers == list(range(0, 30, expected))


def test_the_network_colors_every_frame_that_starts_a_scene_or_shows_much_that_is_new():
    assert due([view("coffee")] * 4 + [view("cat")] * 4) == [0, 3, 4, 7]
    assert due([view("coffee")] * 5, seconds=0) == [0, 1, 2, 3, 4]
    assert due([view("coffee")] * 8, seconds=0.25) == [0, 2, 4, 6]
    new = [view("coffee"), view("coffee").clone(), view("coffee")]
    new[1][:, :, : SIDE // 2] = view("cat")[:, :, : SIDE // 2]
    assert due(new) == [0, 1]


def test_a_frame_between_has_the_networks_last_colors_where_it_shows_the_same():
    ab = [torch.full((2, SIDE, SIDE), float(k)) for k in range(5)]
    steady, _ = smooth([view("coffee")] * 5, ab)
    weights = [[1], [1, 0], [1, 0], [3, 1], [3, 2]]  # of the colors of the first frame and of the fourth
    for k, weight in enumerate(weights):
        mean = np.average([0.0, 3.0][: len(weight)], weights=weight)
        torch.testing.assert_close(steady[k], torch.full((2, SIDE, SIDE), float(mean)))
    lightness, ab, ball = moving_ball(9, 3)
    steady, _ = smooth(lightness, ab)
    assert due(lightness) == [0, 3, 6]
    for number in (7, 8):
        error, unmoved = ((colors - ab[number]).norm(dim=0)[ball[number]].mean() for colors in (steady[number], ab[6]))
        assert error < 0.25 * unmoved


@pytest.mark.parametrize(("before", "after"), [("coffee", "cat"), ("cat", "rocket"), ("astronaut", "rocket")])
def test_nothing_of_a_scene_is_left_after_a_cut(before: str, after: str):
    lightness = [view(before)] * 8 + [view(after)] * 4
    ab = [torch.full((2, SIDE, SIDE), 60.0)] * 8 + [torch.full((2, SIDE, SIDE), -40.0)] * 4
    steady, smoother = smooth(lightness, ab)
    assert smoother.num_scenes == 2
    assert torch.equal(steady[8], ab[8])
    torch.testing.assert_close(steady[11], ab[11])


def moving_ball(num_frames: int, pace: int) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """A bright red ball that crosses a bluish photo: lightness, ab, and where the ball is."""
    lightness, ab, ball = [], [], []
    row, column = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    for k in range(num_frames):
        inside = (row - 24) ** 2 + (column - 6 - pace * k) ** 2 < 36
        lightness.append(torch.where(inside, 90.0, view("cat") * 0.6))
        ab.append(
            torch.where(inside, torch.tensor([60.0, 40.0]).view(2, 1, 1), torch.tensor([0.0, -20.0]).view(2, 1, 1))
        )
        ball.append(inside)
    return lightness, ab, ball


@pytest.mark.parametrize("pace", [1, 3, 6])
def test_what_moves_takes_its_color_along_and_leaves_no_trail(pace: int):
    lightness, ab, ball = moving_ball(7, pace)
    steady, smoother = smooth(lightness, ab)
    assert smoother.num_scenes == 1
    blind = torch.stack(ab).mean(0)  # what averaging without an eye on motion would leave
    was_there = torch.stack(ball[:-1]).any(0) & ~ball[-1]
    error = (steady[-1] - ab[-1]).norm(dim=0)
    assert (blind - ab[-1]).norm(dim=0)[was_there].mean() > 10
    assert error[was_there].mean() < 2
    assert error[ball[-1]].mean() < 2
    assert error.mean() < 0.5


def test_colors_are_averaged_along_with_a_camera_that_moves():
    lightness = [view("coffee", left=8 * k) for k in range(12)]
    truth = [torch.cat((plane - 50, 30 - plane / 2)) for plane in lightness]
    noisy = [colors + noise for colors, noise in zip(truth, random_ab(12), strict=True)]
    steady, smoother = smooth(lightness, noisy)
    assert smoother.num_scenes == 1
    before, after = ((colors[-1] - truth[-1]).abs().mean() for colors in (noisy, steady))
    assert after < 0.6 * before


@pytest.mark.parametrize("motion", [(0, 0), (0, 2), (3, -5), (-8, 0)])
def test_motion_is_found(motion: tuple[int, int]):
    down, across = motion
    generator = torch.Generator().manual_seed(2)
    texture = torch.full((1, 96, 96), 50.0)
    for side in (6, 12, 24, 48):  # as in photos, the coarser the stronger
        detail = torch.randn(1, 1, side, side, generator=generator)
        texture += 60 / side * torch.nn.functional.interpolate(detail, (96, 96), mode="bicubic")[0]
    previous, now = texture[:, 16:80, 16:80], texture[:, 16 + down : 80 + down, 16 + across : 80 + across]
    found = find_motion(now, previous)
    inner = found[:, 12:-12, 12:-12].flatten(1)
    assert (inner == torch.tensor(motion)[:, None]).all(0).float().mean() > 0.7
    # As the formula says, one place after another.
    shifted = shift(previous, found)
    for y, x in ((0, 0), (30, 40), (63, 63)):
        row, column = (min(max(int(place), 0), 63) for place in (y + found[0, y, x], x + found[1, y, x]))
        assert shifted[0, y, x] == previous[0, row, column]


@pytest.mark.parametrize("gain", [0.75, 1.3])
def test_old_films_changing_light_is_no_other_scene(gain: float):
    plane = view("cat") * 0.6
    kept, motion = compare((plane + 16) * gain - 16, plane)
    assert kept is not None
    assert kept.mean() > 0.99
    assert not motion.any()


@pytest.mark.usefixtures("every_frame")
@pytest.mark.parametrize("size", [(32, 32), (48, 160), (192, 192)])
def test_any_working_size_will_do(size: tuple[int, int]):
    pixels = np.ascontiguousarray(PHOTOS["coffee"][:300, :400])
    smoother = Smoother(0.5)
    for k in range(3):
        steady = smoother(smoother.track(compute_lightness(pixels, size), k * STEP), torch.full((2, *size), float(k)))
    assert steady.shape == (2, *size)
    torch.testing.assert_close(steady, torch.full((2, *size), 1.0))
