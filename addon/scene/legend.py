# SPDX-License-Identifier: GPL-3.0-or-later
"""What the colours mean: a bar in the upper right with the true numbers of its two ends, for the block that is the
subject."""

from __future__ import annotations

from ..core.story import Legend
from .merge import Piece, Shape
from .overlay import EDGE, LEGEND_WIDTH, TOP, Overlay, number, rounded
from .text import during, width_of

SIZE = 0.056  # of the text, as a share of the frame's height
BAR = 0.02  # height
NUMBERS, NAME = 0.042, 0.094  # from the bar's middle down to the middle of the numbers, and of the name
ABOVE, BELOW = 0.024, 0.128  # how far the ground reaches from the bar's middle
NARROW = 0.38  # height in a narrow frame


def add_legends(overlay: Overlay, legends: tuple[Legend, ...]) -> None:
    """Every legend in its time."""
    width, height = LEGEND_WIDTH, BAR
    x, y = overlay.aspect / 2 - width / 2 - EDGE, TOP if overlay.wide else NARROW
    for i, legend in enumerate(legends):
        ground = rounded(f"legend {i + 1} halo", width + 0.05, ABOVE + BELOW, 0.024, "pill", overlay.materials.halo)
        overlay.put(during(ground, legend.start, legend.duration), x, y + (ABOVE - BELOW) / 2)
        signed = legend.low < 0
        w, h = width / 2, height / 2
        corners = [(-w, -h, 0.0), (w, -h, 0.0), (w, h, 0.0), (-w, h, 0.0)]
        face = Shape.polygon(corners, [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
        bar = Piece(f"legend {i + 1}", face, "text", overlay.materials.scale)
        bar["fp_size"] = 0.0 if signed else 1.0
        overlay.put(during(bar, legend.start, legend.duration), x, y, 0.002)
        ends = (("low", number(legend.low), -w, "LEFT"), ("high", number(legend.high), w, "RIGHT"))
        for name, body, at, align in ends:
            text = overlay.text(f"legend {i + 1} {name}", body, SIZE, "secondary", align)
            overlay.put(during(text, legend.start, legend.duration), x + at, y - NUMBERS, 0.004)
        size = min(SIZE, width / width_of(legend.name, 1.0))
        text = overlay.text(f"legend {i + 1} name", legend.name, size, "text")
        overlay.put(during(text, legend.start, legend.duration), x, y - NAME, 0.004)
