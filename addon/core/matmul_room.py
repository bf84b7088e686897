# SPDX-License-Identifier: GPL-3.0-or-later
"""How large letters on a multiply are, and how much room what is written around it takes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .matmul import Faces, Floats, Shape, frames, smooth

Ticks = tuple[tuple[int, str], ...]  # names of single steps of an axis: (step, text)

LETTER = 0.045  # size of the letters, as a share of the box's diagonal
TICK = 1.0  # size of a step's name, as a share of the letters'
CROWDED = 1.2  # of the length of a step: the largest size at which rows of text do not touch
ADVANCE = 0.47  # width of a letter at size 1, about
HEIGHT = 0.75  # of a line, at size 1
TIP = 1.3  # from an edge to where the name of its brace begins, in letters
GROWN = (0.3, 0.1)  # by how much letters are larger in a corner than in a box, and in a row than in a corner
SHORTEST = 0.35  # of a length, as it is seen: room is measured on the screen
NAME = 1.5  # size of a face's name, in letters
AHEAD = 0.3  # between an edge and a name beside it, in letters


def letter_size(shape: Shape) -> float:
    """Of the letters of one box, in units."""
    return LETTER * float(np.linalg.norm([shape.width, shape.depth, shape.height]))


def width_of(text: str, size: float) -> float:
    """About how wide a text is, in units; never less than it is."""
    return ADVANCE * size * len(text)


def tick_sizes(shape: Shape, ticks: tuple[Ticks, Ticks, Ticks], text: float) -> tuple[float, float, float]:
    """The size of the steps' names along i, k and j, where the letters are `text` large: as large as they stand side by
    side without touching. Those of i stand one below the other, so do those of k; those of j beside each other."""
    found = []
    for axis, (named, pitch) in enumerate(zip(ticks, shape.pitch, strict=True)):
        steps = [step for step, _text in named]
        apart = min((b - a for a, b in pairwise(steps)), default=1000) * pitch
        widest = max((width_of(name, 1.0) for _step, name in named), default=0.0)
        most = apart / (widest + 0.25) if axis == 2 else apart * CROWDED
        found.append(min(TICK * text, most))
    return found[0], found[1], found[2]


def rooms(shape: Shape, ticks: tuple[Ticks, Ticks, Ticks], text: float) -> tuple[float, float, float]:
    """What the steps' names take between the edges i, k and j and their braces, in units; 0 where there are none."""
    sizes = tick_sizes(shape, ticks, text)
    wide = [
        max((width_of(name, size) for _step, name in named), default=0.0)
        for named, size in zip(ticks, sizes, strict=True)
    ]
    high = HEIGHT * sizes[2] if ticks[2] else 0.0
    return tuple(room + AHEAD * text if room else 0.0 for room in (wide[0], wide[1], high))  # type: ignore[return-value]


def written(
    shape: Shape,
    fold: float,
    text: float,
    names: tuple[str, str, str],
    axes: tuple[str, str, str],
    ticks: tuple[Ticks, Ticks, Ticks],
    view: tuple[Floats, Floats],
    has_bias: bool = False,
) -> Floats:
    """The points around a multiply and all that is written on it at a fold, [n, 3]: what a camera has to show. `names`
    are those of L, R and O, `axes` what is written at the braces of i, k and j, `text` the size of the letters, `view`
    the camera's right and up."""
    left, right, out = frames(shape, fold, Faces())
    rows, inner, columns = shape.rows, shape.inner, shape.columns
    size = text * (1 + GROWN[0] * smooth(fold) + GROWN[1] * smooth(fold - 1))
    i, k, j = rooms(shape, ticks, text)
    low = rows + has_bias
    flat, opened = fold > 1.55, fold > 0.6
    points = [
        f.corner(r, c)
        for f, (m, n) in zip((left, right, out), ((rows, inner), (inner, columns), (low, columns)), strict=True)
        for r in (0, m)
        for c in (0, n)
    ]

    def beside(point: Floats, way: Floats, body: str, gap: float, large: float = 1.0, room: float = 0.0) -> None:
        """A text whose nearer edge is `gap` units from a point, and `room` more on the screen."""
        unit = way / np.linalg.norm(way)
        gap += room / max(float(np.hypot(unit @ view[0], unit @ view[1])), SHORTEST)
        half = np.array([width_of(body, size * large), HEIGHT * size * large]) / 2
        seen = np.array([unit @ view[0], unit @ view[1]])
        seen /= max(float(np.linalg.norm(seen)), 1e-9)
        reach = float(np.abs(seen) @ half)
        middle = point + unit * gap + (view[0] * seen[0] + view[1] * seen[1]) * reach
        points.extend(middle + x * half[0] * view[0] + y * half[1] * view[1] for x in (-1, 1) for y in (-1, 1))

    beside(left.corner(rows / 2, 0), -left.across, "" if flat else axes[0], TIP * size, room=i)
    beside(left.corner(0, inner / 2), -left.down, names[0], AHEAD * size, NAME)
    beside(out.corner(low, columns / 2), out.down, axes[2] if not flat else "", TIP * size, room=j)
    beside(right.corner(inner / 2, columns), right.across, "" if flat else axes[1], TIP * size, room=k)
    beside(right.corner(0, columns / 2 if opened else columns), -right.down, names[1], AHEAD * size, NAME)
    if flat:
        beside(out.corner(rows / 2, columns), out.across, axes[0], TIP * size, room=i)
        beside(left.corner(rows, inner / 2), left.down, axes[1], TIP * size, room=k)
        beside(right.corner(inner, columns / 2), right.down, axes[2], TIP * size, room=j)
        beside(out.corner(0, columns / 2), -out.down, names[2], AHEAD * size, NAME)
    elif opened:
        beside(out.corner(rows / 2, columns), out.across, names[2], AHEAD * size, NAME)
    else:
        beside(out.corner(rows / 2, 0), -out.across, names[2], AHEAD * size, NAME)
    return np.array(points)
