# SPDX-License-Identifier: GPL-3.0-or-later
"""The card of an activation function: its curve, and dots that go from x to f(x) on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from ..core.effects_types import CurveCard
from .effects_pen import GRID, INK, NOTE, TITLE, TOP, Pen, slide
from .overlay import number

SIDES = 12
DOT, SMALL = 0.016, 0.006  # radii


def draw_curve(pen: Pen, card: CurveCard) -> None:
    """Axes, the curve from left to right, the worked dot with its numbers, then all others."""
    pen.panel(card.title)
    drawn, there, _done = card.stages
    above, below = pen.top - TITLE - NOTE * 1.6, pen.below
    low, high = min(float(card.ys.min()), -0.3), float(card.ys.max())
    across = (pen.right - pen.left) / float(card.xs[-1] - card.xs[0])
    up = (above - below) / max(high - low, 1e-9)

    def at(x: float, y: float) -> tuple[float, float]:
        return pen.left + (x - float(card.xs[0])) * across, below + (y - low) * up

    pen.line(at(card.xs[0], 0.0), at(card.xs[-1], 0.0), "line", 0.004, z=GRID)
    pen.line(at(0.0, low), at(0.0, high), "line", 0.004, z=GRID)
    points = [at(float(x), float(y)) for x, y in zip(card.xs, card.ys, strict=True)]
    for i, (a, b) in enumerate(pairwise(points)):
        begin = card.start + (drawn - card.start) * i / len(points)
        pen.line(a, b, "secondary", 0.006, window=(begin, card.end), z=INK)
    _others(pen, card, at)
    x0, y0 = at(0.0, 0.0)
    x1, y1 = at(card.x, card.y)
    turn = drawn + 0.5 * (there - drawn)
    pen.shape(
        [_round(x0, y0, DOT)],
        hue="neuron",
        z=TOP,
        window=(drawn, card.end),
        first=slide(x1 - x0, 0.0, drawn, turn),
        second=slide(0.0, y1 - y0, turn, there),
    )
    pen.line((x1, y0), (x1, y1), "neuron", 0.003, window=(turn, card.end))
    pen.note(f"x = {number(card.x)}", (drawn, turn), "neuron")
    pen.note(f"{card.function}({number(card.x)}) = {number(card.y)}", (turn, card.end), "neuron")


def _others(pen: Pen, card: CurveCard, place: Callable[[float, float], tuple[float, float]]) -> None:
    """The other cells of the row, each from its x on the axis up or down to the curve."""
    _drawn, there, done = card.stages
    for i, (x, y) in enumerate(card.others):
        begin = there + 0.6 * (done - there) * i / max(len(card.others), 1)
        (x0, y0), (_x1, y1) = place(float(x), 0.0), place(float(x), float(y))
        pen.shape(
            [_round(x0, y0, SMALL)],
            hue="neuron",
            z=INK + 0.0002,
            window=(begin, card.end),
            first=slide(0.0, y1 - y0, begin, begin + 0.4 * (done - there)),
        )


def _round(x: float, y: float, radius: float) -> np.ndarray:
    """The corners of a dot."""
    angles = np.arange(SIDES) * 2.0 * math.pi / SIDES
    return np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
