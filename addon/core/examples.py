# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses from a run the one example that is worked slowly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .values import Values

NEAREST = 1.5


@dataclass(frozen=True)
class Example:
    """The token, the head and the token that it looks at most, all of the first step's first layer."""

    layer: int
    head: int
    token: int  # row of the attention pattern
    seen: int  # column with the largest weight other than the token itself
    weight: float


def choose_example(values: Values) -> Example:
    """The look at another token that stands out most from even attention over all that the token may see, in the first
    layer that has heads; the last token of the first layer where none has.

    The first head stands nearest to the layer norm, so it is chosen unless another one's look stands out half again
    as much.
    """
    blocks = [block for block in values.blocks.values() if block.step == 0]
    found = [block for block in blocks if block.part == "pattern" and block.layer is not None]
    if not found:
        rows = [block.shape[0] for block in blocks if block.part == "residual_0"]
        return Example(0, 0, max(rows, default=1) - 1, 0, 0.0)
    layer = min(block.layer for block in found if block.layer is not None)
    pattern = np.stack([values.matrix(block.key) for block in found if block.layer == layer])  # [heads, tokens, keys]
    tokens, keys = pattern.shape[1:]
    even = 1.0 / np.arange(1, tokens + 1)[:, None]  # [tokens, 1]
    excess = np.where(np.eye(tokens, keys, dtype=bool), -1.0, pattern - even)
    excess[0] *= NEAREST
    head, token, seen = (int(i) for i in np.unravel_index(int(np.argmax(excess)), excess.shape))
    return Example(layer, head, token, seen, float(pattern[head, token, seen]))
