# SPDX-License-Identifier: GPL-3.0-or-later
"""The chapters of a story in the order of the forward pass, by name."""

from __future__ import annotations

from .attention import HEAD, HEADS, NORM, QUERY_KEY_VALUE, ROTARY, SCORES, SOFTMAX, VALUES
from .chapter import Chapter
from .ending import AGAIN, END, OUTPUT
from .layers import FIRST_LAYERS, LAYERS, REST
from .mlp import EXPERTS, MLP, PROJECTION
from .opening import EMBEDDING, OVERVIEW

CHAPTERS = {
    chapter.name: chapter
    for chapter in (
        OVERVIEW, EMBEDDING, FIRST_LAYERS, HEAD, NORM, QUERY_KEY_VALUE, ROTARY, SCORES, SOFTMAX, VALUES, HEADS,
        PROJECTION, MLP, EXPERTS, REST, LAYERS, OUTPUT, AGAIN, END,
    )
}  # fmt: skip

__all__ = ["CHAPTERS", "Chapter"]
