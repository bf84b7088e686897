# SPDX-License-Identifier: GPL-3.0-or-later
"""The model as a thin strip along the top of the frame, a piece for each part: the one at work is lit."""

from __future__ import annotations

from ..core.story import Progress
from .overlay import EDGE, Overlay, rounded
from .text import during

HEIGHT, Y = 0.012, 0.487  # in frame heights
GAP = 0.25  # between pieces, as a share of one
BETWEEN = 0.5  # more of it before a layer
HUES = {"embedding": "token", "output": "vocab", "attention": "head", "mlp": "neuron"}


def add_mini_map(overlay: Overlay, parts: tuple[str, ...], progress: tuple[Progress, ...]) -> None:
    """The strip, and for every stretch of `progress` its piece in the colour of what it is."""
    if not parts:
        return
    begins = [i > 0 and _layer(part) != _layer(parts[i - 1]) for i, part in enumerate(parts)]
    unit = (overlay.aspect - 2 * EDGE) / (len(parts) * (1 + GAP) - GAP + BETWEEN * sum(begins))
    places: dict[str, float] = {}
    x = EDGE - overlay.aspect / 2
    for part, first in zip(parts, begins, strict=True):
        x += BETWEEN * unit if first else 0.0
        places[part] = x + unit / 2
        x += unit * (1 + GAP)
        piece = rounded(f"map {part}", unit, HEIGHT, HEIGHT / 2, "line", overlay.materials.overlay)
        overlay.put(piece, places[part], Y)
    for i, at in enumerate(progress):
        lit = rounded(f"map {i + 1} {at.part}", unit, HEIGHT, HEIGHT / 2, _hue(at.part), overlay.materials.overlay)
        overlay.put(during(lit, at.start, at.duration), places[at.part], Y, 0.002)


def _layer(part: str) -> str:
    return part.split(" / ")[0]


def _hue(part: str) -> str:
    return HUES.get(part.split(" / ")[-1], "channel")
