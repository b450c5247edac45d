"""Photos for training: sources, filters, batches, augmentation."""

from colorizer.data.aging import age, age_lightness
from colorizer.data.augmentation import augment, photo_seeds, saturate
from colorizer.data.batches import PhotoBatches
from colorizer.data.dataset_loading import cache_folder, load_photos
from colorizer.data.decoding import DatasetReport
from colorizer.data.photo_dataset import PhotoDataset, PhotoStream
from colorizer.data.simulated_hints import simulate_hints
from colorizer.data.sources import list_splits

__all__ = [
    "DatasetReport",
    "PhotoBatches",
    "PhotoDataset",
    "PhotoStream",
    "age",
    "age_lightness",
    "augment",
    "cache_folder",
    "list_splits",
    "load_photos",
    "photo_seeds",
    "saturate",
    "simulate_hints",
]
