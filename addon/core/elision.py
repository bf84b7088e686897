# SPDX-License-Identifier: GPL-3.0-or-later
"""Long axes that are not drawn whole: of a vocabulary of fifty thousand, the first and the last words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .layout_types import Block, Span
from .trace import Trace

MOST_WORDS = 3072  # of a vocabulary that are drawn: as long as the longest side of a layer of GPT-2 small
VOCAB = ("vocab",)


def drawn_words(count: int) -> int:
    """How many words of a vocabulary are drawn."""
    return min(count, MOST_WORDS)


def shorten(count: int, drawn: int) -> tuple[Span, ...]:
    """The first and last (inclusive) of each stretch that is drawn, where only `drawn` of `count` are: half of them
    from the beginning and half from the end; none where all are drawn."""
    if drawn >= count:
        return ()
    first = (drawn + 1) // 2
    return (0, first - 1), (count - (drawn - first), count - 1)


def drawn_index(spans: Iterable[Span], indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where rows or columns of these indices are drawn, counted in what is drawn; -1 for what is left out."""
    found, before = np.full_like(indices, -1), 0
    for first, last in spans:
        found = np.where((indices >= first) & (indices <= last), indices - first + before, found)
        before += last - first + 1
    return found


def elide(blocks: Iterable[Block], trace: Trace) -> tuple[Block, ...]:
    """The blocks, those along a vocabulary with the stretches of it that they have room for."""
    found = []
    for block in blocks:
        rows, columns = (1, 1, *trace.tensor(block.tensor).shape)[-2:]
        tall, wide = block.shape
        if block.row_axis == VOCAB:
            block = replace(block, row_ranges=shorten(rows, tall))
        if block.column_axis == VOCAB:
            block = replace(block, column_ranges=shorten(columns, wide))
        found.append(block)
    return tuple(found)
