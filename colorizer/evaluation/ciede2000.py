"""CIEDE2000, the perceived difference between two colors."""

import math

import torch
from torch import Tensor

# Smallest divisor in place of a chroma of 0; far below any other chroma.
_TINY = 1e-30


def ciede2000(lab: Tensor, other_lab: Tensor) -> Tensor:
    """Return the CIEDE2000 color difference per pixel, Lab (…, 3, H, W) → (…, H, W); about 1 is just noticeable.

    Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test data, and
    mathematical observations", 2005; all three weighting factors are 1. Equation numbers in comments are that paper's.

    Hues are kept as unit vectors: their difference is 2 sin(Δh / 2), and their sum points to the mean along the shorter
    arc. One arctangent suffices, without special cases for hues that pass 360°.
    """
    l1, a1, b1 = lab.unbind(-3)
    l2, a2, b2 = other_lab.unbind(-3)
    stretch = 1.5 - 0.5 * _chroma_share((_length(a1, b1) + _length(a2, b2)) / 2)  # 1 + G, equations 2–4
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = _length(a1, b1), _length(a2, b2)
    # Gray has no hue: its direction is 0, and the mean hue is that of the other color (equation 14).
    at, bt = a1 / c1.clamp(min=_TINY), b1 / c1.clamp(min=_TINY)
    au, bu = a2 / c2.clamp(min=_TINY), b2 / c2.clamp(min=_TINY)
    turn = torch.copysign(_length(au - at, bu - bt), at * bu - au * bt)  # 2 sin(Δh / 2), equations 10 and 11
    dh = (c1 * c2).sqrt() * turn
    hue = _mean_hue(at, bt, au, bu)
    t = (
        1
        - 0.17 * torch.cos(hue - math.radians(30))
        + 0.24 * torch.cos(2 * hue)
        + 0.32 * torch.cos(3 * hue + math.radians(6))
        - 0.20 * torch.cos(4 * hue - math.radians(63))
    )  # equation 15
    rotation = math.radians(30) * torch.exp(-((hue - math.radians(275)) / math.radians(25)).square())  # equation 16

    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    from_middle = (lightness - 50).square()
    dl = (l2 - l1) / (1 + 0.015 * from_middle / (20 + from_middle).sqrt())
    dc = (c2 - c1) / (1 + 0.045 * chroma)
    dh = dh / (1 + 0.015 * chroma * t)
    cross = -2 * torch.sin(2 * rotation) * _chroma_share(chroma) * dc * dh
    # Rounding may leave a value just below 0 where both colors are equal.
    return (dl.square() + dc.square() + dh.square() + cross).clamp(min=0).sqrt()


def _length(a: Tensor, b: Tensor) -> Tensor:
    # torch.hypot takes four times as long, and these numbers can't overflow when squared.
    return (a * a + b * b).sqrt()


def _chroma_share(chroma: Tensor) -> Tensor:
    """Return sqrt(C⁷ / (C⁷ + 25⁷)), computed without float32 overflow."""
    ratio = chroma / 25
    square = ratio * ratio
    power = square * square * square * ratio
    return (power / (power + 1)).sqrt()


def _mean_hue(at: Tensor, bt: Tensor, au: Tensor, bu: Tensor) -> Tensor:
    """Return the mean hue of two directions in 0…2π; 0 where both are gray."""
    a, b = at + au, bt + bu
    is_undecided = (a == 0) & (b == 0)
    if is_undecided.any():
        # The mean of opposite hues is a quarter turn past the one below 180° (equation 14).
        is_first = (bt > 0) | ((bt == 0) & (at > 0))
        a = torch.where(is_undecided, torch.where(is_first, -bt, -bu), a)
        b = torch.where(is_undecided, torch.where(is_first, at, au), b)
    hue = torch.atan2(b, a)
    return torch.where(hue < 0, hue + 2 * math.pi, hue)
