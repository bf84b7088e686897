# SPDX-License-Identifier: GPL-3.0-or-later
"""Where two runs differ, in true numbers: the same block in both, cell by cell. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .layout_types import Block
from .values import Values, masked


@dataclass(frozen=True)
class Difference:
    """The cell of a block in which two runs differ most, and what stands there in each. `row` and `column` are counted
    from the first that are drawn, with those that are elided."""

    block: Block
    row: int
    column: int
    first: float
    second: float

    @property
    def drawn(self) -> tuple[int, int] | None:
        """The drawn row and column of the cell; None where it is elided."""
        rows, columns = self.block.row_numbers, self.block.column_numbers
        row = int(np.searchsorted(rows, rows[0] + self.row))
        column = int(np.searchsorted(columns, columns[0] + self.column))
        there = rows[row] == rows[0] + self.row and columns[column] == columns[0] + self.column
        return (row, column) if there else None

    @property
    def size(self) -> float:
        """How far the two numbers are apart."""
        return abs(self.first - self.second)


def largest(first: Values, second: Values, keys: Iterable[str]) -> Difference | None:
    """The largest difference in those blocks that both have in one shape, each measured against the largest number in
    it (in either run), so that blocks of large numbers do not win by that alone. None where there is no such block."""
    best, found = -1.0, None
    for key in keys:
        if key not in first.blocks or key not in second.blocks:
            continue
        a, b = first.entire(key).astype(np.float64), second.entire(key).astype(np.float64)
        if a.shape != b.shape:
            continue
        part = first.blocks[key].part
        seen = np.isfinite(a) & np.isfinite(b) & ~masked(a, part) & ~masked(b, part)
        if not seen.any():
            continue
        away = np.where(seen, np.abs(np.where(seen, a, 0.0) - np.where(seen, b, 0.0)), -1.0)
        row, column = (int(i) for i in np.unravel_index(int(away.argmax()), away.shape))
        size = max(float(np.abs(a[seen]).max()), float(np.abs(b[seen]).max()), 1e-12)
        if away[row, column] / size > best:
            best = float(away[row, column] / size)
            found = Difference(first.blocks[key], row, column, float(a[row, column]), float(b[row, column]))
    return found


def root_mean_square(first: Values, second: Values, key: str) -> float | None:
    """Of the difference of a block in two runs, over all of its numbers; None where it is not in both in one shape."""
    if key not in first.blocks or key not in second.blocks:
        return None
    a, b = first.entire(key).astype(np.float64), second.entire(key).astype(np.float64)
    return float(np.sqrt(np.mean((a - b) ** 2))) if a.shape == b.shape else None


def strongest_head(first: Values, second: Values) -> Difference | None:
    """Where the attention of two runs differs most, over all heads of the first step that both have in one shape:
    the largest difference of a weight itself."""
    patterns = [key for key, block in first.blocks.items() if block.part == "pattern" and block.step == 0]
    found = [one for key in patterns if (one := largest(first, second, [key])) is not None]
    return max(found, key=lambda one: one.size, default=None)
