# SPDX-License-Identifier: GPL-3.0-or-later
"""What the colours mean: a bar in the upper right with the true numbers of its two ends, for the block that is the
subject."""

from __future__ import annotations

from ..core.story import Legend
from .merge import Piece, Shape
from .overlay import EDGE, LEGEND_BELOW, LEGEND_WIDTH, NARROW_LEGEND, TOP, Overlay, number, rounded
from .text import during, width_of

SIZE = 0.056  # of the text, as a share of the frame's height
BAR = 0.02  # height
NUMBERS, NAME = 0.042, 0.094  # from the bar's middle down to the middle of the numbers, and of the name
ABOVE = 0.024  # how far the ground reaches above the bar's middle


def add_legends(overlay: Overlay, legends: tuple[Legend, ...]) -> None:
    """Every legend in its time."""
    small = overlay.small
    width, height = LEGEND_WIDTH * small, BAR * small
    x, y = overlay.aspect / 2 - width / 2 - EDGE, TOP if overlay.wide else NARROW_LEGEND
    deep, middle = (ABOVE + LEGEND_BELOW) * small, y + (ABOVE - LEGEND_BELOW) / 2 * small
    for i, legend in enumerate(legends):
        radius, wide = ABOVE * small, width + 0.05 * small
        ground = rounded(f"legend {i + 1} halo", wide, deep, radius, "pill", overlay.materials.halo)
        overlay.put(during(ground, legend.start, legend.duration), x, middle)
        signed = legend.low < 0
        w, h = width / 2, height / 2
        corners = [(-w, -h, 0.0), (w, -h, 0.0), (w, h, 0.0), (-w, h, 0.0)]
        face = Shape.polygon(corners, [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
        bar = Piece(f"legend {i + 1}", face, "text", overlay.materials.scale)
        bar["fp_size"] = 0.0 if signed else 1.0
        overlay.put(during(bar, legend.start, legend.duration), x, y, 0.002)
        ends = (("low", number(legend.low), -w, "LEFT"), ("high", number(legend.high), w, "RIGHT"))
        for name, body, at, align in ends:
            text = overlay.text(f"legend {i + 1} {name}", body, SIZE * small, "secondary", align)
            overlay.put(during(text, legend.start, legend.duration), x + at, y - NUMBERS * small, 0.004)
        size = min(SIZE * small, width / width_of(legend.name, 1.0))
        text = overlay.text(f"legend {i + 1} name", legend.name, size, "text")
        overlay.put(during(text, legend.start, legend.duration), x, y - NAME * small, 0.004)
