# SPDX-License-Identifier: GPL-3.0-or-later
"""One object for each block: as `cells`, a mesh with one quad a cell, its numbers in the face attribute `value`."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector
from numpy.typing import NDArray

from ..core.layout import THICKNESS, Block
from ..core.theme import PALETTE
from ..core.values import masked
from .cell_group import HUES, set_measures
from .materials import Materials

# Numbers of the sweep styles in the object property `fp_play`; 0 is a weight, which nothing fills.
MASKED, MISSING = 1.0, 2.0  # face attribute `state`: masked away; NaN or plus infinity
PLAY_STYLES = {"": 0.0, "dot": 1.0, "row": 2.0, "column": 3.0, "outer": 4.0, "all": 5.0}

Made = dict[tuple[Any, ...], bpy.types.Mesh]  # grids by what makes them alike


def level_of(matrix: NDArray[np.float32], high: float, reach: int = 4) -> NDArray[np.float32]:
    """Magnitude from afar: the root mean square around each corner of the grid, [rows + 1, columns + 1], 0 to 1.

    Averaging signed colours gives fog; averaging magnitude keeps the structure of a matrix visible.
    """
    finite = np.where(np.isfinite(matrix), matrix, 0.0).astype(np.float64)
    rows, columns = matrix.shape
    power = np.zeros((rows + 1, columns + 1))
    np.square(finite / max(high, 1e-12)).cumsum(0).cumsum(1, out=power[1:, 1:])
    (top, bottom), (left, right), count = _around(rows, columns, reach)
    down = power[bottom] - power[top]  # sums over the rows around
    total = down[:, right] - down[:, left]
    return np.clip(1.6 * np.sqrt(np.maximum(total, 0.0) / count), 0.0, 1.0).astype(np.float32)


@lru_cache(maxsize=64)  # heads and layers are alike
def _around(rows: int, columns: int, reach: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """First and last line of what is around each line of a grid, of rows and of columns, [2, lines] each, and the
    number of cells around each crossing."""
    lines = [np.arange(count + 1) for count in (rows, columns)]
    down, across = (np.stack([np.maximum(at - reach, 0), np.minimum(at + reach, at[-1])]) for at in lines)
    return down, across, np.maximum(np.outer(down[1] - down[0], across[1] - across[0]), 1)


def grid_mesh(
    name: str, block: Block, matrix: NDArray[np.float32], high: float, made: Made | None = None
) -> bpy.types.Mesh:
    """A grid of rows x columns quads in the block's own plane, faces row after row from the top left, with their
    numbers as face attributes. A grid like one in `made` is a copy of it, materials and all: Blender makes it in a
    seventh of the time, and both share what they have in common."""
    # Shaders make NaN of an infinity: they read `finite`, and `state` where there is anything else than numbers.
    hidden = masked(matrix, block.part)
    finite = np.isfinite(matrix) & ~hidden
    whole = bool(finite.all())
    like = (matrix.shape, *_pitch(block), whole)
    if made is not None and like in made:
        mesh = made[like].copy()
        mesh.name = name
    else:
        mesh = _empty_grid(name, block, matrix.shape, whole)
        if made is not None:
            made[like] = mesh
    shown = matrix if whole else np.where(finite, matrix, np.float32(0.0))
    numbers = {"value": matrix, "finite": shown, "level": level_of(shown, high)}
    if not whole:
        numbers["state"] = np.where(finite, 0.0, np.where(hidden, MASKED, MISSING)).astype(np.float32)
    attributes: Any = mesh.attributes
    for attribute, values in numbers.items():
        attributes[attribute].data.foreach_set("value", values.ravel())
    return mesh


def _empty_grid(name: str, block: Block, shape: tuple[int, ...], whole: bool) -> bpy.types.Mesh:
    """A grid with the attributes of numbers, all zero."""
    rows, columns = shape
    level = np.zeros((rows + 1, columns + 1), np.float32)
    mesh = flat_mesh(name, block, np.arange(rows + 1), np.arange(columns + 1), level)
    for attribute in ("value", "finite") if whole else ("value", "finite", "state"):
        mesh.attributes.new(attribute, "FLOAT", "FACE")
    return mesh


def _pitch(block: Block) -> tuple[float, float]:
    """How long a cell is along the columns and along the rows."""
    return math.hypot(*block.column_step), math.hypot(*block.row_step)


def flat_mesh(
    name: str, block: Block, down: NDArray[np.generic], across: NDArray[np.generic], level: NDArray[np.float32]
) -> bpy.types.Mesh:
    """Quads between the grid's lines `down` (counted in rows) and `across` (in columns): x along the block's columns,
    y up against its rows, the UV map `cells` in cells, and `level` [down, across] on the crossings."""
    width, height = _pitch(block)
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
    block: Block, matrix: NDArray[np.float32], ends: tuple[float, float], materials: Materials, made: Made
) -> bpy.types.Object:
    """The object of a block with its drawn numbers, [rows, columns], and the colour map's ends: in place, as `cells`,
    and with every property of the scene contract but its times. `made` are the meshes of earlier blocks with the same
    materials."""
    mesh = grid_mesh(block.key, block, matrix, ends[1], made)
    if not mesh.materials:
        mesh.materials.append(materials.masked if "state" in mesh.attributes else materials.cells)
        mesh.materials.append(materials.body)
    item = block_object(block, mesh, ends)
    item["fp_detail"] = "cells"
    set_measures(item, *block.shape, *_pitch(block))
    return item


def block_object(block: Block, mesh: bpy.types.Mesh, ends: tuple[float, float]) -> bpy.types.Object:
    """The object of a block with its mesh, of any level of detail, whose second material is that of its body."""
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
