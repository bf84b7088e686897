# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses from a trace the one example that is worked slowly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .trace import Trace


@dataclass(frozen=True)
class Example:
    """The token, the head and the token that it looks at most, all of the first step's first layer."""

    layer: int
    head: int
    token: int  # row of the attention pattern
    seen: int  # column with the largest weight other than the token itself
    weight: float


def choose_example(trace: Trace, layer: int = 0) -> Example:
    """The strongest look at another token, among tokens that have at least two to choose from.

    Where the prompt is shorter than that, any token.
    """
    pattern = trace.array(f"step0.transformer.h.{layer}.attn.softmax")[0]  # [heads, tokens, tokens]
    away = np.where(np.eye(pattern.shape[-1], dtype=bool), -1.0, pattern)
    if pattern.shape[-1] > 2:
        away = away.copy()
        away[:, :2] = -1.0
    head, token, seen = (int(i) for i in np.unravel_index(int(np.argmax(away)), away.shape))
    return Example(layer, head, token, seen, float(pattern[head, token, seen]))
