# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a light that runs through a model: along the residual stream, past every section. A pure function."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .layout_types import Layout, Plate, Ribbon, Vector
from .story_types import Pulse

SECTION = 1  # tier of the plates under sections
ENDS = 0.6  # of the time that a layer takes: what comes before the layers, and what comes after them
BEYOND = 0.35  # of the way: how far past its end a light runs until its trail has left the model


@dataclass(frozen=True)
class LightWay:
    """`points` of the stream's middle with how far a light has come at each, 0 to 1, both in order; `width` of the
    stream in units; `sections` are the plates that it passes, each with how far it has come where they begin and
    end."""

    points: tuple[tuple[Vector, float], ...]
    width: float
    sections: tuple[tuple[Plate, float, float], ...]


def light_way(layout: Layout) -> LightWay | None:
    """The way through a layout; None where it has no stream. Every layer takes the same time, wherever it stands and
    however wide it is, and a road back takes none of it but what it must."""
    roads = [ribbon for ribbon in layout.ribbons if _runs_along(ribbon)]
    if not roads:
        return None
    points = list(dict.fromkeys(point for ribbon in roads for point in ribbon.points))
    steps = [float(np.hypot(b[0] - a[0], b[1] - a[1])) for a, b in pairwise(points)]
    gone = np.concatenate([[0.0], np.cumsum(steps)])
    knots = np.array(_knots(layout, points, gone))
    lengths = np.unique(np.concatenate([gone, knots[:, 0]]))
    axes = [np.interp(lengths, gone, [point[axis] for point in points]).tolist() for axis in range(3)]
    sections = []
    for plate in (plate for plate in layout.plates if plate.tier == SECTION):
        ends = [_nearest(points, gone, (x, plate.low[1])) for x in (plate.low[0], plate.high[0])]
        first, last = np.interp(ends, knots[:, 0], knots[:, 1]).tolist()
        sections.append((plate, first, last))
    shares = np.interp(lengths, knots[:, 0], knots[:, 1]).tolist()
    way = tuple(zip(zip(*axes, strict=True), shares, strict=True))
    return LightWay(way, max(ribbon.width for ribbon in roads), tuple(sections))


def places(pulses: Sequence[Pulse]) -> list[tuple[float, float, bool]]:
    """(second, how far the light has come, whether it stays there until the next): below 0 there is none yet, and past
    1 its trail leaves the model, unless the next light enters before."""
    keys = [(min([0.0, *(pulse.start for pulse in pulses)]) - 1.0, -1.0, True)]
    starts = [*(pulse.start for pulse in pulses[1:]), math.inf]
    for pulse, following in zip(pulses, starts, strict=True):
        gone = min(pulse.start + (1 + BEYOND) * pulse.duration, following)
        keys += [(pulse.start, 0.0, False), (gone, (gone - pulse.start) / pulse.duration, True)]
    return keys


def _runs_along(ribbon: Ribbon) -> bool:
    """Whether a ribbon is the stream on the floor itself: no branch of it, and no token's line."""
    xs = [point[0] for point in ribbon.points]
    return ribbon.color == "spine" and ribbon.layer is None and ribbon.points[0][2] < 0 and max(xs) > min(xs)


def _knots(layout: Layout, points: Sequence[Vector], gone: np.ndarray) -> list[tuple[float, float]]:
    """(length gone, share of the time): where the layers begin and end."""
    layers = 1 + max((block.layer for block in layout.blocks if block.layer is not None), default=-1)
    whole = layers + 2 * ENDS
    knots = [(0.0, 0.0)]
    for layer in range(layers):
        box = layout.bounds[f"layer {layer}"]
        for x, share in ((box.low[0], ENDS + layer), (box.high[0], ENDS + layer + 0.96)):
            length = _nearest(points, gone, (x, box.low[1]))
            if length > knots[-1][0]:
                knots.append((length, share / whole))
    return [*knots, (float(gone[-1]), 1.0)] if gone[-1] > knots[-1][0] else knots


def _nearest(points: Sequence[Vector], gone: np.ndarray, at: tuple[float, float]) -> float:
    """How much of the way is gone where it comes nearest to a place beside it, along the rows that run in x."""
    best, found = float("inf"), 0.0
    for i, (a, b) in enumerate(pairwise(points)):
        if b[0] <= a[0]:  # a road back, or one from row to row
            continue
        x = min(max(at[0], a[0]), b[0])
        away = abs(at[1] - a[1]) + abs(at[0] - x)
        if away < best:
            best, found = away, float(gone[i]) + x - a[0]
    return found
