"""What ImageNet networks expect of a photo."""

from torch import Tensor

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalize(rgb: Tensor) -> Tensor:
    """sRGB in 0…1, (B, 3, H, W), or a gray photo (B, 1, H, W), to three channels of mean 0 and deviation 1 over ImageNet."""
    mean, std = (rgb.new_tensor(numbers).view(1, 3, 1, 1) for numbers in (MEAN, STD))
    return (rgb - mean) / std
