# SPDX-License-Identifier: GPL-3.0-or-later
"""Long axes that are not drawn whole: of a vocabulary of fifty thousand the first and the last words, of a long text
the first and the last tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .layout_types import Block, Span
from .trace import Trace

MOST_WORDS = 3072  # of a vocabulary that are drawn: as long as the longest side of a layer of GPT-2 small
VOCAB = ("vocab",)
MOST_TOKENS = 32  # that are all drawn: of more, rows get so thin that no number can be told from the next
FIRST_TOKENS = 4  # of a longer text that are drawn: many heads look at its beginning
LAST_TOKENS = 20
LAST_READ = 12  # of the first step, at least


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


def drawn_tokens(steps: Sequence[int]) -> tuple[Span, ...]:
    """The stretches of a text that are drawn: its beginning and its end, with every token that a later step adds; none
    where all are drawn. `steps` counts the tokens that each forward pass has seen."""
    total = steps[-1]
    last = max(LAST_TOKENS, total - steps[0] + LAST_READ)
    if total <= max(MOST_TOKENS, FIRST_TOKENS + last):
        return ()
    return (0, FIRST_TOKENS - 1), (total - last, total - 1)


def clip(spans: Iterable[Span], first: int, count: int) -> tuple[Span, ...]:
    """Of `count` rows, which are those of the tokens from the `first` on, the stretches that are drawn where these are
    the drawn tokens. Counted in rows; none where no token is drawn."""
    cut = ((max(a - first, 0), min(b - first, count - 1)) for a, b in spans)
    return tuple((a, b) for a, b in cut if a <= b)


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
