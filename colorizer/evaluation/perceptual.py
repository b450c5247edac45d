"""LPIPS and FID: perceptual distance between photos, and between sets of photos, by pretrained recognition networks.

The networks come from the Hub. A metric whose network can't be downloaded is left out, with a note.
"""

import logging
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from colorizer.approaches.base.pretrained_parts import PretrainedPart
from colorizer.approaches.blocks.imagenet import normalize
from colorizer.approaches.blocks.vgg import Vgg16
from colorizer.errors import CheckpointError, HubError
from colorizer.evaluation.inception_v3 import InceptionV3
from colorizer.hub.download import download_checkpoint, download_file

logger = logging.getLogger(__name__)

VGG, INCEPTION = "timm/vgg16.tv_in1k", "timm/inception_v3.tf_in1k"
# LPIPS 0.1's learned weights for VGG features: its authors' vgg.pth bit for bit, with lin0.model.1.weight as 0.weight and so
# on, since they publish only pickles. Pinned to a commit, so that later uploads can't change the metric.
HEADS, HEADS_FILE = "vivym/lpips", "vgg_lpips_linear.safetensors"
HEADS_COMMIT = "270571f1fb2a2c4c5f920cec96cd87838c345982"


class Lpips(nn.Module):
    """Learned perceptual image patch similarity, version 0.1 on VGG-16: 0 for equal photos.

    Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018, equation 1.
    """

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()
        self.trunk = Vgg16(width=width)
        for index, channels in enumerate(self.trunk.channels):
            self.register_buffer(f"head_{index}", torch.ones(channels))

    def features(self, rgb: Tensor) -> list[Tensor]:
        """Extract features of photos (B, 3, H, W) in 0…1: per block (B, C, h, w), of unit length over the channels."""
        return [each * torch.rsqrt(each.square().sum(1, keepdim=True) + 1e-8) for each in self.trunk(normalize(rgb))]

    def forward(self, features: list[Tensor], other_features: list[Tensor]) -> Tensor:
        """Return the distance between two batches of photos from their features, (B,)."""
        distances = [
            torch.einsum("bchw,c->bhw", (first - second).square(), self.get_buffer(f"head_{index}")).mean(dim=(1, 2))
            for index, (first, second) in enumerate(zip(features, other_features, strict=True))
        ]
        return torch.stack(distances).sum(0)

    def fill_heads(self, file: Path) -> None:
        """Load the channel weights of each block from safetensors with the keys 0.weight, 1.weight, …, (1, C, 1, 1).

        Raises:
            CheckpointError: the file is damaged or of another layout.
        """
        try:
            published = load_file(file)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{file} is damaged or not safetensors: {error}. Delete it and try again.") from error
        for index, channels in enumerate(self.trunk.channels):
            weight = published.get(f"{index}.weight")
            if weight is None or weight.shape != (1, channels, 1, 1):
                raise CheckpointError(f"{file} has no LPIPS weights for {channels} channels in {index}.weight.")
            self.get_buffer(f"head_{index}").copy_(weight.flatten())


def load_lpips(device: torch.device, *, token: str | None = None) -> Lpips:
    """Return LPIPS with the Hub's VGG-16 and heads.

    Raises:
        HubError, CheckpointError: they can't be downloaded, or are of another layout.
    """
    lpips = Lpips()
    _fill(lpips.trunk, VGG, token)
    lpips.fill_heads(download_file(HEADS, HEADS_FILE, revision=HEADS_COMMIT, token=token))
    return lpips.to(device).eval().requires_grad_(False)


def load_inception(device: torch.device, *, token: str | None = None, width: float = 1.0) -> InceptionV3:
    """Return the network whose features FID compares, with the Hub's weights.

    Raises:
        HubError, CheckpointError: they can't be downloaded, or are of another layout.
    """
    inception = InceptionV3(width=width)
    _fill(inception, INCEPTION, token)
    return inception.to(device).eval().requires_grad_(False)


def _fill(module: Vgg16 | InceptionV3, source: str, token: str | None) -> None:
    part = PretrainedPart(module, source, rename=module.published_name)
    part.fill(download_checkpoint(source, token=token))


def frechet_distance(features: Tensor, other_features: Tensor) -> float:
    """Return the Fréchet distance between normal distributions with the moments of two sets of features (N, D), (M, D).

    Heusel et al., NeurIPS 2017, equation 6. The trace of the square root of the covariances' product is the sum of the
    singular values of the product of their factors. This needs no matrix root and, with fewer photos than features, a
    far smaller matrix. In float64.
    """
    factors, traces, means = [], [], []
    for each in (features.double(), other_features.double()):
        mean = each.mean(0)
        centered = (each - mean) / max(1, len(each) - 1) ** 0.5
        factors.append(torch.linalg.qr(centered, mode="r").R)
        traces.append(centered.square().sum())
        means.append(mean)
    shared = torch.linalg.svdvals(factors[0] @ factors[1].T).sum()
    return float((means[0] - means[1]).square().sum() + sum(traces) - 2 * shared)


class Perception:
    """Perceptual networks, as far as they are available, applied to true and to colored photos.

    notes: one sentence per network that is not.
    """

    def __init__(self, device: torch.device, *, token: str | None = None) -> None:
        self.device = device
        self.notes: list[str] = []
        self.lpips: Lpips | None = None
        self.inception: InceptionV3 | None = None
        try:
            self.lpips = load_lpips(device, token=token)
        except HubError as error:
            self._leave_out("LPIPS", HEADS if HEADS in str(error) else VGG, error)
        try:
            self.inception = load_inception(device, token=token)
        except HubError as error:
            self._leave_out("FID", INCEPTION, error)

    def _leave_out(self, metric: str, source: str, error: HubError) -> None:
        self.notes.append(f"{metric} is left out, since {source} can't be downloaded from the Hub.")
        logger.warning("%s is left out: %s", metric, error)

    @torch.inference_mode()
    def extract_features(self, rgb: Tensor) -> tuple[list[Tensor], Tensor | None]:
        """Return LPIPS features of photos (B, 3, H, W) in 0…1, and FID features (B, D) on the CPU."""
        rgb = rgb.to(self.device)
        deep = self.lpips.features(rgb) if self.lpips else []
        return deep, self.inception(rgb).cpu() if self.inception else None

    @torch.inference_mode()
    def compare(self, deep: list[Tensor], true_deep: list[Tensor]) -> dict[str, Tensor]:
        """Return {"lpips": (B,)}, or nothing without LPIPS."""
        return {"lpips": self.lpips(deep, true_deep).cpu()} if self.lpips else {}
