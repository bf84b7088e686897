# SPDX-License-Identifier: GPL-3.0-or-later
"""Small maps of large matrices: for each block of cells its mean, and its value of largest magnitude with its sign.

A mean alone greys out and a magnitude alone inflates, so there are always both, and whoever shows one says which.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

MOST = 256  # rows or columns of a map


def block_of(shape: Sequence[int], most: int = MOST) -> tuple[int, int]:
    """How many rows and columns of a tensor [..., rows, columns] one cell of the map stands for."""
    return -(-shape[-2] // most), -(-shape[-1] // most)


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether a tensor has more rows or columns than a map."""
    return len(shape) >= 2 and max(shape[-2:]) > MOST


def pool(tensor: torch.Tensor, most: int = MOST) -> dict[str, torch.Tensor]:
    """The maps "mean" and "absmax" [..., r, c] of a tensor [..., rows, columns], in float32 on the CPU."""
    matrices = tensor.detach().reshape(-1, 1, *tensor.shape[-2:])
    matrices = matrices.float() if matrices.dtype != torch.float32 else matrices
    block = block_of(tensor.shape, most)
    shape = *tensor.shape[:-2], *(-(-n // b) for n, b in zip(tensor.shape[-2:], block, strict=True))
    if tensor.is_meta:
        return {how: torch.empty(shape, device="meta") for how in ("mean", "absmax")}
    mean = F.avg_pool2d(matrices, block, block, ceil_mode=True, count_include_pad=False)
    high = F.max_pool2d(matrices, block, block, ceil_mode=True)
    low = -F.max_pool2d(-matrices, block, block, ceil_mode=True)
    signed = torch.where(high >= -low, high, low)
    return {"mean": mean.reshape(shape).cpu(), "absmax": signed.reshape(shape).cpu()}
