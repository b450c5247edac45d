"""Training and validation photos of a run, its batches and its number of steps."""

import math
from collections.abc import Iterator
from itertools import islice

import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor

from colorizer.data import PhotoBatches, PhotoDataset, PhotoStream, list_splits, load_photos
from colorizer.data.local_files import split_name
from colorizer.errors import ColorizerError, DatasetError
from colorizer.training.arguments import TrainingArguments

# Means over fewer validation photos say little about other photos.
FEW_PHOTOS = 20

# Number of photos over which objectives compute statistics, such as the frequency of each color.
MAX_STATISTICS_PHOTOS = 4096


def open_photos(
    arguments: TrainingArguments, stored: int, resolution: int, accelerator: Accelerator
) -> tuple[PhotoDataset | PhotoStream, PhotoDataset]:
    """Load training photos of side `stored` and validation photos of side `resolution`.

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
    # The first process decodes; the others load what it stored.
    with accelerator.main_process_first():
        train = load_photos(
            arguments.dataset_name,
            split=arguments.train_split,
            resolution=stored,
            streaming=arguments.streaming,
            cache_in_memory=arguments.cache_in_memory,
            max_photos=arguments.max_train_samples,
            seed=arguments.seed,
            min_colorfulness=arguments.min_colorfulness,
            min_label_photos=arguments.min_label_photos,
            **shared,
        )
        splits = list_splits(arguments.dataset_name, revision=arguments.dataset_revision, token=arguments.hub_token)
        # The only split, such as that of a single file, is the one to train on.
        if split_name(arguments.validation_split) in splits and len(splits) > 1:
            validation = load_photos(
                arguments.dataset_name,
                split=arguments.validation_split,
                resolution=resolution,
                classes=train.classes,
                max_photos=arguments.max_validation_samples,
                **shared,
            )
            return train, validation
    if isinstance(train, PhotoStream):
        raise DatasetError(
            f"{arguments.dataset_name} has no split {arguments.validation_split!r}, and a stream can't hold out photos. "
            f"Its splits are {', '.join(splits)}: choose one with --validation_split, or omit --streaming."
        )
    if len(train) < 2:
        raise DatasetError(
            f"{arguments.dataset_name} has one usable photo; at least two are needed, one of them for validation."
        )
    held_out = min(max(1, round(arguments.validation_share * len(train))), arguments.max_validation_samples)
    return train.split_off(held_out, seed=arguments.seed)


def describe_photos(train: PhotoDataset | PhotoStream, validation: PhotoDataset) -> str:
    """Return a sentence on the photos of a run, with a warning if few of them are for validation."""
    photos = "1 photo" if len(validation) == 1 else f"{len(validation)} photos"
    text = f"Training on {train.report}; validating on {photos}."
    if len(validation) < FEW_PHOTOS:
        text += (
            " These are too few to tell how good the colors of other photos will be: give the dataset a validation split, or "
            "hold out more with --validation_share."
        )
    return text


def statistics_photos(photos: PhotoDataset | PhotoStream) -> Iterator[Tensor]:
    """Yield the first photos in batches (B, 3, S, S), sRGB in 0…1, the same on every process."""
    batch_size = 64
    batches = PhotoBatches(photos, batch_size, shuffle=False, drop_last=False)
    for batch in islice(batches, MAX_STATISTICS_PHOTOS // batch_size):
        yield batch["rgb"].float() / 255


def resized(rgb: Tensor, size: int) -> Tensor:
    """Resize uint8 photos (B, 3, S, S) to sRGB in 0…1, (B, 3, size, size)."""
    rgb = rgb.float() / 255
    if rgb.shape[-1] == size:
        return rgb
    return F.interpolate(rgb, (size, size), mode="bilinear", align_corners=False, antialias=True).clamp(0, 1)


def count_steps(batches: PhotoBatches, arguments: TrainingArguments) -> tuple[int, int]:
    """Return the number of optimizer steps of the run and between validations.

    Raises:
        ColorizerError: `max_train_steps` is missing for a stream, whose epochs have no known length.
    """
    if batches.is_endless:
        if arguments.max_train_steps is None:
            raise ColorizerError("A streamed dataset has no known length: set --max_train_steps.")
        return arguments.max_train_steps, arguments.validation_steps or 1000
    steps_per_epoch = len(batches) / arguments.gradient_accumulation_steps
    num_steps = arguments.max_train_steps or math.ceil(arguments.num_train_epochs * steps_per_epoch)
    return num_steps, arguments.validation_steps or max(1, round(steps_per_epoch))


def numbered_batches(batches: PhotoBatches, start: int) -> Iterator[tuple[int, int, dict[str, Tensor]]]:
    """Yield endless batches from number `start` of the run, each with its number and epoch."""
    if batches.is_endless:
        for number, batch in enumerate(batches.iterate(start), start):
            yield number, 0, batch
        return
    number = start
    while True:
        epoch, place = divmod(number, len(batches))
        batches.set_epoch(epoch)
        for batch in batches.iterate(place):
            yield number, epoch, batch
            number += 1
