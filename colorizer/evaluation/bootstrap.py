"""Means over photos, and how far another draw of photos might have moved them."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from accelerate.utils import gather_object
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
        self._weights: dict[int, dict[str, float]] = {}

    def __len__(self) -> int:
        """Photos so far."""
        return len(self._values)

    def add(self, indices: Tensor, metrics: Mapping[str, Tensor], weights: Mapping[str, Tensor] | None = None) -> None:
        """Take in metrics (B,) of the photos at `indices` (B,) of the dataset. A value that comes again is replaced.

        weights: by a metric's name, how much each photo (B,) counts in its mean; all alike where there are none.
        """
        for kept, columns in ((self._values, metrics), (self._weights, weights or {})):
            rows = torch.stack([column.detach().double().cpu() for column in columns.values()], 1) if columns else []
            for index, row in zip(indices.tolist(), rows, strict=bool(columns)):
                kept.setdefault(index, {}).update(zip(columns, row.tolist(), strict=True))

    def update(self, other: "Averages") -> None:
        """Take in what another process has gathered."""
        self._values.update(other._values)
        self._weights.update(other._weights)

    def gather(self) -> None:
        """Take in what all processes have gathered, in each of them."""
        for other in gather_object([self]):
            self.update(other)

    def subset(self, indices: Iterable[int], names: Sequence[str] | None = None) -> "Averages":
        """Some of the metrics, or all, of those of the photos that are there."""
        part = Averages()
        for index in indices:
            for kept, values in ((part._values, self._values), (part._weights, self._weights)):
                if index in values:
                    row = values[index]
                    kept[index] = row if names is None else {name: row[name] for name in names if name in row}
        return part

    def values(self) -> dict[str, Tensor]:
        """Each metric's value of every photo, float64 (N,), in the dataset's order.

        Raises ColorizerError if there are none.
        """
        if not self._values:
            raise ColorizerError("no photo has been evaluated")
        rows = [self._values[index] for index in sorted(self._values)]
        return {name: torch.tensor([row[name] for row in rows], dtype=torch.float64) for name in rows[0]}

    def weights(self) -> dict[str, Tensor]:
        """How much each photo counts in each metric's mean, float64 (N,), in the dataset's order."""
        rows = [self._weights.get(index, {}) for index in sorted(self._values)]
        return {name: torch.tensor([row.get(name, 1.0) for row in rows], dtype=torch.float64) for name in self.values()}

    def means(self) -> dict[str, float]:
        """Each metric's mean over the photos; 0 where none of them counts."""
        weights = self.weights()
        return {
            name: float(_ratio(values @ weights[name], weights[name].sum())) for name, values in self.values().items()
        }

    def intervals(self, *, seed: int = 0) -> dict[str, tuple[float, float]]:
        """The 95% bootstrap interval of each mean, as (low, high)."""
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
    """Percentile bootstrap interval of the means of `values` (N, M) over the N photos: low (M,) and high (M,).

    N photos are drawn with replacement, `num_resamples` times over; the interval holds the middle `confidence` of their
    means, each photo by its weight of `weights` (N, M) (Efron 1979). The draws depend on `seed` and N alone, so that models
    evaluated on the same photos share them.
    """
    num_photos = len(values)
    values = values.double()
    weights = torch.ones_like(values) if weights is None else weights.double()
    generator = torch.Generator().manual_seed(seed)
    means = []
    while num_resamples > 0:
        block = min(num_resamples, max(1, _DRAWS_A_BLOCK // num_photos))
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
