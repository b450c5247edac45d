"""Image-level features of frozen parts, computed once per photo where augmentation doesn't change them."""

from collections.abc import Callable

import torch
from accelerate import Accelerator
from torch import Tensor
from tqdm.auto import tqdm

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.data import PhotoDataset, PhotoStream
from colorizer.training.arguments import TrainingArguments
from colorizer.training.photos import resized

# Photos per forward, independent of the run's batches, so that a resumed run has the same features.
CHUNK = 32
MAX_BYTES = 2 * 1024**3
# Augmentation that changes what a photo shows, with the values that disable it. A flipped photo shows the same.
CHANGING = {"min_scale": 1.0, "max_scale": 1.0, "rotation": 0.0, "shear": 0.0, "zoom": 0.0, "contrast": 0.0}


def repeats(arguments: TrainingArguments, photos: PhotoDataset | PhotoStream, num_photos_seen: int) -> bool:
    """Return whether a run over `num_photos_seen` photos repeats any, changed by flips at most."""
    is_changed = any(getattr(arguments, name) != none for name, none in CHANGING.items())
    return not is_changed and not isinstance(photos, PhotoStream) and num_photos_seen > len(photos)


class FrozenFeatures:
    """Cache of the frozen parts' features of each photo, on the run's device, for photos that repeat.

    It is filled at construction, with the photos split over the processes. There is none for a network without frozen
    parts, for photos that don't repeat unchanged, or where it would not fit into memory. Then each forward computes the
    features again.
    """

    def __init__(
        self,
        network: ColorizerModel,
        photos: PhotoDataset | PhotoStream,
        *,
        accelerator: Accelerator,
        say: Callable[[str], None],
        is_repeated: bool = True,
    ) -> None:
        self.table: Tensor | None = None
        size = 4 * len(photos) * network.num_frozen_features if is_repeated else 0
        if 0 < size <= MAX_BYTES:
            say(f"Computing and caching frozen features of {len(photos)} photos: {size / 1e6:.1f} MB.")
            self.table = compute(network, photos, accelerator)
        elif size:
            say(f"Frozen features of {len(photos)} photos are not cached: they would take {size / 1e9:.1f} GB.")

    def of(self, index: Tensor) -> Tensor | None:
        """Return the features (B, C), float32, of the photos at `index` (B,); None without a cache."""
        return None if self.table is None else self.table[index.to(self.table.device)]


@torch.no_grad()
def compute(network: ColorizerModel, photos: PhotoDataset, accelerator: Accelerator) -> Tensor:
    """Compute `network.frozen_features` of all photos without augmentation, (N, C)."""
    table = torch.zeros(len(photos), network.num_frozen_features, device=accelerator.device)

    def extract_features(rgb: Tensor) -> Tensor:
        lightness, _ = network.space.split(resized(rgb, network.config.resolution))
        return network.frozen_features(lightness)

    return fill(table, photos, extract_features, accelerator, "frozen parts")


def fill(
    table: Tensor,
    photos: PhotoDataset,
    compute_rows: Callable[[Tensor], Tensor],
    accelerator: Accelerator,
    description: str,
) -> Tensor:
    """Fill a table of zeros (N, …), on the run's device, with one row per photo.

    `compute_rows` maps a batch of photos without augmentation, uint8 (B, 3, S, S), to rows (B, …). The photos are split
    over the processes.
    """
    starts = range(accelerator.process_index * CHUNK, len(photos), accelerator.num_processes * CHUNK)
    for start in tqdm(starts, description, unit=f"×{CHUNK} photos", disable=not accelerator.is_main_process):
        places = range(start, min(start + CHUNK, len(photos)))
        table[start : places.stop] = compute_rows(photos.batch(places)["rgb"].to(accelerator.device))
    # Each row is computed by one process and is 0 on the others.
    return accelerator.reduce(table, reduction="sum")
