# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of a layout's blocks, and the numbers at the two ends of their colours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .layout_types import Block, Layout
from .trace import Trace

PROBABILITIES = frozenset({"pattern", "probabilities"})
LOCAL, GLOBAL = "local", "global"  # scales of the colours
SCALES = (LOCAL, GLOBAL)


class Values:
    """The drawn numbers of every block of a layout, by key, read from the trace when first asked for.

    The colours' ends are `local`, one pair for a part of a layer over all its heads and steps, so that each shows what
    is in it; or `global`, one pair for all blocks of a kind (weights, activations, statistics, probabilities), so that
    blocks can be compared. UserError for any other scale.
    """

    def __init__(self, trace: Trace, layout: Layout, scale: str = LOCAL) -> None:
        if scale not in SCALES:
            raise UserError(f"There is no colour scale called {scale!r}.", f"Colour scales: {', '.join(SCALES)}.", 2)
        self._trace = trace
        self._scale = scale
        self._arrays: dict[str, NDArray[np.float32]] = {}
        self.blocks: Mapping[str, Block] = {block.key: block for block in layout.blocks}
        self._ends: dict[str, tuple[float, float]] = {}

    def matrix(self, key: str) -> NDArray[np.float32]:
        """The drawn numbers of a block, [rows, columns]. KeyError for a block that there is not."""
        block = self.blocks[key]
        if block.tensor not in self._arrays:
            self._arrays[block.tensor] = self._trace.array(block.tensor)
        return matrix_of(self._arrays[block.tensor], block)

    def ends(self, key: str) -> tuple[float, float]:
        """The colour map's ends for a block, in the scale that was chosen."""
        if not self._ends:
            together: dict[tuple[bool, object], list[str]] = defaultdict(list)
            for block in self.blocks.values():
                group = (block.layer, block.part) if self._scale == LOCAL else block.kind
                together[block.part in PROBABILITIES, group].append(block.key)
            for (likely, _group), keys in together.items():
                numbers = np.concatenate([self.matrix(k).ravel() for k in keys])
                self._ends.update(dict.fromkeys(keys, color_ends(numbers, likely)))
        return self._ends[key]


def matrix_of(values: NDArray[np.float32], block: Block) -> NDArray[np.float32]:
    """The drawn numbers of a block, [rows, columns], from the whole tensor's array."""
    matrix = values[block.index] if block.index else values
    matrix = np.atleast_2d(matrix)
    (r0, r1), (c0, c1) = block.rows, block.columns
    return np.ascontiguousarray(matrix[r0 : r1 + 1, c0 : c1 + 1], dtype=np.float32)


def color_ends(matrix: NDArray[np.float32], probabilities: bool) -> tuple[float, float]:
    """The numbers at the two ends of the colour map: symmetric about zero at three standard deviations (at least a
    quarter and at most all of the largest magnitude), or 0 to 1 for probabilities."""
    if probabilities:
        return 0.0, 1.0
    finite = matrix[np.isfinite(matrix)]
    if finite.size == 0:
        return -1.0, 1.0
    largest = float(np.abs(finite).max())
    deviation = float(np.sqrt(np.mean(finite.astype(np.float64) ** 2)))
    high = min(largest, max(3.0 * deviation, largest / 4)) or 1.0
    return -high, high
