"""Merging chroma into a photo, and the lightness that goes into a network."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import color, data
from torch.nn import functional

from colorizer import ColorizerError, PhotoError
from colorizer.photos.color import DELTA, RGB_TO_XYZ, rgb_to_lab
from colorizer.photos.files.reading import read_photo
from colorizer.photos.lightness import TILE, compute_lightness
from colorizer.photos.merging import merge_colors

EVERY_FIFTH = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3), -1).reshape(52, -1, 3).astype(np.uint8)


def to_lab(pixels: np.ndarray) -> torch.Tensor:
    return rgb_to_lab(torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255)


def levels_apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.abs(first.astype(int) - second).max(-1)


class TestLightness:
    def test_it_is_cie_lightness(self):
        lightness = compute_lightness(EVERY_FIFTH, EVERY_FIFTH.shape[:2])
        assert lightness.dtype == torch.float32
        assert lightness.shape == (1, *EVERY_FIFTH.shape[:2])
        torch.testing.assert_close(lightness[0], to_lab(EVERY_FIFTH)[0], atol=0.02, rtol=0)

    def test_black_and_white_are_0_and_100(self):
        lightness = compute_lightness(np.array([[[0] * 3, [255] * 3]], np.uint8), (1, 2))
        torch.testing.assert_close(lightness, torch.tensor([[[0.0, 100.0]]]), atol=0.01, rtol=0)

    def test_resizing_is_antialiased(self):
        stripes = np.zeros((64, 64, 3), np.uint8)
        stripes[:, ::2] = 255
        lightness = compute_lightness(stripes, (8, 8))
        torch.testing.assert_close(lightness, torch.full_like(lightness, 50), atol=2, rtol=0)

    def test_a_photo_and_its_pixels_and_any_size_work(self):
        photo = read_photo(data.coffee())
        assert torch.equal(compute_lightness(photo, (16, 24)), compute_lightness(photo.pixels, (16, 24)))
        for pixels in (np.zeros((1, 1, 3), np.uint8), np.zeros((10_000, 1, 3), np.uint8)):
            assert compute_lightness(pixels, (32, 256)).shape == (1, 32, 256)

    def test_large_photos_are_the_same_in_tiles(self):
        pixels = np.array(Image.fromarray(data.coffee()).resize((700, 500)))
        assert pixels.shape[0] * pixels.shape[1] > 3 * TILE
        torch.testing.assert_close(compute_lightness(pixels, (500, 700))[0], to_lab(pixels)[0], atol=0.03, rtol=0)


class TestMerge:
    def test_a_gray_photo_with_no_color_stays_bit_for_bit(self):
        ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
        np.testing.assert_array_equal(merge_colors(ramp, torch.zeros(2, 1, 1)), ramp)
        np.testing.assert_array_equal(merge_colors(ramp, torch.zeros(2, 1, 256)), ramp)

    def test_a_color_photo_with_its_own_chroma_stays(self):
        for pixels in (EVERY_FIFTH, data.coffee(), data.retina()[::3, ::3]):
            assert levels_apart(merge_colors(pixels, to_lab(pixels)[1:]), pixels).max() <= 1

    def test_results_are_those_of_version_0(self):
        # Made when cubes came from a table of 32768ths of the root. They are computed now, so that a value in a hundred is
        # rounded to the next level, and at the edge of sRGB a search may end a step earlier or later.
        pixels, ab = data.coffee()[::4, ::4], to_lab(data.coffee()[::20, ::20])[1:]
        gray = pixels[..., 1:2].repeat(3, 2)
        merged = [merge_colors(photo, ab, saturation=factor) for photo in (pixels, gray) for factor in (1, 3)]
        with Image.open(Path(__file__).with_name("merged.png")) as before:
            apart = levels_apart(np.concatenate(merged), np.asarray(before))
        assert (apart > 0).mean() < 0.04
        assert (apart > 1).mean() < 0.0002
        assert apart.max() <= 4

    def test_no_color_gives_the_gray_of_the_same_lightness(self):
        merged = merge_colors(data.coffee(), torch.zeros(2, 3, 3))
        assert levels_apart(merged, merged[..., :1]).max() <= 1
        assert (to_lab(merged)[0] - to_lab(data.coffee())[0]).abs().max() < 0.3

    @pytest.mark.parametrize("spread", [5, 30, 80])
    def test_it_agrees_with_skimage_inside_srgb_and_keeps_lightness_and_hue_outside(self, spread):
        generator = np.random.default_rng(spread)
        ab = (generator.normal(size=(2, *EVERY_FIFTH.shape[:2])) * spread).astype(np.float32)
        merged = merge_colors(EVERY_FIFTH, ab)

        lab = np.concatenate([color.rgb2lab(EVERY_FIFTH)[..., :1], ab.transpose(1, 2, 0)], -1)
        expected = np.rint(color.lab2rgb(lab) * 255)
        y = (lab[..., 0] + 16) / 116
        roots = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
        xyz = np.where(roots > DELTA, roots**3, 3 * DELTA**2 * (roots - 4 / 29)) * np.sum(RGB_TO_XYZ, 1)
        linear = xyz @ np.linalg.inv(RGB_TO_XYZ).T
        is_inside = ((linear >= 0) & (linear <= 1)).all(-1)
        assert 0.1 < is_inside.mean() < 1
        assert levels_apart(merged, expected)[is_inside].max() <= 1

        lightness, a, b = to_lab(merged)
        assert (lightness - to_lab(EVERY_FIFTH)[0]).abs().max() < 0.3
        chroma = torch.hypot(a, b)
        turned = torch.atan2(b, a) - torch.atan2(torch.from_numpy(ab[1]), torch.from_numpy(ab[0]))
        turned = (turned + torch.pi) % (2 * torch.pi) - torch.pi
        assert turned[chroma > 20].abs().max() < torch.pi / 60
        # And no more chroma is lost than has to be: a level of some channel is at its end.
        lost = chroma < torch.hypot(*torch.from_numpy(ab)) - 3
        at_the_end = (merged.min(-1) <= 12) | (merged.max(-1) >= 253)
        assert at_the_end[lost.numpy()].all()

    def test_chroma_is_upsampled_bilinearly_across_tiles(self):
        gray = np.full((500, 700, 3), 128, np.uint8)
        ab = torch.randn(2, 9, 13, generator=torch.Generator().manual_seed(0)) * 10
        large = functional.interpolate(ab[None], (500, 700), mode="bilinear")[0]
        assert levels_apart(merge_colors(gray, ab), merge_colors(gray, large)).max() <= 1
        # Nearly the photo's size too, where every row has its own pair of samples.
        ab = torch.randn(2, 400, 650, generator=torch.Generator().manual_seed(0)) * 10
        large = functional.interpolate(ab[None], (500, 700), mode="bilinear")[0]
        assert levels_apart(merge_colors(gray, ab), merge_colors(gray, large)).max() <= 1

    def test_chroma_larger_than_the_photo_is_averaged(self):
        ab = torch.zeros(2, 64, 64)
        ab[0, :, ::2] = 40
        merged = to_lab(merge_colors(np.full((4, 4, 3), 128, np.uint8), ab))
        torch.testing.assert_close(merged[1], torch.full((4, 4), 20.0), atol=3, rtol=0)

    @pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (3, 2 * TILE + 5)])
    def test_extreme_shapes(self, size):
        pixels = np.full((*size, 3), 100, np.uint8)
        merged = merge_colors(pixels, torch.full((2, 32, 256), 15.0))
        assert merged.shape == pixels.shape
        assert (merged == merged[0, 0]).all()
        assert merged[0, 0, 0] > 110

    def test_saturation_scales_the_chroma(self):
        pixels = np.full((8, 8, 3), 128, np.uint8)
        ab = torch.full((2, 2, 2), 10.0)
        _, a, b = to_lab(merge_colors(pixels, ab, saturation=2))
        assert abs(a.mean() - 20) < 1
        assert abs(b.mean() - 20) < 1
        np.testing.assert_array_equal(merge_colors(pixels, ab, saturation=0), pixels)

    def test_one_thread_and_two_give_the_same(self):
        pixels = np.array(Image.fromarray(data.coffee()).resize((700, 500)))
        ab = torch.randn(2, 9, 13, generator=torch.Generator().manual_seed(0)) * 50
        threads = torch.get_num_threads()
        try:
            torch.set_num_threads(1)
            one = merge_colors(pixels, ab)
            torch.set_num_threads(2)
            np.testing.assert_array_equal(merge_colors(pixels, ab), one)
        finally:
            torch.set_num_threads(threads)

    def test_the_photo_is_left_as_it_is_and_may_be_a_view(self):
        pixels = data.coffee()
        copy = pixels.copy()
        turned = merge_colors(pixels.swapaxes(0, 1), torch.full((2, 4, 4), 9.0))
        np.testing.assert_array_equal(turned.swapaxes(0, 1), merge_colors(pixels, torch.full((2, 4, 4), 9.0)))
        np.testing.assert_array_equal(pixels, copy)

    @pytest.mark.parametrize("threads", [1, 2, 8, 64])
    def test_memory_stays_within_three_times_the_photo_on_any_number_of_threads(self, threads, monkeypatch):
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
        pixels = np.array(Image.fromarray(data.coffee()).resize((3000, 2000)))
        for ab in (
            torch.full((2, 256, 256), 20.0),
            torch.full((2, 256, 256), 150.0),
            torch.full((2, 2000, 3000), 20.0),
        ):
            tracemalloc.start()
            merge_colors(pixels, ab)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 3 * pixels.nbytes

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
    def test_colors_that_are_not_finite_are_an_error(self, value):
        ab = torch.zeros(2, 8, 8)
        ab[1, 3, 4] = value
        with pytest.raises(ColorizerError, match="not finite"):
            merge_colors(np.zeros((4, 4, 3), np.uint8), ab)

    def test_absurd_colors_still_keep_the_lightness(self):
        pixels = data.coffee()[::8, ::8]
        merged = merge_colors(pixels, torch.full((2, 4, 4), 1e30), saturation=10)
        assert (to_lab(merged)[0] - to_lab(pixels)[0]).abs().max() < 0.6

    @pytest.mark.parametrize("saturation", [-0.1, 11, float("nan"), float("inf"), "1", None, True])
    def test_saturation_out_of_range_is_refused(self, saturation):
        with pytest.raises(ColorizerError, match="saturation"):
            merge_colors(np.zeros((4, 4, 3), np.uint8), torch.zeros(2, 1, 1), saturation=saturation)

    @pytest.mark.parametrize("shape", [(3, 4, 4), (2, 4), (1, 2, 4, 4), (2, 0, 4)])
    def test_ab_of_another_shape_is_refused(self, shape):
        with pytest.raises(ColorizerError, match="ab"):
            merge_colors(np.zeros((4, 4, 3), np.uint8), torch.zeros(shape))

    @pytest.mark.parametrize(
        "pixels",
        [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)],
        ids=str,
    )
    def test_pixels_of_another_kind_are_refused(self, pixels):
        with pytest.raises(PhotoError, match="uint8"):
            merge_colors(pixels, torch.zeros(2, 1, 1))
