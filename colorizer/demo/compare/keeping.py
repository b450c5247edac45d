"""What a run leaves on disk, so that its colors can be changed without the network: the photo as shown, and the answers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from colorizer.errors import ColorizerError
from colorizer.photos.photo import Photo
from colorizer.pipelines.image_colorization import ColorizationResult


def keep_photo(photo: Photo, path: Path) -> Path:
    """Write a photo's pixels, alpha and color profile, which is what a picture of it takes."""
    parts = {"pixels": photo.pixels}
    if photo.alpha is not None:
        parts["alpha"] = photo.alpha
    if photo.icc_profile is not None:
        parts["profile"] = np.frombuffer(photo.icc_profile, np.uint8)
    return _write(path, parts)


def kept_photo(path: Path) -> Photo:
    """What `keep_photo` wrote; raises ColorizerError if it is gone."""
    parts = _read(path)
    profile = parts.get("profile")
    return Photo(parts["pixels"], parts.get("alpha"), icc_profile=None if profile is None else profile.tobytes())


def keep_answers(answers: Sequence[ColorizationResult], path: Path) -> Path:
    """Write what a network said of one photo: every answer's ab, and the logits where it has a distribution."""
    parts = {"ab": torch.stack([answer.ab for answer in answers]).numpy()}
    if answers[0].logits is not None:
        # Half the bytes: what they round off is less than a hundredth of a logit.
        parts["logits"] = answers[0].logits.numpy().astype(np.float16)
    return _write(path, parts)


def kept_answers(path: Path) -> tuple[Tensor, Tensor | None]:
    """ab (N, 2, h, w) of the answers and their logits (313, h', w') or None; raises ColorizerError if they are gone."""
    parts = _read(path)
    logits = parts.get("logits")
    return torch.from_numpy(parts["ab"]), None if logits is None else torch.from_numpy(logits).float()


def _write(path: Path, parts: dict[str, np.ndarray]) -> Path:
    with path.open("wb") as file:
        np.savez(file, **parts)
    return path


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except OSError as error:
        raise ColorizerError("These results are no longer kept here: colorize the photo again.") from error
