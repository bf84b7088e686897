# SPDX-License-Identifier: GPL-3.0-or-later
"""Which blocks are drawn as geometry, cell by cell, which as slabs whose cells are an image, and which of these pooled:
pure functions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .camera import Array, angle_tangents, basis
from .layout_types import Block

if TYPE_CHECKING:
    from .shots import Key

# As many quads as a processor that plays at being a graphics card draws in half a second: all of a small model.
MOST_CELLS = 130_000
LEAST_SLAB = 1024  # cells: below it a slab saves nothing
# Values in all slabs together: each takes 16 bytes of memory while it is rendered, and 4 to 8 of the file.
MOST_VALUES = 8_000_000
LEAST_VALUES = 32  # along a side of a slab: as many stay, for whoever flies there
NEAREST = 0.06  # as a share of the camera's distance: nothing nearer is drawn


def choose_details(blocks: Iterable[Block], most_cells: int = MOST_CELLS) -> dict[str, str]:
    """`cells` or `slab` for every block, by key.

    Where all blocks together have more than `most_cells` cells the largest weights become slabs, one size after
    another, and then the largest of the others, until they have not or only small ones are left. Weights of one size
    always look alike.
    """
    blocks = tuple(blocks)
    alike: dict[tuple[bool, int], list[Block]] = defaultdict(list)
    for block in blocks:
        alike[block.kind == "weight", _cells(block)].append(block)
    details = {block.key: "cells" for block in blocks}
    left = sum(map(_cells, blocks))
    for weight, size in sorted(alike, reverse=True):
        if left <= most_cells:
            break
        if size >= LEAST_SLAB:
            details.update((block.key, "slab") for block in alike[weight, size])
            left -= size * len(alike[weight, size])
    return details


def _cells(block: Block) -> int:
    rows, columns = block.shape
    return rows * columns


def seen_sizes(blocks: Sequence[Block], poses: Iterable[Key], aspect: float, width: int = 1920) -> Array:
    """How large a row and a column of each block get on screen, [blocks, 2] in pixels of a frame of that width: the
    most over all poses of the camera that have some of the block in the frame; 0 where none has."""
    corners = np.array([block.corners() for block in blocks])  # [blocks, 4, 3]
    steps = np.array([(block.row_step, block.column_step) for block in blocks])  # [blocks, 2, 3]
    found = np.zeros((len(blocks), 2))
    for pose in poses:
        right, up, forward = basis(pose.azimuth, pose.elevation)
        away = corners - (np.array(pose.target) - pose.distance * forward)
        depth = np.maximum(away @ forward, NEAREST * pose.distance)  # [blocks, 4]
        across, along = angle_tangents(pose.lens, aspect)
        x, y = away @ right / depth / across, away @ up / depth / along + 2 * pose.lift
        inside = (x.min(1) < 1) & (x.max(1) > -1) & (y.min(1) < 1) & (y.max(1) > -1)
        facing = np.hypot(steps @ right, steps @ up)  # [blocks, 2]
        pixels = facing * width / (2 * across * depth.min(1))[:, None]
        found = np.maximum(found, np.where(inside[:, None], pixels, 0.0))
    return found


def choose_pools(blocks: Sequence[Block], sizes: Array, most: int = MOST_VALUES) -> dict[str, tuple[int, int]]:
    """How many rows and columns one value stands for, by key: (1, 1) for a slab that shows all.

    Where the slabs `blocks` together have more than `most` cells, they are pooled where that is hardly seen: until a
    value gets as large on screen (`sizes`, as `seen_sizes` gives them) as a pixel, then a little more, and so on.
    """
    least = 1.0  # pixels
    pools = {block.key: (1, 1) for block in blocks}
    while sum(_values(block, pools[block.key]) for block in blocks) > most and least < 1 << 30:
        for block, seen in zip(blocks, sizes, strict=True):
            rows, columns = (
                math.floor(min(least / max(size, 1e-6), count / LEAST_VALUES))
                for size, count in zip(seen, block.shape, strict=True)
            )
            pools[block.key] = max(rows, 1), max(columns, 1)
        least *= 1.2
    return pools


def _values(block: Block, pool: tuple[int, int]) -> int:
    return math.prod(-(-count // size) for count, size in zip(block.shape, pool, strict=True))
