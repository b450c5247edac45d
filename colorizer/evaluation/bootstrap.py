"""Means over photos, with bootstrap confidence intervals."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from accelerate.utils import gather_object
from torch import Tensor

from colorizer.errors import ColorizerError

NUM_RESAMPLES = 1000
CONFIDENCE = 0.95
# Bounds the memory of one block of resamples: 2^22 drawn photos take 32 MB.
_DRAWS_PER_BLOCK = 2**22


class Averages:
    """Per-photo metrics gathered batch by batch, and their means. The order of arrival does not matter."""

    def __init__(self) -> None:
        self._values: dict[int, dict[str, float]] = {}
        self._weights: dict[int, dict[str, float]] = {}

    def __len__(self) -> int:
        """Number of photos so far."""
        return len(self._values)

    def add(self, indices: Tensor, metrics: Mapping[str, Tensor], weights: Mapping[str, Tensor] | None = None) -> None:
        """Add metrics (B,) of the photos at `indices` (B,) of the dataset. A repeated value replaces the earlier one.

        weights: by metric name, the weight of each photo (B,) in the mean; 1 for metrics that are not listed.
        """
        for kept, columns in ((self._values, metrics), (self._weights, weights or {})):
            rows = torch.stack([column.detach().double().cpu() for column in columns.values()], 1) if columns else []
            for index, row in zip(indices.tolist(), rows, strict=bool(columns)):
                kept.setdefault(index, {}).update(zip(columns, row.tolist(), strict=True))

    def update(self, other: "Averages") -> None:
        """Merge what another process has gathered."""
        self._values.update(other._values)
        self._weights.update(other._weights)

    def gather(self) -> None:
        """Merge what all processes have gathered, in each of them."""
        for other in gather_object([self]):
            self.update(other)

    def subset(self, indices: Iterable[int], names: Sequence[str] | None = None) -> "Averages":
        """Return the metrics of these photos, all or those in `names`. Photos without metrics are skipped."""
        part = Averages()
        for index in indices:
            for kept, values in ((part._values, self._values), (part._weights, self._weights)):
                if index in values:
                    row = values[index]
                    kept[index] = row if names is None else {name: row[name] for name in names if name in row}
        return part

    def values(self) -> dict[str, Tensor]:
        """Return each metric's values per photo, float64 (N,), in dataset order.

        Raises ColorizerError if there are none.
        """
        if not self._values:
            raise ColorizerError("no photo has been evaluated")
        rows = [self._values[index] for index in sorted(self._values)]
        return {name: torch.tensor([row[name] for row in rows], dtype=torch.float64) for name in rows[0]}

    def weights(self) -> dict[str, Tensor]:
        """Return the weight of each photo in each metric's mean, float64 (N,), in dataset order."""
        rows = [self._weights.get(index, {}) for index in sorted(self._values)]
        return {name: torch.tensor([row.get(name, 1.0) for row in rows], dtype=torch.float64) for name in self.values()}

    def means(self) -> dict[str, float]:
        """Return each metric's mean over the photos; 0 where all weights are 0."""
        weights = self.weights()
        return {
            name: float(_ratio(values @ weights[name], weights[name].sum())) for name, values in self.values().items()
        }

    def intervals(self, *, seed: int = 0) -> dict[str, tuple[float, float]]:
        """Return the 95% bootstrap interval of each mean, as (low, high)."""
        values, weights = (torch.stack(list(columns.values()), dim=1) for columns in (self.values(), self.weights()))
        low, high = bootstrap_interval(values, weights, seed=seed)
        return {name: (float(low[i]), float(high[i])) for i, name in enumerate(self.values())}


def bootstrap_interval(
    values: Tensor,
    weights: Tensor | None = None,
    *,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> tuple[Tensor, Tensor]:
    """Return the percentile bootstrap interval of the means of `values` (N, M) over N photos: low (M,), high (M,).

    N photos are drawn with replacement, `num_resamples` times. The interval holds the middle `confidence` of the
    resampled means, each photo weighted by `weights` (N, M) (Efron 1979). The draws depend on `seed` and N alone, so
    models evaluated on the same photos share them.
    """
    num_photos = len(values)
    values = values.double()
    weights = torch.ones_like(values) if weights is None else weights.double()
    generator = torch.Generator().manual_seed(seed)
    means = []
    while num_resamples > 0:
        block = min(num_resamples, max(1, _DRAWS_PER_BLOCK // num_photos))
        drawn = torch.randint(num_photos, (block, num_photos), generator=generator)
        counts = torch.zeros(block, num_photos, dtype=torch.float64)
        counts.scatter_add_(1, drawn, torch.ones_like(counts))
        means.append(_ratio(counts @ (weights * values), counts @ weights))
        num_resamples -= block
    tail = (1 - confidence) / 2
    low, high = torch.cat(means).quantile(torch.tensor([tail, 1 - tail], dtype=torch.float64), dim=0)
    return low, high


def _ratio(total: Tensor, weight: Tensor) -> Tensor:
    return torch.where(weight == 0, 0.0, total / torch.where(weight == 0, 1.0, weight))
