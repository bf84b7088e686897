# SPDX-License-Identifier: GPL-3.0-or-later
"""One object for each block: as `cells`, a mesh with one quad a cell, its numbers in the face attribute `value`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector
from numpy.typing import NDArray

from ..core.layout import THICKNESS, Block
from ..core.theme import PALETTE
from ..core.values import masked
from .materials import CELLS, HUES, Materials

# Numbers of the sweep styles in the object property `fp_play`; 0 is a weight, which nothing fills.
MASKED, MISSING = 1.0, 2.0  # face attribute `state`: masked away; NaN or plus infinity
PLAY_STYLES = {"": 0.0, "dot": 1.0, "row": 2.0, "column": 3.0, "outer": 4.0, "all": 5.0}


def level_of(matrix: NDArray[np.float32], high: float, reach: int = 4) -> NDArray[np.float32]:
    """Magnitude from afar: the root mean square around each corner of the grid, [rows + 1, columns + 1], 0 to 1.

    Averaging signed colours gives fog; averaging magnitude keeps the structure of a matrix visible.
    """
    finite = np.where(np.isfinite(matrix) & ~masked(matrix), matrix, 0.0).astype(np.float64)
    power = np.pad((finite / max(high, 1e-12)) ** 2, ((1, 0), (1, 0))).cumsum(0).cumsum(1)  # [rows + 1, columns + 1]
    rows, columns = matrix.shape
    r = np.arange(rows + 1)
    c = np.arange(columns + 1)
    top, bottom = np.clip(r - reach, 0, rows), np.clip(r + reach, 0, rows)
    left, right = np.clip(c - reach, 0, columns), np.clip(c + reach, 0, columns)
    total = (
        power[np.ix_(bottom, right)]
        - power[np.ix_(top, right)]
        - power[np.ix_(bottom, left)]
        + power[np.ix_(top, left)]
    )
    count = np.outer(bottom - top, right - left)
    return np.clip(1.6 * np.sqrt(np.maximum(total, 0.0) / np.maximum(count, 1)), 0.0, 1.0).astype(np.float32)


def grid_mesh(name: str, block: Block, matrix: NDArray[np.float32], high: float) -> bpy.types.Mesh:
    """A grid of rows x columns quads in the block's own plane, faces row after row from the top left, with their
    numbers as face attributes."""
    rows, columns = matrix.shape
    mesh = flat_mesh(name, block, np.arange(rows + 1), np.arange(columns + 1), level_of(matrix, high))
    attributes: Any = mesh.attributes
    attributes.new("value", "FLOAT", "FACE").data.foreach_set("value", matrix.ravel())
    # Shaders make NaN of an infinity: they read `finite`, and `state` where there is anything else than numbers.
    hidden = masked(matrix)
    finite = np.isfinite(matrix) & ~hidden
    attributes.new("finite", "FLOAT", "FACE").data.foreach_set("value", np.where(finite, matrix, 0.0).ravel())
    if not finite.all():
        state = np.where(finite, 0.0, np.where(hidden, MASKED, MISSING)).astype(np.float32)
        attributes.new("state", "FLOAT", "FACE").data.foreach_set("value", state.ravel())
    return mesh


def flat_mesh(
    name: str, block: Block, down: NDArray[np.generic], across: NDArray[np.generic], level: NDArray[np.float32]
) -> bpy.types.Mesh:
    """Quads between the grid's lines `down` (counted in rows) and `across` (in columns): x along the block's columns,
    y up against its rows, the UV map `cells` in cells, and `level` [down, across] on the crossings."""
    width, height = float(np.linalg.norm(block.column_step)), float(np.linalg.norm(block.row_step))
    points, quads, starts, uv = _grid(tuple(down.tolist()), tuple(across.tolist()), width, height)
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(points) // 3)
    mesh.loops.add(len(quads))
    mesh.polygons.add(len(starts))
    attributes: Any = mesh.attributes
    attributes["position"].data.foreach_set("vector", points)
    mesh.loops.foreach_set("vertex_index", quads)
    mesh.polygons.foreach_set("loop_start", starts)
    mesh.update(calc_edges=True)
    mesh.uv_layers.new(name="cells", do_init=False).data.foreach_set("uv", uv)
    attributes.new("level", "FLOAT", "POINT").data.foreach_set("value", level.ravel())
    return mesh


@lru_cache(maxsize=64)  # heads and layers are alike
def _grid(
    down: tuple[float, ...], across: tuple[float, ...], width: float, height: float
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Points, corners, first corners and UV of a grid of quads, each flat as Blender takes them."""
    r, c = np.meshgrid(down, across, indexing="ij")
    points = np.stack([c * width, -r * height, np.zeros_like(r, dtype=float)], axis=-1).astype(np.float32)
    lines = len(across)
    first = (np.arange(len(down) - 1)[:, None] * lines + np.arange(lines - 1)[None, :]).reshape(-1)
    # Counter-clockwise seen from +z: lower left, lower right, upper right, upper left.
    quads = np.stack([first + lines, first + lines + 1, first + 1, first], axis=1).astype(np.int32).ravel()
    uv = np.stack([c, r], axis=-1).reshape(-1, 2)[quads].astype(np.float32)
    return points.ravel(), quads, np.arange(0, len(quads), 4, dtype=np.int32), uv.ravel()


def place(item: bpy.types.Object, block: Block) -> None:
    """Put a grid mesh where its block stands: its x along the columns, its -y along the rows."""
    x = Vector(block.column_step).normalized()
    y = -Vector(block.row_step).normalized()
    axes: Any = (x, y, x.cross(y))
    world = Matrix(axes).transposed().to_4x4()
    world.translation = Vector(block.origin)
    item.matrix_world = world


def hue_number(hue: str, rows: str, columns: str) -> int:
    """Three palette names packed for `pass_index`."""
    return PALETTE.index(hue) + HUES * PALETTE.index(rows) + HUES * HUES * PALETTE.index(columns)


def make_block(
    block: Block, matrix: NDArray[np.float32], ends: tuple[float, float], materials: Materials
) -> bpy.types.Object:
    """The object of a block with its drawn numbers, [rows, columns], and the colour map's ends: in place, as `cells`,
    and with every property of the scene contract but its times."""
    mesh = grid_mesh(block.key, block, matrix, ends[1])
    mesh.materials.append(materials.masked if "state" in mesh.attributes else materials.cells)
    item = block_object(block, mesh, ends, materials)
    item["fp_detail"] = "cells"
    pitch = [float(np.linalg.norm(step)) for step in (block.column_step, block.row_step)]
    item[CELLS] = [*map(float, block.shape), *pitch]
    return item


def block_object(
    block: Block, mesh: bpy.types.Mesh, ends: tuple[float, float], materials: Materials
) -> bpy.types.Object:
    """The object of a block with its face, [rows, columns] cells of any level of detail, and its body behind it."""
    mesh.materials.append(materials.body)
    item = bpy.data.objects.new(block.key, mesh)
    place(item, block)
    if block.step == 0:
        # Later steps add single rows to a fence that stands already: a rim around each would only draw lines.
        solid: Any = item.modifiers.new("Body", "SOLIDIFY")
        solid.thickness = THICKNESS
        solid.offset = 1.0 if block.mirrored else -1.0
        solid.use_rim_only = True
        solid.material_offset_rim = 1

    item["fp_tensor"] = block.tensor
    item["fp_index"] = list(block.index)
    item["fp_role"] = block.role
    item["fp_operation"] = block.operation
    item["fp_shape"] = list(block.shape)
    item["fp_rows"] = [list(span) for span in block.row_ranges or (block.rows,)]
    item["fp_columns"] = [list(span) for span in block.column_ranges or (block.columns,)]
    item["fp_kind"] = block.kind
    item["fp_low"], item["fp_high"] = ends
    item["fp_layer"] = -1 if block.layer is None else block.layer
    item["fp_head"] = -1 if block.head is None else block.head
    item["fp_part"] = block.part
    return item
