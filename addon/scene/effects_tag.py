# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain card: an operation's name and what is known of it, in one line."""

from __future__ import annotations

from ..core.effects_types import Tag
from .effects_pen import BACK, LINE, Pen
from .text import width_of

SIZE = 0.05  # of the text
GAP = 0.3  # between its parts, in text sizes


def draw_tag(pen: Pen, card: Tag) -> None:
    """The parts side by side on a pill."""
    total = sum(width_of(body, SIZE) for body, _hue in card.parts) + SIZE * GAP * (len(card.parts) - 1)
    size = SIZE * min(1.0, (pen.size[0] - 2 * SIZE) / total)
    total *= size / SIZE
    pen.rounded(total + 1.2 * size + LINE, 1.5 * size + LINE, 0.7 * size, "line", BACK - 0.0004)
    pen.rounded(total + 1.2 * size, 1.5 * size, 0.7 * size, "pill", BACK)
    x = -total / 2
    for body, hue in card.parts:
        pen.text(body, x, 0.0, size, hue, "LEFT")
        x += width_of(body, size) + size * GAP
