"""A teacher: another checkpoint's colors of the training photos, mixed into those that are learned from.

Photos alike but for a shirt's color pull a network every way; a teacher that has seen more, or knows more, says the mean, and a
small network gets there in fewer photos. It is the mix of labels and a larger network's outputs of Hinton et al. 2015
(arXiv:1503.02531), for a regression.
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

# A photo enlarged more than this shows a teacher nothing more, and takes long.
MAX_ENLARGEMENT = 1.5


def mix_in(
    arguments: TrainingArguments, photos: PhotoDataset, accelerator: Accelerator, say: Callable[[str], None]
) -> None:
    """Give photos in memory the colors (1 − teacher_share) · true + teacher_share · the teacher's, at their own lightness.

    The photos are split over the processes. The teacher's colors are kept on disk, next to the decoded photos, for other
    runs.

    Raises:
        CheckpointError, HubError: the teacher can't be loaded.
    """
    network = load_model(arguments.teacher, token=arguments.hub_token).to(accelerator.device).eval()
    path = _place(network, photos)
    # All go the way that the first process finds, lest one wait for others that have gone ahead.
    [is_kept] = broadcast_object_list([path.exists()])
    if is_kept:
        ab = torch.from_numpy(np.load(path))
    else:
        say(f"The colors that {arguments.teacher} gives {len(photos)} photos are computed once and kept.")
        ab = _colors(network, photos, accelerator).cpu()
        if accelerator.is_main_process:
            _keep(ab.numpy(), path, say)
    for start in range(0, len(photos), CHUNK):
        part = slice(start, start + CHUNK)
        lab = color.rgb_to_lab(photos.in_memory[part].float() / 255)
        lab[:, 1:] += arguments.teacher_share * (ab[part].float() - lab[:, 1:])
        photos.in_memory[part] = color.lab_to_rgb(lab).mul(255).round().to(torch.uint8)


@torch.no_grad()
def _colors(network: ColorizerModel, photos: PhotoDataset, accelerator: Accelerator) -> Tensor:
    """CIE ab by the teacher, rounded, int8 (N, 2, S, S)."""
    side = photos.resolution
    size = working_size((side, side), network, min(network.config.resolution, round(MAX_ENLARGEMENT * side)))
    table = torch.zeros(len(photos), 2, side, side, dtype=torch.int8, device=accelerator.device)

    def look(rgb: Tensor) -> Tensor:
        lightness = color.rgb_to_lab(rgb.float() / 255)[:, :1]
        lightness = F.interpolate(lightness, size, mode="bilinear", antialias=True)
        ab = F.interpolate(network(lightness).ab.float(), (side, side), mode="bilinear", antialias=True)
        return ab.round().clamp(-128, 127).to(torch.int8)

    return fill(table, photos, look, accelerator, "teacher")


def _place(network: ColorizerModel, photos: PhotoDataset) -> Path:
    """Where the colors of just these photos by just this network are kept."""
    digest = hashlib.sha256(photos.in_memory.numpy().tobytes())
    digest.update(f"{model_digest(network)} {MAX_ENLARGEMENT}".encode())
    return cache_folder() / f"taught-{digest.hexdigest()[:32]}.npy"


def _keep(ab: np.ndarray, path: Path, say: Callable[[str], None]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_file(path) as stream:
            np.save(stream, ab)
    except OSError as error:
        say(f"They can't be kept in {path.parent} ({error.strerror}): another run will compute them again.")
