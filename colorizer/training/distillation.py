"""Distillation: the colors that a teacher checkpoint predicts, mixed into the training targets.

Photos that differ only in the color of a shirt pull a network in different directions. A teacher that is larger, or was trained
on more photos, predicts the mean, and a small network reaches it in fewer photos. This is the mix of labels and a larger
network's outputs of Hinton et al. 2015 (arXiv:1503.02531), for a regression.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.atomic_write import write_file
from colorizer.data import PhotoDataset, cache_folder
from colorizer.hub.loading import load_model, model_digest
from colorizer.photos import color
from colorizer.pipelines.options import working_size
from colorizer.training.arguments import TrainingArguments
from colorizer.training.frozen_features import CHUNK, fill

# Upsampling photos further gives the teacher no more detail, and is slow.
MAX_ENLARGEMENT = 1.5


def mix_in(
    arguments: TrainingArguments, photos: PhotoDataset, accelerator: Accelerator, say: Callable[[str], None]
) -> None:
    """Set the colors of photos in memory to (1 − teacher_share) · true + teacher_share · teacher's, at their own lightness.

    The photos are split over the processes. The teacher's colors are cached on disk for other runs, next to the decoded
    photos.

    Raises:
        CheckpointError, HubError: the teacher can't be loaded.
    """
    network = load_model(arguments.teacher, token=arguments.hub_token).to(accelerator.device).eval()
    path = _cache_path(network, photos)
    # All processes follow the first one. Otherwise, one could wait for others that skipped the computation.
    [is_cached] = broadcast_object_list([_is_cached(path, len(photos))])
    if is_cached:
        ab = torch.from_numpy(np.load(path))
    else:
        say(f"Computing and caching the colors of {len(photos)} photos with {arguments.teacher}.")
        ab = _predict_colors(network, photos, accelerator).cpu()
        if accelerator.is_main_process:
            _save_to_cache(ab.numpy(), path, say)
    for start in range(0, len(photos), CHUNK):
        part = slice(start, start + CHUNK)
        lab = color.rgb_to_lab(photos.in_memory[part].float() / 255)
        lab[:, 1:] += arguments.teacher_share * (ab[part].float() - lab[:, 1:])
        photos.in_memory[part] = color.lab_to_rgb(lab).mul(255).round().to(torch.uint8)


@torch.no_grad()
def _predict_colors(network: ColorizerModel, photos: PhotoDataset, accelerator: Accelerator) -> Tensor:
    """Predict CIE ab with the teacher, rounded to int8 (N, 2, S, S)."""
    side = photos.resolution
    size = working_size((side, side), network, min(network.config.resolution, round(MAX_ENLARGEMENT * side)))
    table = torch.zeros(len(photos), 2, side, side, dtype=torch.int8, device=accelerator.device)

    def predict(rgb: Tensor) -> Tensor:
        lightness = color.rgb_to_lab(rgb.float() / 255)[:, :1]
        lightness = F.interpolate(lightness, size, mode="bilinear", antialias=True)
        ab = F.interpolate(network(lightness).ab.float(), (side, side), mode="bilinear", antialias=True)
        return ab.round().clamp(-128, 127).to(torch.int8)

    return fill(table, photos, predict, accelerator, "teacher")


def _cache_path(network: ColorizerModel, photos: PhotoDataset) -> Path:
    """Return the cache file of this network's colors of these photos."""
    digest = hashlib.sha256(photos.in_memory.numpy().tobytes())
    digest.update(f"{model_digest(network)} {MAX_ENLARGEMENT}".encode())
    return cache_folder() / f"taught-{digest.hexdigest()[:32]}.npy"


def _is_cached(path: Path, num_photos: int) -> bool:
    """Return whether the cache file is there and whole. A damaged one is computed again."""
    try:
        return len(np.load(path, mmap_mode="r")) == num_photos
    except (OSError, ValueError, EOFError, TypeError):
        return False


def _save_to_cache(ab: np.ndarray, path: Path, say: Callable[[str], None]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_file(path) as stream:
            np.save(stream, ab)
    except OSError as error:
        say(
            f"The teacher's colors can't be cached in {path.parent} ({error.strerror}): other runs will compute them again."
        )
