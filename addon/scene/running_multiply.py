# SPDX-License-Identifier: GPL-3.0-or-later
"""The running multiply in the upper left, on a ground: names, and dimensions in the colours of their axes."""

from __future__ import annotations

from ..core.story import Formula
from .overlay import EDGE, LEGEND_WIDTH, Overlay, rounded
from .text import during

SIZE = 0.06  # of the text, as a share of the frame's height
GAP = 0.3  # between parts, in text sizes


def add_shapes(overlay: Overlay, shapes: tuple[Formula, ...], y: float | None = None) -> None:
    """Every multiply in its time, left of the legend where both stand side by side."""
    if y is None:
        y = overlay.line
    room = overlay.aspect - 2 * EDGE - (LEGEND_WIDTH + EDGE if overlay.wide else 0.0)
    for i, formula in enumerate(shapes):
        total = sum(overlay.name_width(body, SIZE) + SIZE * GAP for body, _hue in formula.parts)
        size = SIZE * min(1.0, room / total)
        x, width = EDGE - overlay.aspect / 2, total * size / SIZE
        body = rounded(f"shapes {i + 1} halo", width + size, 1.3 * size, size / 2, "pill", overlay.materials.halo)
        overlay.put(during(body, formula.start, formula.duration), x + width / 2, y)
        for j, (words, hue) in enumerate(formula.parts):
            for text, shift, down in overlay.name(f"shapes {i + 1}.{j + 1}", words, size, hue):
                overlay.put(during(text, formula.start, formula.duration), x + shift, y - down, 0.004)
            x += overlay.name_width(words, size) + size * GAP
