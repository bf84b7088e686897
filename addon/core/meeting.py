# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the operands and the result of a multiply meet: what a close-up of it shows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .layout_types import Block, Vector
from .readable import Quad

# How far along each axis is seen: a share of it, but at least and at most so many units.
SHARE, LEAST, MOST = 0.45, 16.0, 60.0
ABOVE = 1  # rows over the worked one that are seen with it

Range = tuple[int, int]  # from the first to before the last
Points = NDArray[np.float64]


def meeting(left: Block, right: Block, out: Block, row: int | None) -> list[Vector]:
    """Points around what is seen of left[i, k] @ right[k, j] = out[i, j]: of the rows the worked one and those just
    above it, or all; of k and of j what lies nearest to the corner in which left and out meet."""
    rows = (0, left.shape[0]) if row is None else (max(0, row - ABOVE), row + 1)
    inner = _nearest(left, np.mean(out.corners(), axis=0))
    across = _nearest(out, np.mean(left.corners(), axis=0))
    points = np.concatenate([_part(left, rows, inner), _part(right, inner, across), _part(out, rows, across)])
    return [(float(x), float(y), float(z)) for x, y, z in points]


def to_floor(face: Quad) -> Quad:
    """A standing face, down to the floor: rows of later steps hang below those of the first."""
    low = min(point[2] for point in face)
    x0, x1, x2, x3 = ((x, y, min(z, 0.0) if z == low else z) for x, y, z in face)
    return x0, x1, x2, x3


def _nearest(block: Block, place: Points) -> Range:
    """The columns of a block at that end of them which is nearer to a place [3]."""
    step, columns = np.asarray(block.column_step), block.shape[1]
    pitch = float(np.linalg.norm(step))
    count = min(columns, math.ceil(min(max(SHARE * columns * pitch, LEAST), MOST) / pitch))
    start = np.asarray(block.origin)
    far = np.linalg.norm(start - place) > np.linalg.norm(start + columns * step - place)
    return (columns - count, columns) if far else (0, count)


def _part(block: Block, rows: Range, columns: Range) -> Points:
    """The corners of some rows and columns of a block, [4, 3]; of no more than it has."""
    down, across, start = (np.asarray(part) for part in (block.row_step, block.column_step, block.origin))
    most = block.shape
    return np.stack([start + min(r, most[0]) * down + min(c, most[1]) * across for r in rows for c in columns])
