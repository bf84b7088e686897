# SPDX-License-Identifier: GPL-3.0-or-later
"""The second level of detail: a block whose cells are an image instead of geometry.

Every slab has a float image of its own, which says what it shows; the one material that they share reads the same
numbers from an atlas, because each material more costs every frame as much as thousands of cells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..core.layout import Block, Vector
from ..core.values import Pooled, masked
from .blocks import block_object, flat_mesh, level_of
from .cell_group import set_measures
from .cell_materials import NO_NUMBER
from .exr import exr
from .materials import Materials

EVERY = 8  # cells between the lines of a slab's mesh, on whose crossings stands what is seen from afar
ATLAS = "FP Slabs"
HELD = "fp_picture"  # the object's property that keeps the image of its numbers in the file, and lets it go with it
TYPICAL = 0.4  # the size of numbers against the largest of some dozens of them, where a map says no more


class Atlas:
    """One float image with the numbers of all slabs, each in a rectangle of its own."""

    def __init__(self, shapes: Mapping[str, tuple[int, int]]) -> None:
        """Room for a matrix of that shape (rows, columns) for each key. ValueError for none."""
        if not shapes:
            raise ValueError("an atlas needs at least one matrix")
        # Lying down, tall ones leave no room over the others.
        self._lying = {key for key, (rows, columns) in shapes.items() if rows > columns}
        self._shapes = {key: shape[::-1] if key in self._lying else shape for key, shape in shapes.items()}
        self._corners, (height, width) = pack(self._shapes)
        self._pixels = np.zeros((height, width), np.float32)
        self.image = bpy.data.images.new(ATLAS, 1, 1, alpha=False, float_buffer=True, is_data=True)
        self.image.use_half_precision = False  # on the graphics card too: digits are printed from it

    def __contains__(self, key: object) -> bool:
        return key in self._corners

    def draw(self, key: str, matrix: NDArray[np.float32], part: str = "") -> None:
        """Give a key its numbers, [rows, columns], which are those of that part of the model. What is none becomes a
        number that no model has: shaders cannot tell infinities from NaN."""
        (top, left), (rows, columns) = self._corners[key], self._shapes[key]
        seen = np.where(masked(matrix, part), np.float32(-np.inf), matrix)
        coded = np.nan_to_num(
            seen.T if key in self._lying else seen, nan=NO_NUMBER, posinf=NO_NUMBER, neginf=-NO_NUMBER
        )
        self._pixels[top : top + rows, left : left + columns] = coded

    def places(self, key: str, places: NDArray[np.float32]) -> NDArray[np.float64]:
        """Where places in cells [n, 2] (column, row from the top) lie in the picture, 0 to 1 from its lower left."""
        height, width = self._pixels.shape
        top, left = self._corners[key]
        across, down = places.astype(np.float64).T[:: -1 if key in self._lying else 1]
        return np.stack([(left + across) / width, 1 - (top + down) / height], axis=1)

    def finish(self) -> None:
        """Hand all numbers over to Blender."""
        fill_image(self.image, self._pixels)


def pack(shapes: Mapping[str, tuple[int, int]]) -> tuple[dict[str, tuple[int, int]], tuple[int, int]]:
    """Top left corners (row, column) for rectangles of those shapes (rows, columns), and the shape of the sheet that
    holds them: on shelves, the tallest first, about as wide as high."""
    area = sum(rows * columns for rows, columns in shapes.values())
    width = max(int(np.ceil(area**0.5)), max(columns for _rows, columns in shapes.values()))
    corners: dict[str, tuple[int, int]] = {}
    shelf = top = left = 0
    for key in sorted(shapes, key=lambda key: (-shapes[key][0], key)):
        rows, columns = shapes[key]
        if left + columns > width:
            top, left, shelf = top + shelf, 0, 0
        corners[key] = (top, left)
        left, shelf = left + columns, max(shelf, rows)
    return corners, (top + shelf, width)


def fill_image(image: bpy.types.Image, matrix: NDArray[np.float32]) -> None:
    """The red channel of `image` becomes `matrix`, [rows, columns], row 0 at the top; packed, bit for bit."""
    data: Any = exr(matrix)
    image.alpha_mode = "NONE"
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"


@dataclass(frozen=True)
class Sheet:
    """What a slab shows: `matrix` of values, their `size` from afar, and the lines of its mesh, [down] and [across],
    counted in values from the first. A value is `block` rows and columns; the block begins at the first lines."""

    matrix: NDArray[np.float32]
    size: NDArray[np.float32]
    block: tuple[int, int]
    down: NDArray[np.float64]
    across: NDArray[np.float64]

    @staticmethod
    def of(values: Pooled, shape: tuple[int, int]) -> Sheet:
        """For a block of that many rows and columns."""
        lines = []
        pooled = values.block != (1, 1)
        every = EVERY // 2 if pooled else EVERY
        for count, step, start in zip(shape, values.block, values.start, strict=True):
            end = start + count / step
            lines.append(np.unique([start, *range(every, math.ceil(end), every), end]))
        size = values.size if values.size is not None else values.matrix
        if pooled and values.size is None:
            size = size * np.float32(TYPICAL)
        return Sheet(values.matrix, size, values.block, lines[0], lines[1])

    def grid(self, block: Block) -> Block:
        """The block with a step for each value, beginning where the first value does."""
        down, across = (
            np.array(step, float) * size
            for step, size in zip((block.row_step, block.column_step), self.block, strict=True)
        )
        origin = np.array(block.origin) - self.down[0] * down - self.across[0] * across
        return replace(block, origin=_vector(origin), row_step=_vector(down), column_step=_vector(across))


def _vector(values: NDArray[np.generic]) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])


def slab_mesh(block: Block, sheet: Sheet, high: float, atlas: Atlas) -> bpy.types.Mesh:
    """A block's face as coarse quads: what stands between them is read from the atlas, by the UV map `atlas`. `block`
    has a step for each value of the sheet."""
    nearest = [np.round(lines).astype(int) for lines in (sheet.down, sheet.across)]
    reach = EVERY // 2 if sheet.block == (1, 1) else 1
    level = level_of(sheet.size, high, reach)[np.ix_(*nearest)]
    mesh = flat_mesh(block.key, block, sheet.down, sheet.across, level)
    places = np.empty((len(mesh.loops), 2), np.float32)
    cells: Any = mesh.uv_layers["cells"].data
    cells.foreach_get("uv", places.ravel())
    uv: Any = mesh.uv_layers.new(name="atlas", do_init=False).data
    uv.foreach_set("uv", atlas.places(block.key, places).astype(np.float32).ravel())
    # Flat: a smooth border would lean towards the body's rim over the whole breadth of its quads.
    mesh.polygons.foreach_set("use_smooth", np.zeros(len(mesh.polygons), bool))
    atlas.draw(block.key, sheet.matrix, block.part)
    return mesh


def slab_image(block: Block, matrix: NDArray[np.float32]) -> bpy.types.Image:
    """The picture of a block's numbers that the scene contract promises."""
    image = bpy.data.images.new(f"slab {block.key}", 1, 1, alpha=False, float_buffer=True, is_data=True)
    fill_image(image, matrix)
    return image


def make_slab(
    block: Block, values: Pooled, ends: tuple[float, float], materials: Materials, atlas: Atlas
) -> bpy.types.Object:
    """The object of a block as a slab: what `make_block` makes, with the numbers in the image `fp_image`; `pooled`
    where a value stands for more than one of them, as `fp_pool` says: rows and columns, and how much of the first
    value lies before the first row and column."""
    sheet = Sheet.of(values, block.shape)
    grid = sheet.grid(block)
    mesh = slab_mesh(grid, sheet, ends[1], atlas)
    mesh.materials.append(
        materials.slab
        if (np.isfinite(sheet.matrix) & ~masked(sheet.matrix, block.part)).all()
        else materials.slab_masked
    )
    mesh.materials.append(materials.body)
    item = block_object(block, mesh, ends)
    item.location = grid.origin
    item["fp_detail"] = "slab" if values.block == (1, 1) else "pooled"
    image = slab_image(block, sheet.matrix)
    item["fp_image"], item[HELD] = image.name, image
    set_measures(item, sheet.down[-1], sheet.across[-1], _length(grid.column_step), _length(grid.row_step))
    if values.block != (1, 1):
        item["fp_pool"] = [*map(float, values.block), *values.start]
        item["fp_pooled_by"] = "max |x|"
    return item


def _length(step: Vector) -> float:
    return float(np.linalg.norm(step))
