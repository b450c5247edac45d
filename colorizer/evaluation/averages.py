"""Means over photos, and how far another draw of photos might have moved them."""

import torch
from torch import Tensor

from colorizer.errors import ColorizerError

NUM_RESAMPLES = 1000
CONFIDENCE = 0.95
# Memory of one block of resamples: 2^22 drawn photos are 32 MB.
_DRAWS_A_BLOCK = 2**22


class Averages:
    """Metrics gathered batch by batch, a value a photo, and their means. The order of arrival does not matter."""

    def __init__(self) -> None:
        self._values: dict[int, dict[str, float]] = {}

    def __len__(self) -> int:
        """Photos so far."""
        return len(self._values)

    def add(self, indices: Tensor, metrics: dict[str, Tensor]) -> None:
        """Take in the metrics (B,) of the photos at `indices` (B,) of the dataset. A photo that comes again is replaced."""
        columns = [values.detach().double().cpu().tolist() for values in metrics.values()]
        for index, row in zip(indices.tolist(), zip(*columns, strict=True), strict=True):
            self._values[index] = dict(zip(metrics, row, strict=True))

    def update(self, other: "Averages") -> None:
        """Take in what another process has gathered."""
        self._values.update(other._values)

    def values(self) -> dict[str, Tensor]:
        """Each metric's value of every photo, float64 (N,), in the dataset's order.

        Raises ColorizerError if there are none.
        """
        if not self._values:
            raise ColorizerError("no photo has been evaluated")
        rows = [self._values[index] for index in sorted(self._values)]
        return {name: torch.tensor([row[name] for row in rows], dtype=torch.float64) for name in rows[0]}

    def means(self) -> dict[str, float]:
        """Each metric's mean over the photos."""
        return {name: float(values.mean()) for name, values in self.values().items()}

    def intervals(self, *, seed: int = 0) -> dict[str, tuple[float, float]]:
        """The 95% bootstrap interval of each mean, as (low, high)."""
        values = self.values()
        low, high = bootstrap_interval(torch.stack(list(values.values()), dim=1), seed=seed)
        return {name: (float(low[i]), float(high[i])) for i, name in enumerate(values)}


def bootstrap_interval(
    values: Tensor, *, seed: int = 0, num_resamples: int = NUM_RESAMPLES, confidence: float = CONFIDENCE
) -> tuple[Tensor, Tensor]:
    """Percentile bootstrap interval of the means of `values` (N, M) over the N photos: low (M,) and high (M,).

    N photos are drawn with replacement, `num_resamples` times over; the interval holds the middle `confidence` of their
    means (Efron 1979). The draws depend on `seed` and N alone, so that models evaluated on the same photos share them.
    """
    num_photos = len(values)
    generator = torch.Generator().manual_seed(seed)
    means = []
    while num_resamples > 0:
        block = min(num_resamples, max(1, _DRAWS_A_BLOCK // num_photos))
        drawn = torch.randint(num_photos, (block, num_photos), generator=generator)
        counts = torch.zeros(block, num_photos, dtype=torch.float64)
        counts.scatter_add_(1, drawn, torch.ones_like(counts))
        means.append(counts @ values.double() / num_photos)
        num_resamples -= block
    tail = (1 - confidence) / 2
    low, high = torch.cat(means).quantile(torch.tensor([tail, 1 - tail], dtype=torch.float64), dim=0)
    return low, high
