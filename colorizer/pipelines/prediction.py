"""What a network answers for photos of one size: one coloring of each, or several that are drawn."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.spaces import device_centers
from colorizer.photos import bins
from colorizer.pipelines import sampling


@dataclass(frozen=True, eq=False)
class Answer:
    """What is said of one photo, on the CPU, in float32.

    ab: CIE a*, b* (2, H, W) of each coloring, at the lightness's size.
    logits, uncertainty, scenes: as ColorizationResult has them; None where they were not asked for.
    """

    ab: list[Tensor]
    logits: Tensor | None = None
    uncertainty: Tensor | None = None
    scenes: dict[str, float] | None = None


def ask(
    model: ColorizerModel,
    lightness: Tensor,
    hints: Tensor | None = None,
    *,
    num_images: int = 1,
    seed: int | None = None,
    has_details: bool = False,
    **options: float | str | None,
) -> list[Answer]:
    """Put photos, lightness (B, 1, H, W) and hints (B, 3, H, W), to the network, once however many answers are drawn.

    One answer without a seed is not drawn: it is what the network itself gives. `has_details`: not ab alone.
    """
    is_drawn = seed is not None or num_images > 1
    output = model(lightness, hints=hints, decode=not is_drawn, **options)
    size = lightness.shape[-2:]
    if is_drawn:
        temperature = options.get("temperature", model.default_options["temperature"])
        colorings = [
            recolor(logits, size, temperature=temperature, seed=seed or 0, num_images=num_images)
            for logits in output.logits
        ]
    else:
        colorings = [[ab] for ab in output.ab.float().cpu()]
    if not has_details:
        return [Answer(ab) for ab in colorings]
    logits = uncertainty = [None] * len(lightness)
    if output.logits is not None:
        logits = output.logits.float().cpu()
        uncertainty = _enlarge(sampling.uncertainty(output.logits), size).cpu()
    return [Answer(*parts) for parts in zip(colorings, logits, uncertainty, model.rank_scenes(output), strict=True)]


def recolor(
    logits: Tensor, size: tuple[int, int], *, temperature: float, seed: int | None = None, num_images: int = 1
) -> list[Tensor]:
    """What the network that gave these logits of one photo, (313, h, w), answers at this temperature; it does not run again.

    Returns ab (2, H, W), CIE units, of `size` = (H, W), on the CPU: as `ask` does, the annealed mean where one answer is wanted
    and no seed is given, else `num_images` answers that are drawn.
    """
    if seed is None and num_images == 1:
        drawn = bins.annealed_mean(logits[None], device_centers(logits.device), temperature)
    else:
        drawn = sampling.sample_ab(logits, temperature=temperature, seed=seed or 0, num_images=num_images)
    return [_enlarge(ab, size).cpu() for ab in drawn]


def _enlarge(channels: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, h, w) at another height and width."""
    return F.interpolate(channels[None], size=size, mode="bilinear", align_corners=False)[0]
