# SPDX-License-Identifier: GPL-3.0-or-later
"""The chapters of a story in the order of the forward pass, by name."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import UserError
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

__all__ = ["CHAPTERS", "Chapter", "check_chapters"]


def check_chapters(names: Iterable[str]) -> None:
    """Raises UserError (code 2) for a chapter that there is not."""
    for name in names:
        if name not in CHAPTERS:
            raise UserError(f"There is no chapter called {name!r}.", f"Chapters: {', '.join(CHAPTERS)}.", 2)
