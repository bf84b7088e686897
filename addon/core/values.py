# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of a layout's blocks, and the numbers at the two ends of their colours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .layout_types import Block, Layout
from .trace import Trace
from .trace_manifest import PooledSource

PROBABILITIES = frozenset({"pattern", "probabilities"})
LOCAL, GLOBAL = "local", "global"  # scales of the colours
SCALES = (LOCAL, GLOBAL)
ABSMAX = "absmax"
HIDDEN = -1e30  # a number at or below it is masked away, whatever it is
SCORES = frozenset({"scores", "masked"})  # parts whose numbers are scores, after a mask where there is one
HIDDEN_SCORE = -3e4  # a score at or below it is masked: half precision has nothing below -65504 to mask with
MANY = 1_000_000  # numbers: of so many the trace has said already how they spread


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

    def masked(self, key: str) -> NDArray[np.bool_]:
        """Which of a block's drawn numbers a mask has hidden, [rows, columns]."""
        return masked(self.matrix(key), self.blocks[key].part)

    def whole(self, key: str) -> NDArray[np.float32]:
        """The numbers of a block's rows with all columns, also those that are elided."""
        block = self.blocks[key]
        if not block.column_ranges:
            return self.matrix(key)
        columns = block.column_ranges[0][0], block.column_ranges[-1][1]
        return matrix_of(self._trace.array(block.tensor), replace(block, columns=columns, column_ranges=()))

    def entire(self, key: str) -> NDArray[np.float32]:
        """The numbers of a block from its first drawn row and column to its last, also those that are elided."""
        block = self.blocks[key]
        (top, bottom), (left, right) = (
            (int(numbers[0]), int(numbers[-1])) for numbers in (block.row_numbers, block.column_numbers)
        )
        whole = replace(block, rows=(top, bottom), columns=(left, right), row_ranges=(), column_ranges=())
        return matrix_of(self._trace.array(block.tensor), whole)

    def ends(self, key: str) -> tuple[float, float]:
        """The colour map's ends for a block, in the scale that was chosen."""
        if not self._ends:
            together: dict[tuple[bool, object], list[str]] = defaultdict(list)
            for block in self.blocks.values():
                group = (block.layer, block.part) if self._scale == LOCAL else block.kind
                together[block.part in PROBABILITIES, group].append(block.key)
            for (likely, _group), keys in together.items():
                ends = (0.0, 1.0) if likely else spread_ends(self._spread(key) for key in keys)
                self._ends.update(dict.fromkeys(keys, ends))
        return self._ends[key]

    def pooled(self, key: str, block: tuple[int, int]) -> Pooled:
        """A block's numbers with one for each `block` of rows and columns: that of the largest magnitude, with its
        sign. The trace's own map is taken where it is about as fine, and where the trace has nothing else."""
        drawn = self.blocks[key]
        kept = self._map(drawn)
        if kept is not None and all(
            a <= b < 2 * a and first % b == 0
            for a, b, first in zip(block, kept.block, (drawn.rows[0], drawn.columns[0]), strict=True)
        ):
            return kept
        try:
            matrix = self.matrix(key)
            return Pooled(pool(matrix, block), block, size=pool_size(matrix, block, drawn.part))
        except UserError:
            if kept is None:
                raise
            return kept

    def _map(self, block: Block) -> Pooled | None:
        """What the trace's own map says of a block; None where there is none."""
        tensor, source = self._trace.tensor(block.tensor), self._trace.tensor(block.tensor).source
        sizes = [one.block for one in tensor.maps if one.how == ABSMAX]
        if isinstance(source, PooledSource) and source.how == ABSMAX:
            sizes.append(source.block)
        if not sizes or len(tensor.shape) != 2 or len(sizes[0]) != 2:
            return None
        values, size = self._trace.map(block.tensor, ABSMAX), sizes[0]
        stretches = (block.row_ranges or (block.rows,), block.column_ranges or (block.columns,))
        rows, columns = (
            np.concatenate([np.arange(first // n, last // n + 1) for first, last in spans])
            for spans, n in zip(stretches, size, strict=True)
        )
        start = (stretches[0][0][0] % size[0] / size[0], stretches[1][0][0] % size[1] / size[1])
        return Pooled(np.ascontiguousarray(values[np.ix_(rows, columns)]), (size[0], size[1]), start)

    def _spread(self, key: str) -> Spread:
        """Of a block's numbers: from what the trace says of the tensor, where they are many and all of it."""
        block = self.blocks[key]
        tensor = self._trace.tensor(block.tensor)
        rows, columns = block.shape
        whole = rows * columns == int(np.prod(tensor.shape))
        if whole and rows * columns >= MANY and tensor.stats is not None:
            stats = tensor.stats
            count = rows * columns - stats.nan - stats.inf
            return Spread(stats.absmax, (stats.mean**2 + stats.std**2) * count, count)
        try:
            return spread(self.matrix(key), block.part)
        except UserError:
            kept = self._map(block)
            if kept is None:
                raise
            return spread(kept.matrix)


def matrix_of(values: NDArray[np.float32], block: Block) -> NDArray[np.float32]:
    """The drawn numbers of a block, [rows, columns], from the whole tensor's array."""
    matrix = values[block.index] if block.index else values
    matrix = np.atleast_2d(matrix)
    for axis, stretches in enumerate((block.row_ranges, block.column_ranges)):
        if stretches:
            pieces = [matrix[(slice(None),) * axis + (slice(first, last + 1),)] for first, last in stretches]
            matrix = np.concatenate(pieces, axis)
    (r0, r1), (c0, c1) = block.rows, block.columns
    return np.ascontiguousarray(matrix[r0 : r1 + 1, c0 : c1 + 1], dtype=np.float32)


@dataclass(frozen=True)
class Pooled:
    """One value for each `block` of rows and columns. The first stands for a block that begins `start` of its size
    before the first drawn row and column (0 unless the blocks are those of a larger matrix). `size` is the root mean
    square of each block, where it is known: from afar the largest of many hides how large they are."""

    matrix: NDArray[np.float32]
    block: tuple[int, int]
    start: tuple[float, float] = (0.0, 0.0)
    size: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Spread:
    """Of the finite numbers: the largest magnitude, the sum of the squares, the count."""

    largest: float
    power: float
    count: int


def masked(matrix: NDArray[np.floating], part: str = "") -> NDArray[np.bool_]:
    """Which numbers a mask has put far below all others: minus infinity, or in models that do not use it about as low
    as their number type goes. In a `part` that holds scores that is as low as half precision goes, too."""
    hidden: NDArray[np.bool_] = matrix <= (HIDDEN_SCORE if part in SCORES else HIDDEN)
    return hidden


def spread(matrix: NDArray[np.float32], part: str = "") -> Spread:
    """How the numbers of a matrix spread that are finite and not masked, as those of that part."""
    finite = matrix[np.isfinite(matrix) & ~masked(matrix, part)]
    if finite.size == 0:
        return Spread(0.0, 0.0, 0)
    return Spread(float(np.abs(finite).max()), float(np.sum(finite.astype(np.float64) ** 2)), finite.size)


def pool(matrix: NDArray[np.float32], block: tuple[int, int]) -> NDArray[np.float32]:
    """For each block of rows and columns the number of the largest magnitude, with its sign (NaN where there is one);
    at the right and at the bottom blocks may be smaller."""
    for axis, size in enumerate(block):
        if size > 1:
            most, least = (_reduced(way, matrix, axis, size) for way in (np.maximum, np.minimum))
            matrix = np.where(np.isnan(most) | (most >= -least), most, least)
    return np.ascontiguousarray(matrix, np.float32)


def pool_size(matrix: NDArray[np.float32], block: tuple[int, int], part: str = "") -> NDArray[np.float32]:
    """For each block of rows and columns the root mean square of its numbers that are finite and not masked, as those
    of that part."""
    counts = np.isfinite(matrix) & ~masked(matrix, part)
    power: NDArray[np.float32] = np.square(np.clip(np.where(counts, matrix, np.float32(0)), -1e18, 1e18))
    for axis, size in enumerate(block):
        if size > 1:
            power = _reduced(np.add, power, axis, size) / size
    return np.sqrt(power, dtype=np.float32)


def _reduced(way: np.ufunc, matrix: NDArray[np.float32], axis: int, size: int) -> NDArray[np.float32]:
    """Every `size` numbers along an axis as one; the last ones stand in for those that are missing at the end."""
    ends = [(0, -matrix.shape[axis] % size if i == axis else 0) for i in range(2)]
    whole = np.moveaxis(np.pad(matrix, ends, mode="edge"), axis, 0)
    found = whole[::size]
    for i in range(1, size):
        found = way(found, whole[i::size])
    return np.moveaxis(found, 0, axis)


def color_ends(matrix: NDArray[np.float32], probabilities: bool) -> tuple[float, float]:
    """The numbers at the two ends of the colour map for those of a matrix; 0 to 1 for probabilities."""
    return (0.0, 1.0) if probabilities else spread_ends([spread(matrix)])


def spread_ends(spreads: Iterable[Spread]) -> tuple[float, float]:
    """The ends of the colour map: symmetric about zero at three standard deviations (at least a quarter and at most
    all of the largest magnitude)."""
    parts = list(spreads)
    count = sum(part.count for part in parts)
    if count == 0:
        return -1.0, 1.0
    largest = max(part.largest for part in parts)
    deviation = (sum(part.power for part in parts) / count) ** 0.5
    high = min(largest, max(3.0 * deviation, largest / 4)) or 1.0
    return -high, high
