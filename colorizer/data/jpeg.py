"""JPEG compression artifacts of gray photos, simulated on a batch without writing files."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 8

# ITU-T T.81, annex K, table K.1: quantization steps of luminance at quality 50.
_STEPS = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def compress(gray: Tensor, quality: Tensor) -> Tensor:
    """Compress and decompress gray levels in 0…1 (B, 1, H, W) as JPEG with each photo's `quality` (B,), 1…100.

    Quality is defined as in libjpeg: 50 uses the standard's table unchanged.
    """
    height, width = gray.shape[-2:]
    padded = F.pad(gray * 255 - 128, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")
    # (B, 1, rows of blocks, 8, columns of blocks, 8), the blocks' own sides last.
    blocks = padded.unflatten(-1, (-1, BLOCK)).unflatten(-3, (-1, BLOCK)).transpose(-3, -2)
    transform = _cosines().to(gray)
    steps = _steps(quality).to(gray)[:, None, None, None]
    coefficients = (transform @ blocks.round() @ transform.T / steps).round() * steps
    restored = (transform.T @ coefficients @ transform).transpose(-3, -2).flatten(-4, -3).flatten(-2)
    return ((restored[..., :height, :width].round() + 128) / 255).clamp(0, 1)


def _cosines() -> Tensor:
    """Return the orthonormal matrix of the discrete cosine transform of 8 values."""
    frequency, place = torch.arange(BLOCK)[:, None], torch.arange(BLOCK)[None]
    cosines = torch.cos((2 * place + 1) * frequency * math.pi / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    cosines[0] /= math.sqrt(2)
    return cosines


def _steps(quality: Tensor) -> Tensor:
    quality = quality.double().clamp(1, 100)
    percent = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    return ((percent[:, None, None] * torch.tensor(_STEPS) + 50) / 100).floor().clamp(1, 255)
