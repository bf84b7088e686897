# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses from a trace the one example that is worked slowly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .trace import Trace

NEAREST = 1.5


@dataclass(frozen=True)
class Example:
    """The token, the head and the token that it looks at most, all of the first step's first layer."""

    layer: int
    head: int
    token: int  # row of the attention pattern
    seen: int  # column with the largest weight other than the token itself
    weight: float


def choose_example(trace: Trace, layer: int = 0) -> Example:
    """The look at another token that stands out most from even attention over all that the token may see.

    The first head stands nearest to the layer norm, so it is chosen unless another one's look stands out half again
    as much.
    """
    pattern = trace.array(f"step0.transformer.h.{layer}.attn.softmax")[0]  # [heads, tokens, tokens]
    tokens = pattern.shape[-1]
    even = 1.0 / np.arange(1, tokens + 1)[:, None]  # [tokens, 1]
    excess = np.where(np.eye(tokens, dtype=bool), -1.0, pattern - even)
    excess[0] *= NEAREST
    head, token, seen = (int(i) for i in np.unravel_index(int(np.argmax(excess)), excess.shape))
    return Example(layer, head, token, seen, float(pattern[head, token, seen]))
