# SPDX-License-Identifier: GPL-3.0-or-later
"""The partial sums of a block of a scene, from the numbers of the blocks that it is the product of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
EXACT = 1e-5  # by how much of the largest sum of magnitudes float32 may be off


@dataclass(frozen=True)
class Product:
    """left @ right, and a bias where there is one, by the names of the blocks. `sums` [k + 1, i, j], or [k + 2, i, j]
    with a bias, are zero, then the sums of the first 1, 2, ... products, and last the result itself."""

    left: str
    right: str
    bias: str | None
    sums: NDArray[np.float32]


def find_product(result: Floats, blocks: Mapping[str, Floats]) -> Product | None:
    """The first two of the blocks [rows, columns] whose product is the result [i, j], by itself or with a third one
    added to each row; None where no two are, as when one of them is drawn in part."""
    for left, right in _fitting(result.shape, blocks):
        a, b = blocks[left].astype(np.float64), blocks[right].astype(np.float64)
        off = EXACT * max(float((np.abs(a) @ np.abs(b)).max()), float(np.abs(result).max()))
        rest = result - a @ b
        if np.abs(rest).max() <= off:
            return Product(left, right, None, _sums(a, b, result, biased=False))
        for bias, row in blocks.items():
            if row.shape == (1, result.shape[1]) and np.abs(rest - row).max() <= off:
                return Product(left, right, bias, _sums(a, b, result, biased=True))
    return None


def _fitting(shape: tuple[int, ...], blocks: Mapping[str, Floats]) -> Iterator[tuple[str, str]]:
    """Pairs of blocks of finite numbers that can be multiplied to that shape."""
    whole = {name: matrix for name, matrix in blocks.items() if np.isfinite(matrix).all()}
    for left, a in whole.items():
        if a.shape[0] == shape[0]:
            for right, b in whole.items():
                if b.shape == (a.shape[1], shape[1]) and left != right:
                    yield left, right


def _sums(left: Floats, right: Floats, result: Floats, *, biased: bool) -> NDArray[np.float32]:
    """Of `Product`; what the order of adding changes in the last digits is not seen in the last of them."""
    products = left.T[:, :, None] * right[:, None, :]  # [k, i, j]
    sums = np.concatenate([np.zeros((1, *result.shape)), products.cumsum(0)])  # [k + 1, i, j]
    if biased:
        return np.concatenate([sums, result[None]]).astype(np.float32)
    sums[-1] = result
    return sums.astype(np.float32)
