# SPDX-License-Identifier: GPL-3.0-or-later
"""What a camera has to see of a layout: the blocks of a place or of a list, and the names on the floor before them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from .layout_types import Bounds, Layout
from .meeting import meeting, to_floor
from .readable import Quad

# Room for a name on the floor before a block, in units; in a close-up, where names are small, a share of what is seen.
NAMES, NAMES_SHARE, LEAST_NAMES = 7.0, 0.09, 3.0
EDGE = 1e-6  # units by which a block may stand out of a place that it belongs to


class Subjects:
    """What shots of a layout have to show. A place is measured once, however often a story of the layout is told."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._places: dict[str, Bounds] = {}

    def place(self, name: str) -> Bounds:
        """A named place of the layout, with the points of what stands in it. KeyError where there is no such place."""
        if name not in self._places:
            self._places[name] = self._measured(self._layout.bounds[name])
        return self._places[name]

    def blocks(self, keys: Sequence[str]) -> Bounds:
        """Blocks by their keys, of which some may not be there: their corners, and the names before them. ValueError
        where none is there."""
        by_key = self._layout.by_key
        bodies = [by_key[key].body() for key in keys if key in by_key]
        points = [point for box in bodies for point in box.corners()]
        room = min(NAMES, max(LEAST_NAMES, NAMES_SHARE * math.dist(np.min(points, axis=0), np.max(points, axis=0))))
        names = [(x, box.low[1] - room, min(box.low[2], 0.0)) for box in bodies for x in (box.low[0], box.high[0])]
        whole = Bounds.around([*points, *names])
        return replace(whole, points=tuple(dict.fromkeys([*points, *names])))

    def faces(self, keys: Sequence[str]) -> tuple[tuple[Quad, ...], tuple[Quad, ...]]:
        """The faces of blocks by their keys, of which some may not be there, and what may stand before them: the fences
        of their part of the model, these too, down to the floor."""
        blocks = [self._layout.by_key[key] for key in keys if key in self._layout.by_key]
        layers = {block.layer for block in blocks}
        near = [b for b in self._layout.blocks if b.layer in layers and b.step == 0 and abs(b.normal[2]) < 0.5]
        return tuple(block.corners() for block in blocks), tuple(to_floor(block.corners()) for block in near)

    def around(self, faces: Sequence[Quad]) -> Bounds:
        """The box around faces, with their corners. ValueError where there are none."""
        points = [point for face in faces for point in face]
        return replace(Bounds.around(points), points=tuple(dict.fromkeys(points)))

    def meeting(self, left: str, right: str, out: str, row: int | None) -> Bounds:
        """The box around where operands and result of a multiply meet, by their keys; `row` is the worked one."""
        blocks = self._layout.by_key
        return Bounds.around(meeting(blocks[left], blocks[right], blocks[out], row))

    def _measured(self, box: Bounds) -> Bounds:
        """The same box with the points of the blocks that stand in it, and of the names on the floor before them."""
        low, high = np.array(box.low) - EDGE, np.array(box.high) + EDGE
        bodies = self._layout.bodies  # [blocks, 2, 3]
        inside = bodies[(bodies[:, 0] >= low).all(1) & (bodies[:, 1] <= high).all(1)]
        which = np.array(list(product((0, 1), repeat=3)))  # [8, 3]: low or high along each axis
        corners = inside[:, which, np.arange(3)].reshape(-1, 3)
        front = np.maximum(box.low[1], inside[:, 0, 1] - NAMES)
        floor = np.full(len(inside), max(box.low[2], 0.0))
        names = [np.stack([inside[:, side, 0], front, floor], 1) for side in (0, 1)]
        points = np.unique(np.concatenate([corners, *names]), axis=0)
        return replace(box, points=tuple(map(tuple, points.tolist())))
