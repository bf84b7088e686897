# SPDX-License-Identifier: GPL-3.0-or-later
"""What a block says about how much of it is drawn: how its numbers are pooled, and the break in an elided axis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..core.layout import Block
from ..core.words import Catalog
from .materials import Materials
from .merge import BASE, Line, Piece, Shape, Shapes, merge
from .text import CAPITAL, width_of

RAISED = 0.08  # units over the face
POOL_SIZE = 0.045  # capital height as a share of the block's shorter side, at most
BREAK = 0.012  # half of the width of a break as a share of the axis, and how far its teeth reach
TEETH = 24  # of a break, at most
TOKENS = (("token",), ("key_token",))

Placed = tuple[Piece, Matrix]


def make_marks(
    blocks: Iterable[Block],
    pools: Mapping[str, tuple[int, int]],
    materials: Materials,
    font: bpy.types.VectorFont | None,
    shapes: Shapes,
    words: Catalog,
) -> list[bpy.types.Object]:
    """One object with the marks of each layer, and one with the breaks of elided axes. `pools` has how many rows and
    columns one value stands for, by key, of the blocks that are pooled."""
    texts: dict[int | None, list[Placed]] = defaultdict(list)
    breaks: list[Placed] = []
    for block in blocks:
        if block.key in pools:
            texts[block.layer] += _pool_mark(block, pools[block.key], materials, font, words)
        for axis, spans in enumerate((block.row_ranges, block.column_ranges)):
            for drawn, left_out in _gaps(spans):
                breaks += _break(block, axis, drawn, materials)
                if (block.row_axis, block.column_axis)[axis] not in TOKENS:  # how many is said beside their cards
                    left = words.label(f"⋯ {left_out:,} more ⋯")
                    texts[block.layer] += _count(block, axis, drawn, left, materials, font)
    made = [
        merge("marks" if layer is None else f"marks, layer {layer}", pieces, materials.ink, shapes)
        for layer, pieces in texts.items()
        if pieces
    ]
    return made + ([merge("breaks", breaks, materials.overlay, shapes)] if breaks else [])


def _gaps(spans: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int]]:
    """After how many drawn rows or columns something is left out, and how many of them."""
    drawn = 0
    for (first, last), (following, _end) in pairwise(spans):
        drawn += last - first + 1
        yield drawn, following - last - 1


def _reading(block: Block) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Where a text on a block begins, and the ways along and across its lines: to the right, and away from the viewer
    or upwards. None where it would stand edge on."""
    corners = np.array(block.corners())
    low, high = corners.min(0), corners.max(0)
    normal = np.array(block.normal)
    right = np.array([1.0, 0.0, 0.0])
    if normal[2] > 0.5:
        up = np.array([0.0, 1.0, 0.0])
    elif normal[1] < -0.5:
        up = np.array([0.0, 0.0, 1.0])
    else:
        return None
    start = np.array([low[0], low[1] if up[1] else high[1], low[2]])
    return start + RAISED * normal, right, up


def _turned(start: NDArray[np.float64], right: NDArray[np.float64], up: NDArray[np.float64]) -> Matrix:
    rows = np.eye(4)
    rows[:3] = np.stack([right, up, np.cross(right, up), start], axis=1)
    return Matrix(rows.tolist())


def _pool_mark(
    block: Block, pool: tuple[int, int], materials: Materials, font: bpy.types.VectorFont | None, words: Catalog
) -> Iterator[Placed]:
    """In the lower left corner: what one value says, and of how many rows and columns."""
    placed = _reading(block)
    if placed is None:
        return
    start, right, up = placed
    extent = np.ptp(np.array(block.corners()), axis=0)
    wide, high = float(extent @ right), float(extent @ up)
    body = words.label(f"max |x| over {pool[0]} × {pool[1]}")
    capital = min(POOL_SIZE * min(wide, 4 * high), 0.4 * high, 0.6 * wide * CAPITAL / width_of(body, 1.0))
    size = capital / CAPITAL
    place = _turned(start + 0.6 * capital * (right + up), right, up)
    yield Piece(f"{block.key} pool", Line(body, size, font, "LEFT", BASE), "text", materials.ink, _size(capital)), place


def _break(block: Block, axis: int, drawn: int, materials: Materials) -> Iterator[Placed]:
    """A band with teeth across the block where rows or columns are left out."""
    steps = [np.array(step) for step in (block.row_step, block.column_step)]
    along, across = steps[axis], steps[1 - axis] * block.shape[1 - axis]
    half = BREAK * block.shape[axis] * along
    at = np.array(block.origin) + drawn * along + RAISED * np.array(block.normal)
    teeth = np.linspace(0.0, 1.0, min(TEETH, 2 * block.shape[1 - axis]) + 1)
    sides = [[at + t * across + half * ((i % 2) + side) for i, t in enumerate(teeth)] for side in (-1.0, 0.0)]
    for first, second in zip(pairwise(sides[0]), pairwise(sides[1]), strict=True):
        corners = [first[0], first[1], second[1], second[0]]
        face = Shape.polygon([(float(x), float(y), float(z)) for x, y, z in corners])
        yield Piece(f"{block.key} break", face, "pill", materials.overlay), Matrix.Identity(4)


def _count(
    block: Block, axis: int, drawn: int, body: str, materials: Materials, font: bpy.types.VectorFont | None
) -> Iterator[Placed]:
    """How many rows or columns are left out, as `body` says it, beside the break on the floor."""
    steps = [np.array(step) for step in (block.row_step, block.column_step)]
    side = block.shape[1 - axis] * steps[1 - axis]
    if min(block.shape) == 1:
        return
    at = np.array(block.origin) + drawn * steps[axis] + np.maximum(side, 0.0)
    capital = 0.05 * float(np.linalg.norm(side))
    right, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    place = _turned(at + capital * right - 0.5 * capital * up, right, up)
    line = Line(body, capital / CAPITAL, font, "LEFT", BASE)
    yield Piece(f"{block.key} count", line, "secondary", materials.ink, _size(capital)), place


def _size(capital: float) -> dict[str, float]:
    return {"fp_start": 0.0, "fp_duration": 0.0, "fp_size": capital}
