import numpy as np
import pytest
import torch

from colorizer.errors import ColorizerError
from colorizer.evaluation import bootstrap
from colorizer.evaluation.bootstrap import Averages, bootstrap_interval


def test_means_are_over_photos_not_over_batches():
    scores = Averages()
    scores.add(torch.tensor([3, 1, 0]), {"psnr": torch.tensor([4.0, 2.0, 1.0]), "auc": torch.tensor([0.0, 0.0, 1.0])})
    scores.add(torch.tensor([2]), {"psnr": torch.tensor([3.0]), "auc": torch.tensor([1.0])})
    assert len(scores) == 4
    assert scores.means() == {"psnr": 2.5, "auc": 0.5}
    assert scores.values()["psnr"].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_what_processes_gathered_adds_up_and_a_photo_counts_once():
    first, second = Averages(), Averages()
    first.add(torch.tensor([0, 1]), {"psnr": torch.tensor([1.0, 2.0])})
    second.add(torch.tensor([1, 2]), {"psnr": torch.tensor([2.0, 6.0])})
    first.update(second)
    assert first.means() == {"psnr": 3.0}


def test_nothing_has_no_mean():
    with pytest.raises(ColorizerError, match="no photo"):
        Averages().means()


def test_intervals_depend_on_the_seed_alone_not_on_the_order():
    photos = torch.randn(50, generator=torch.Generator().manual_seed(1))
    forward, backward = Averages(), Averages()
    forward.add(torch.arange(50), {"psnr": photos})
    for index in reversed(range(50)):
        backward.add(torch.tensor([index]), {"psnr": photos[index : index + 1]})
    assert forward.intervals() == backward.intervals()
    assert forward.intervals(seed=1) != forward.intervals(seed=2)


def test_bootstrap_agrees_with_numpy_and_with_theory(monkeypatch: pytest.MonkeyPatch):
    values = torch.randn(400, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * torch.tensor(
        [1.0, 3.0]
    )
    low, high = bootstrap_interval(values, num_resamples=4000)
    draws = np.random.default_rng(0).integers(400, size=(4000, 400))
    means = values.numpy()[draws].mean(1)
    np.testing.assert_allclose(low, np.quantile(means, 0.025, axis=0), atol=0.02)
    np.testing.assert_allclose(high, np.quantile(means, 0.975, axis=0), atol=0.02)
    # The mean of many photos is near normal: 1.96 standard errors on either side.
    error = 1.96 * values.std(0) / 400**0.5
    torch.testing.assert_close((high - low) / 2, error, rtol=0.1, atol=0)

    monkeypatch.setattr(bootstrap, "_DRAWS_PER_BLOCK", 1000)
    in_blocks = bootstrap_interval(values, num_resamples=4000)
    torch.testing.assert_close(in_blocks, (low, high))


def test_equal_photos_leave_no_doubt():
    low, high = bootstrap_interval(torch.full((30, 1), 2.5))
    assert (float(low), float(high)) == (pytest.approx(2.5), pytest.approx(2.5))
