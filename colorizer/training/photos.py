"""The photos of a run: those to learn from and those to validate on."""

import torch
from accelerate import Accelerator
from torch import Tensor

from colorizer.data import PhotoDataset, list_splits, load_photos, photo_seeds
from colorizer.errors import DatasetError
from colorizer.training.arguments import TrainingArguments

HELD_OUT_SHARE = 0.02


class PhotoSubset:
    """Some photos of a dataset, for when it has no validation split."""

    def __init__(self, dataset: PhotoDataset, indices: Tensor):
        self.dataset, self.indices = dataset, indices
        self.report, self.classes, self.resolution = dataset.report, dataset.classes, dataset.resolution
        self.labels = dataset.labels[indices]
        self.in_memory = dataset.in_memory[indices] if dataset.in_memory is not None else None

    def __len__(self) -> int:
        return len(self.indices)

    def batch(self, indices: Tensor) -> dict[str, Tensor]:
        """As the dataset's own `batch`, counted within the subset."""
        return self.dataset.batch(self.indices[torch.as_tensor(indices, dtype=torch.int64)])


def open_photos(
    arguments: TrainingArguments, resolution: int, accelerator: Accelerator
) -> tuple[PhotoDataset | PhotoSubset, PhotoDataset | PhotoSubset]:
    """Photos to learn from, with room for the random crops, and photos to validate on, at the network's resolution.

    Raises:
        DatasetError: the dataset can't be opened, or has too few usable photos.
    """
    shared = {
        "revision": arguments.dataset_revision,
        "image_column": arguments.image_column,
        "label_column": arguments.label_column,
        "num_workers": arguments.dataloader_num_workers,
        "token": arguments.hub_token,
    }
    stored = round(resolution / max(arguments.min_scale, 0.8)) if arguments.min_scale < 1 else resolution
    # The first process decodes, the others find what it stored.
    with accelerator.main_process_first():
        train = load_photos(
            arguments.dataset_name,
            split=arguments.train_split,
            resolution=stored,
            cache_in_memory=arguments.cache_in_memory,
            max_photos=arguments.max_train_samples,
            min_colorfulness=arguments.min_colorfulness,
            **shared,
        )
        splits = list_splits(arguments.dataset_name, revision=arguments.dataset_revision, token=arguments.hub_token)
        if arguments.validation_split in splits:
            validation = load_photos(
                arguments.dataset_name,
                split=arguments.validation_split,
                resolution=resolution,
                max_photos=arguments.max_validation_samples,
                **shared,
            )
            return train, validation
    if len(train) < 2:
        raise DatasetError(
            f"{arguments.dataset_name} has one usable photo: at least two are needed, one to validate on."
        )
    (seed,) = photo_seeds(arguments.seed, 0, [-2])
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    held_out = min(max(1, round(HELD_OUT_SHARE * len(train))), arguments.max_validation_samples)
    return PhotoSubset(train, order[held_out:].sort().values), PhotoSubset(train, order[:held_out].sort().values)
