import numpy as np
import pytest
import torch
from skimage import color as skimage_color
from skimage import metrics as skimage_metrics
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from colorizer.errors import ColorizerError
from colorizer.evaluation.ciede2000 import ciede2000
from colorizer.evaluation.metrics import auc, compute_metrics, psnr, ssim, within
from colorizer.photos.color import lightness_to_gray, rgb_to_lab

# Table 1 of Sharma, Wu and Dalal 2005: L, a, b of both colors and their difference. Chosen where programs go wrong.
SHARMA = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


@pytest.fixture
def true_rgb(photos: Tensor) -> Tensor:
    return photos


@pytest.fixture
def predicted_rgb(photos: Tensor) -> Tensor:
    noise = torch.randn(photos.shape, generator=torch.Generator().manual_seed(3))
    return (0.7 * photos + 0.3 * photos.flip(0) + 0.05 * noise).clamp(0, 1)


def hwc(photo: Tensor) -> np.ndarray:
    return photo.movedim(0, -1).double().numpy()


def test_ciede2000_gives_the_published_differences_both_ways():
    table = torch.tensor([[float(v) for v in row.split()] for row in SHARMA.strip().splitlines()], dtype=torch.float64)
    assert len(table) == 34
    lab, other_lab = table[:, :3].T[..., None], table[:, 3:6].T[..., None]
    for difference in (ciede2000(lab, other_lab), ciede2000(other_lab, lab)):
        torch.testing.assert_close(difference[:, 0], table[:, 6], atol=5e-5, rtol=0)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-10), (torch.float32, 1e-3)])
def test_ciede2000_agrees_with_skimage(dtype: torch.dtype, atol: float):
    generator = torch.Generator().manual_seed(0)
    low, span = torch.tensor([0.0, -110, -110]), torch.tensor([100.0, 220, 220])
    lab = low[:, None, None] + span[:, None, None] * torch.rand(4, 3, 32, 32, generator=generator)
    other_lab = lab + 15 * torch.randn(lab.shape, generator=generator)
    lab[0, 1:], other_lab[1, 1:], lab[2, 1:, :8], other_lab[2, 1:, :8] = 0, 0, 0, 0
    ours = ciede2000(lab.to(dtype), other_lab.to(dtype))
    assert ours.shape == (4, 32, 32)
    theirs = skimage_color.deltaE_ciede2000(lab.double().numpy(), other_lab.double().numpy(), channel_axis=1)
    torch.testing.assert_close(ours.double(), torch.from_numpy(theirs), atol=atol, rtol=0)


def test_ciede2000_of_equal_colors_is_zero():
    lab = rgb_to_lab(torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1)))
    assert not ciede2000(lab, lab).any()


def test_psnr_agrees_with_torchmetrics_photo_by_photo(predicted_rgb: Tensor, true_rgb: Tensor):
    values = psnr(predicted_rgb, true_rgb)
    for value, predicted, true in zip(values, predicted_rgb, true_rgb, strict=True):
        torch.testing.assert_close(value, peak_signal_noise_ratio(predicted, true, data_range=1.0), atol=1e-4, rtol=0)


def test_ssim_agrees_with_skimage_photo_by_photo(predicted_rgb: Tensor, true_rgb: Tensor):
    def edges_mirrored(photo: Tensor) -> np.ndarray:
        return np.pad(hwc(photo), ((10, 10), (10, 10), (0, 0)), mode="reflect")

    values = ssim(predicted_rgb, true_rgb)
    for value, predicted, true in zip(values, predicted_rgb, true_rgb, strict=True):
        pair = edges_mirrored(predicted), edges_mirrored(true)
        _, similarity = skimage_metrics.structural_similarity(
            *pair, data_range=1, channel_axis=-1, gaussian_weights=True, use_sample_covariance=False, full=True
        )
        assert float(value) == pytest.approx(similarity[10:-10, 10:-10].mean(), abs=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (10, 10), (11, 11)])
def test_metrics_are_finite_on_tiny_photos(size: tuple[int, int]):
    photos = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(2))
    for values in (compute_metrics(photos, photos.flip(0)), compute_metrics(photos, photos)):
        assert all(value.shape == (2,) and value.isfinite().all() for value in values.values())


def test_auc_is_the_area_that_a_sweep_of_thresholds_gives():
    distance = 60 * torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(4)) ** 3
    distance[2, 0, 0] = 170.0
    thresholds = np.linspace(0, 150, 6001)
    for value, errors in zip(auc(distance), distance.numpy(), strict=True):
        accuracy = [(errors <= threshold).mean() for threshold in thresholds]
        assert float(value) == pytest.approx(100 * np.trapezoid(accuracy, thresholds) / 150, abs=0.01)


def test_within_counts_pixels_on_the_limit():
    distance = torch.tensor([[[5.0, 5.01], [0.0, 30.0]]])
    assert within(distance, 5).tolist() == [50.0]
    assert within(distance, 20).tolist() == [75.0]


def test_ab_errors_agree_with_skimage_and_plain_numpy(predicted_rgb: Tensor, true_rgb: Tensor):
    values = compute_metrics(predicted_rgb, true_rgb)
    for i in range(len(true_rgb)):
        lab, true_lab = (skimage_color.rgb2lab(hwc(photo[i])) for photo in (predicted_rgb, true_rgb))
        error = (lab - true_lab)[..., 1:]
        assert float(values["ab_mae"][i]) == pytest.approx(np.abs(error).mean(), abs=1e-2)
        assert float(values["ab_rmse"][i]) == pytest.approx(np.sqrt((error**2).mean()), abs=1e-2)
        assert float(values["mse_ab128"][i]) == pytest.approx(((error / 128) ** 2).mean(), abs=1e-5)
        distance = np.linalg.norm(error, axis=-1)
        for limit in (5, 10, 20):
            assert float(values[f"within_{limit}"][i]) == pytest.approx(100 * (distance <= limit).mean(), abs=0.5)
        difference = skimage_color.deltaE_ciede2000(lab, true_lab).mean()
        assert float(values["ciede2000"][i]) == pytest.approx(difference, abs=1e-2)


def test_colorfulness_follows_hasler_and_suesstrunk(predicted_rgb: Tensor, true_rgb: Tensor):
    def expected(photo: np.ndarray) -> float:
        red, green, blue = np.moveaxis(255 * photo, -1, 0)
        red_green, yellow_blue = red - green, 0.5 * (red + green) - blue
        spread = np.sqrt(red_green.std() ** 2 + yellow_blue.std() ** 2)
        return spread + 0.3 * np.sqrt(red_green.mean() ** 2 + yellow_blue.mean() ** 2)

    values = compute_metrics(predicted_rgb, true_rgb)
    for i in range(len(true_rgb)):
        predicted, true = expected(hwc(predicted_rgb[i])), expected(hwc(true_rgb[i]))
        assert float(values["colorfulness"][i]) == pytest.approx(predicted, abs=1e-2)
        assert float(values["colorfulness_difference"][i]) == pytest.approx(abs(predicted - true), abs=2e-2)


def test_the_truth_itself_is_perfect(true_rgb: Tensor):
    values = compute_metrics(true_rgb, true_rgb)
    for name in ("ciede2000", "ab_mae", "ab_rmse", "mse_ab128", "colorfulness_difference"):
        assert not values[name].any(), name
    for name in ("psnr", "auc", "within_5", "within_10", "within_20"):
        assert (values[name] == 100).all(), name
    torch.testing.assert_close(values["ssim"], torch.ones(len(true_rgb)), atol=1e-4, rtol=0)


def test_a_gray_prediction_is_off_by_the_chroma(true_rgb: Tensor):
    lab = rgb_to_lab(true_rgb)
    gray = lightness_to_gray(lab[:, :1]).expand(-1, 3, -1, -1)
    values = compute_metrics(gray, true_rgb)
    torch.testing.assert_close(values["ab_mae"], lab[:, 1:].abs().mean(dim=(1, 2, 3)), atol=1e-2, rtol=0)
    assert (values["colorfulness"] < 0.1).all()


@pytest.mark.parametrize("shapes", [((2, 3, 8, 8), (2, 3, 8, 9)), ((3, 8, 8), (3, 8, 8)), ((2, 1, 8, 8), (2, 1, 8, 8))])
def test_wrong_shapes_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]):
    with pytest.raises(ColorizerError, match="of one size"):
        compute_metrics(*(torch.zeros(shape) for shape in shapes))
