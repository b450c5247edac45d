"""Input normalization of ImageNet networks."""

from torch import Tensor

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalize(rgb: Tensor) -> Tensor:
    """Normalize sRGB in 0…1, (B, 3, H, W), or gray (B, 1, H, W), to 3 channels of mean 0 and deviation 1 over ImageNet."""
    mean, std = (rgb.new_tensor(numbers).view(1, 3, 1, 1) for numbers in (MEAN, STD))
    return (rgb - mean) / std
