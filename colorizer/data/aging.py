"""Simulate old photos on a batch: the effects of film, lenses, time, handling and scanners, at strengths drawn from seeds.

Used to test how colors hold on old photos, and for training: the input is the old photo, the target the colors of the
original. The effects, in their order:

1. film: one of three kinds of emulsion; orthochromatic film is blind to red, film before 1880 to all but blue and violet;
2. blur: Gaussian, sigma up to 1.5 pixels;
3. fading: black turns gray and white darkens, unevenly over the photo, with another gamma;
4. scratches and dust, light or dark, up to 3 and 8 of them;
5. grain: Gaussian noise, sigma up to 0.06 and mostly far less, over 1 to 2 pixels, strongest in the midtones;
6. JPEG of quality 30 to 95;
7. sepia, none to full.

Pixel sizes are for a photo of 256 pixels and scale with it. Kinds and ranges are close to those of Wan et al., "Bringing Old
Photos Back to Life", CVPR 2020, section 4.1 (noise, blur, JPEG, fading, scratches); film and toning are added.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.data.augmentation import photo_seeds, uniforms
from colorizer.data.jpeg import compress
from colorizer.errors import ColorizerError
from colorizer.photos.color import RGB_TO_XYZ, linear_to_rgb, rgb_to_lab, rgb_to_linear

# Weights of linear red, green and blue per emulsion: as in the eye, without red, and with hardly any green.
FILMS = (RGB_TO_XYZ[1], (0.0, 0.5, 0.5), (0.0, 0.1, 0.9))
# Cumulative shares of the photos on each.
_FILM_SHARES = (0.5, 0.85, 1.0)

MAX_BLUR = 1.5
MAX_BLACK, MIN_WHITE = 0.25, 0.75
GAMMAS = 0.8, 1.25
MAX_UNEVENNESS = 0.15
NUM_SCRATCHES, NUM_SPECKS = 3, 8
MAX_GRAIN = 0.06
QUALITIES = 30, 95
SEPIA = (1.10, 0.97, 0.76)
"""Factors of full sepia on a gray level."""

_SIDE = 256
_DRAWS_PER_MARK = 6
_TILES = 4
# Makes aging independent of cropping and flipping, which are drawn from the same seed.
_AGING_SEED = 0x01D


def age_lightness(rgb: Tensor, seeds: list[int], *, share: float = 1.0) -> Tensor:
    """Compute CIE L in 0…100 (B, 1, H, W) with a `share` of the photos aged, chosen by their seeds; the others are unchanged.

    rgb: sRGB in 0…1, (B, 3, H, W), which is not modified: its colors are the target or the reference.

    Raises ColorizerError for a share outside 0…1, and as `age` does.
    """
    if not 0 <= share <= 1:
        raise ColorizerError(f"the share of photos to age must be in 0…1, not {share}")
    lightness = rgb_to_lab(rgb)[:, :1]
    (chosen,) = (uniforms(_aging_seeds(seeds), 1)[:, 0] < share).nonzero(as_tuple=True)
    if len(chosen):
        places = chosen.to(rgb.device)
        lightness[places] = rgb_to_lab(age(rgb[places], [seeds[place] for place in chosen.tolist()]))[:, :1]
    return lightness


def age(rgb: Tensor, seeds: list[int]) -> Tensor:
    """Age photos, as if scanned from old prints: sRGB in 0…1 (B, 3, H, W) to the same, gray or sepia.

    seeds: one per photo, from `photo_seeds`; the same seed always has the same effect on a photo.

    Raises ColorizerError for another shape, or not as many seeds as photos.
    """
    if rgb.ndim != 4 or rgb.shape[1] != 3 or 0 in rgb.shape or not rgb.is_floating_point():
        raise ColorizerError(f"age takes float photos (B, 3, H, W), not {rgb.dtype} {tuple(rgb.shape)}")
    if len(seeds) != len(rgb):
        raise ColorizerError(f"aging needs one seed per photo: {len(rgb)} photos, {len(seeds)} seeds")
    # Draw 0 decides whether a photo is aged at all.
    drawn = uniforms(_aging_seeds(seeds), 13 + _DRAWS_PER_MARK * (NUM_SCRATCHES + NUM_SPECKS)).float()
    film, blur, black, white, gamma, uneven, grain, clump, quality, sepia = (
        drawn[:, 1:11, None, None, None].to(rgb).unbind(1)
    )
    scale = max(rgb.shape[-2:]) / _SIDE
    fields = [torch.Generator().manual_seed(seed) for seed in _aging_seeds(seeds)]

    gray = _expose(rgb, film)
    gray = _blur(gray, (scale * MAX_BLUR * blur).flatten())
    gray = gray ** (GAMMAS[0] + (GAMMAS[1] - GAMMAS[0]) * gamma)
    black = MAX_BLACK * black
    gray = black + (1 - (1 - MIN_WHITE) * white - black) * gray
    light = F.interpolate(_noise(fields, (_TILES, _TILES)).to(rgb), rgb.shape[-2:], mode="bicubic").clamp(-2, 2) / 2
    gray = gray * (1 + MAX_UNEVENNESS * uneven * light)
    gray = _damage(gray, drawn[:, 11:13], drawn[:, 13:], scale)
    noise = _blur(_noise(fields, rgb.shape[-2:]).to(rgb), (scale * (0.4 + 0.4 * clump)).flatten())
    noise = noise / noise.std(dim=(1, 2, 3), correction=0, keepdim=True).clamp(min=1e-6)
    gray = gray + MAX_GRAIN * grain.square() * noise * 2 * (gray * (1 - gray)).clamp(min=0).sqrt()
    gray = compress(gray.clamp(0, 1), (QUALITIES[0] + (QUALITIES[1] - QUALITIES[0]) * quality).flatten().round())
    tint = 1 + sepia * (gray.new_tensor(SEPIA)[:, None, None] - 1)
    return (gray * tint).clamp(0, 1)


def _aging_seeds(seeds: list[int]) -> list[int]:
    return photo_seeds(_AGING_SEED, 0, seeds)


def _expose(rgb: Tensor, draw: Tensor) -> Tensor:
    """Return the gray levels (B, 1, H, W) that each photo's film records of its colors; gray is unchanged."""
    kind = torch.bucketize(draw.flatten().contiguous(), draw.new_tensor(_FILM_SHARES[:-1]), right=True)
    weights = rgb.new_tensor(FILMS)
    weights = (weights / weights.sum(1, keepdim=True))[kind]
    return linear_to_rgb((rgb_to_linear(rgb) * weights[:, :, None, None]).sum(1, keepdim=True)).clamp(0, 1)


def _noise(generators: list[torch.Generator], size: tuple[int, int]) -> Tensor:
    # On the CPU, so that the same seed gives the same noise on every device.
    return torch.stack([torch.randn(1, *size, generator=generator) for generator in generators])


def _blur(channel: Tensor, sigmas: Tensor) -> Tensor:
    """Blur each photo of (B, 1, H, W) with its own Gaussian, mirrored at the edge; sigma 0 means no blur."""
    reach = min(max(1, round(3 * float(sigmas.max()))), min(channel.shape[-2:]) - 1)
    if reach == 0:
        return channel
    places = torch.arange(-reach, reach + 1, device=channel.device, dtype=channel.dtype)
    kernels = torch.exp(-places.square() / (2 * sigmas[:, None].clamp(min=1e-3).square()))
    kernels = (kernels / kernels.sum(1, keepdim=True))[:, None, None]
    photos = F.pad(channel, 4 * (reach,), mode="reflect").transpose(0, 1)
    across = F.conv2d(photos, kernels, groups=len(channel))
    return F.conv2d(across, kernels.mT, groups=len(channel)).transpose(0, 1)


def _damage(gray: Tensor, counts: Tensor, draws: Tensor, scale: float) -> Tensor:
    """Add scratches, straight lines that lean slightly, and specks of dust, light or dark.

    counts: (B, 2) in 0…1, for the number of each. draws: (B, marks · 6) in 0…1, for their place and look. Both on the CPU.
    """
    height, width = gray.shape[-2:]
    down = torch.arange(height, device=gray.device, dtype=gray.dtype)[:, None] + 0.5
    across = torch.arange(width, device=gray.device, dtype=gray.dtype) + 0.5
    numbers = (counts * (torch.tensor((NUM_SCRATCHES, NUM_SPECKS)) + 1)).floor()
    gray = gray.clone()
    for mark, values in enumerate(draws.split(_DRAWS_PER_MARK, dim=1)):
        is_scratch = mark < NUM_SCRATCHES
        (bearers,) = (numbers[:, 0] > mark if is_scratch else numbers[:, 1] > mark - NUM_SCRATCHES).nonzero(
            as_tuple=True
        )
        if not len(bearers):
            continue
        left, top, lean, length, thickness, tone = values[bearers].to(gray)[..., None, None].unbind(1)
        angle = 0.6 * (lean - 0.5)
        x, y = across - left * width, down - top * height
        if is_scratch:
            half = (0.1 + 0.4 * length) * height
            along = (x * angle.sin() + y * angle.cos()).clamp(-half, half)
            x, y = x - along * angle.sin(), y - along * angle.cos()
        radius = scale * (0.2 + 0.5 * thickness if is_scratch else 0.5 + 1.2 * thickness)
        cover = (0.8 * (radius + 0.5 - (x * x + y * y).sqrt()).clamp(0, 1))[:, None]
        places = bearers.to(gray.device)
        gray[places] = torch.lerp(gray[places], (tone < 0.6).to(gray)[:, None], cover)
    return gray
