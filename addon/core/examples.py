# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses from a run the one example that is worked slowly."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .layout_types import Block
from .values import Values

NEAREST = 1.5


@dataclass(frozen=True)
class Example:
    """The token, the head and the token that it looks at most, all of the first step's first layer. `texts` are the
    places of both tokens in the run, from 0: in a long one not all have a row."""

    layer: int
    head: int
    token: int  # drawn row of the attention pattern
    seen: int  # drawn column with the largest weight other than the token itself
    weight: float
    texts: tuple[int, int]


def choose_example(values: Values, focus: tuple[int, int] | None = None, anywhere: bool = False) -> Example:
    """The look at another token that stands out most from even attention over all that the token may see, in the first
    layer that has heads or, where it may be `anywhere`, in any; the last token of the first layer where none has.
    `focus` is a layer and a head to look in, from 0: UserError (code 2) where there is no such head.

    The first head stands nearest to the layer norm, so it is chosen unless another one's look stands out half again
    as much.
    """
    blocks = [block for block in values.blocks.values() if block.step == 0]
    found = [b for b in blocks if b.part == "pattern" and b.layer is not None and b.head is not None]
    if focus is not None:
        found = [block for block in found if (block.layer, block.head) == focus]
        if not found:
            raise UserError(
                f"There is no head {focus[1] + 1} in layer {focus[0] + 1}.", "Both are counted from 1.", code=2
            )
    if not found:
        rows = [block.row_numbers for block in blocks if block.part == "residual_0"]
        last = max(rows, key=len, default=np.zeros(1, np.int64))
        return Example(0, 0, len(last) - 1, 0, 0.0, (int(last[-1]), 0))
    if not anywhere:
        first = min(block.layer or 0 for block in found)
        found = [block for block in found if block.layer == first]
    looks = [_strongest(values.matrix(block.key), block) for block in found]
    # The nearer head has the advantage.
    best = max(range(len(found)), key=lambda i: looks[i][2] * (NEAREST if found[i].head == 0 else 1.0))
    (token, seen, _excess), block = looks[best], found[best]
    weight = float(values.matrix(block.key)[token, seen])
    texts = int(block.row_numbers[token]), int(block.column_numbers[seen])
    return Example(block.layer or 0, block.head or 0, token, seen, weight, texts)


def read_focus(text: str) -> tuple[int, int]:
    """Layer and head, from 0, of "layer 2 head 1", where both are counted from 1. Raises UserError (code 2)."""
    found = re.fullmatch(r"\s*layer\s+(\d+)[\s,]+head\s+(\d+)\s*", text, re.IGNORECASE)
    if found is None or not all(map(int, found.groups())):
        raise UserError(f"{text!r} is not a head.", 'Write "layer 2 head 1", for example; both count from 1.', 2)
    return int(found[1]) - 1, int(found[2]) - 1


def write_focus(focus: tuple[int, int]) -> str:
    """A layer and a head, from 0, as `read_focus` reads them."""
    return f"layer {focus[0] + 1} head {focus[1] + 1}"


def _strongest(pattern: NDArray[np.float32], block: Block) -> tuple[int, int, float]:
    """Row and column of the drawn `pattern` [tokens, keys] of a block that stand out most from even attention over all
    that a token may see, and by how much."""
    tokens, keys = block.row_numbers[:, None], block.column_numbers[None, :]
    excess = np.where(tokens == keys, -1.0, pattern - 1.0 / (tokens + 1))
    token, seen = (int(i) for i in np.unravel_index(int(np.argmax(excess)), excess.shape))
    return token, seen, float(excess[token, seen])
