"""Result of a pipeline call with `return_dict=True`."""

from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from colorizer.photos.photo import Photo


@dataclass(frozen=True, eq=False)
class ColorizationResult:
    """Result of a call with `return_dict=True`.

    image: the colorized photo in its own size.
    ab: predicted CIE a*, b*, float32 (2, h, w) at the working size, before `saturation`. With propagated hints, it includes
        them and is at least as large as the grid on which they are propagated.
    logits: float32 (313, h, w) if the approach predicts a distribution over bins, else None.
    uncertainty: for such an approach, the entropy of each pixel's distribution, float32 (h, w) at the working size, 0…1, else
        None. 0 means one certain color, 1 means all are equally likely. It is always computed at temperature 1.
    scenes: probability of each scene that the network was trained on, most likely first, else None.
    seconds: time for colorizing, without reading the photo. The network's time for a batch is divided evenly among its photos,
        and the time for several colorings among these.
    photo: the photo as read; it can be passed to a pipeline again without decoding it again.
    """

    image: Image.Image
    ab: Tensor
    logits: Tensor | None
    uncertainty: Tensor | None
    scenes: dict[str, float] | None
    seconds: float
    photo: Photo
