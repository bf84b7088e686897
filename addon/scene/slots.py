# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots for the rows of later steps: a ghost of their grid, in one object for each section of the model.

The blocks themselves stay hidden until they fill: hundreds of one-row objects would cost every frame as much as all
the rest, for nothing that can be seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np

from ..core.layout import Block
from .materials import Materials

BEHIND = 0.06  # units behind the face, so that a filled row covers its slot


def make_slots(blocks: Iterable[Block], materials: Materials) -> list[bpy.types.Object]:
    """The slots of all blocks of later steps, merged by layer."""
    by_layer: dict[int | None, list[Block]] = defaultdict(list)
    for block in blocks:
        if block.step > 0:
            by_layer[block.layer].append(block)
    return [
        _merged("slots" if layer is None else f"slots layer {layer}", group, materials)
        for layer, group in by_layer.items()
    ]


def _merged(name: str, blocks: list[Block], materials: Materials) -> bpy.types.Object:
    corners, places, pitches = [], [], []
    for block in blocks:
        rows, columns = block.shape
        origin = np.array(block.origin) - BEHIND * np.array(block.normal)
        down, across = np.array(block.row_step), np.array(block.column_step)
        r, c = (grid.reshape(-1, 1) for grid in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
        around = np.stack(
            [np.hstack([r + 1, c]), np.hstack([r + 1, c + 1]), np.hstack([r, c + 1]), np.hstack([r, c])], 1
        )
        corners.append(origin + around[..., :1] * down + around[..., 1:] * across)  # [cells, 4, 3]
        places.append(around[..., ::-1])  # [cells, 4, 2]: column, row
        pitches.append(np.tile([np.linalg.norm(across), np.linalg.norm(down), 0.0], (rows * columns, 1)))
    points = np.concatenate(corners).reshape(-1, 3)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], np.arange(len(points)).reshape(-1, 4).tolist())
    uv = np.concatenate(places).astype(np.float32)
    mesh.uv_layers.new(name="cells").data.foreach_set("uv", uv.ravel())
    attributes: Any = mesh.attributes
    pitch = np.concatenate(pitches).astype(np.float32)
    attributes.new("pitch", "FLOAT_VECTOR", "FACE").data.foreach_set("vector", pitch.ravel())
    mesh.materials.append(materials.slots)
    return bpy.data.objects.new(name, mesh)
