"""What frozen parts say of the photos, computed once a photo where augmentation leaves a photo what it is."""

from collections.abc import Callable

import torch
from accelerate import Accelerator
from torch import Tensor
from tqdm.auto import tqdm

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.data import PhotoDataset, PhotoStream
from colorizer.training.arguments import TrainingArguments
from colorizer.training.photos import resized

# The photos that go through together, the same ones whatever the run's batches: so a resumed run has the same numbers.
CHUNK = 32
MAX_BYTES = 2 * 1024**3
# Augmentation that shows other parts of a photo, or shows them otherwise. A mirrored photo shows the same.
CHANGING = {"min_scale": 1.0, "max_scale": 1.0, "rotation": 0.0, "shear": 0.0, "zoom": 0.0, "contrast": 0.0}


def repeats(arguments: TrainingArguments, photos: PhotoDataset | PhotoStream, num_photos_seen: int) -> bool:
    """Whether a run of so many photos sees the same ones again, changed by no more than flips."""
    is_changed = any(getattr(arguments, name) != none for name, none in CHANGING.items())
    return not is_changed and not isinstance(photos, PhotoStream) and num_photos_seen > len(photos)


class FrozenFeatures:
    """A table of what frozen parts say of each photo, on the run's device, for photos that are seen again and again.

    It is filled at once, the photos shared out over the processes. There is none for a network without such parts, for
    photos that are not repeated as they are, or where it would not fit into memory; then the network looks at every photo
    anew.
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
            say(f"What the frozen parts say of {len(photos)} photos is computed once and kept: {size / 1e6:.1f} MB.")
            self.table = compute(network, photos, accelerator)
        elif size:
            say(f"What the frozen parts say of {len(photos)} photos is not kept, since it takes {size / 1e9:.1f} GB.")

    def of(self, index: Tensor) -> Tensor | None:
        """Those of the photos at `index` (B,), (B, C) float32; None where there is no table."""
        return None if self.table is None else self.table[index.to(self.table.device)]


@torch.no_grad()
def compute(network: ColorizerModel, photos: PhotoDataset, accelerator: Accelerator) -> Tensor:
    """The table (N, C) of `network.frozen_features` of the photos as they are."""
    table = torch.zeros(len(photos), network.num_frozen_features, device=accelerator.device)

    def look(rgb: Tensor) -> Tensor:
        lightness, _ = network.space.split(resized(rgb, network.config.resolution))
        return network.frozen_features(lightness)

    return fill(table, photos, look, accelerator, "frozen parts")


def fill(
    table: Tensor, photos: PhotoDataset, look: Callable[[Tensor], Tensor], accelerator: Accelerator, description: str
) -> Tensor:
    """A table of zeros (N, …), on the run's device, filled with what `look` says of photos as they are, (B, 3, S, S) uint8,
    that are shared out over the processes."""
    starts = range(accelerator.process_index * CHUNK, len(photos), accelerator.num_processes * CHUNK)
    for start in tqdm(starts, description, unit=f"×{CHUNK} photos", disable=not accelerator.is_main_process):
        places = range(start, min(start + CHUNK, len(photos)))
        table[start : places.stop] = look(photos.batch(places)["rgb"].to(accelerator.device))
    # Every row comes from one process and is 0 on the others.
    return accelerator.reduce(table, reduction="sum")
