# SPDX-License-Identifier: GPL-3.0-or-later
"""The second level of detail: a block whose cells are an image instead of geometry.

Every slab has a float image of its own, which says what it shows; the one material that they share reads the same
numbers from an atlas, because each material more costs every frame as much as thousands of cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..core.layout import Block
from .blocks import block_object, flat_mesh, level_of
from .materials import NO_NUMBER, Materials

EVERY = 8  # cells between the lines of a slab's mesh, on whose crossings stands what is seen from afar
ATLAS = "FP Slabs"


class Atlas:
    """One float image with the numbers of all slabs, each in a rectangle of its own."""

    def __init__(self, shapes: Mapping[str, tuple[int, int]]) -> None:
        """Room for a matrix of that shape (rows, columns) for each key. ValueError for none."""
        if not shapes:
            raise ValueError("an atlas needs at least one matrix")
        self._corners, (height, width) = pack(shapes)
        self._shapes = dict(shapes)
        self._pixels = np.zeros((height, width), np.float32)
        self.image = bpy.data.images.new(ATLAS, width, height, alpha=False, float_buffer=True, is_data=True)
        self.image.use_half_precision = False  # on the graphics card too: digits are printed from it

    def __contains__(self, key: object) -> bool:
        return key in self._corners

    def draw(self, key: str, matrix: NDArray[np.float32]) -> None:
        """Give a key its numbers, [rows, columns]. What is none becomes a number that no model has: shaders cannot
        tell infinities from NaN."""
        (top, left), (rows, columns) = self._corners[key], self._shapes[key]
        coded = np.nan_to_num(matrix, nan=NO_NUMBER, posinf=NO_NUMBER, neginf=-NO_NUMBER)
        self._pixels[top : top + rows, left : left + columns] = coded

    def window(self, key: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where a place in cells (column, row from the top) lies in the picture, 0 to 1: its zero and its step, [2]."""
        height, width = self._pixels.shape
        top, left = self._corners[key]
        return np.array([left / width, 1 - top / height]), np.array([1 / width, -1 / height])

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
    pixels = np.zeros((*matrix.shape, 4), np.float32)
    pixels[::-1, :, 0] = matrix  # Blender counts from the bottom
    pixels[..., 3] = 1.0
    image.alpha_mode = "NONE"
    image.pixels.foreach_set(pixels.ravel())  # type: ignore[attr-defined]
    image.pack()


def slab_mesh(block: Block, matrix: NDArray[np.float32], high: float, atlas: Atlas) -> bpy.types.Mesh:
    """A block's face as coarse quads: what stands between them is read from the atlas, by the UV map `atlas`."""
    down, across = (np.unique([*range(0, count, EVERY), count]) for count in matrix.shape)
    mesh = flat_mesh(block.key, block, down, across, level_of(matrix, high)[np.ix_(down, across)])
    places = np.empty((len(mesh.loops), 2), np.float32)
    cells: Any = mesh.uv_layers["cells"].data
    cells.foreach_get("uv", places.ravel())
    zero, step = atlas.window(block.key)
    uv: Any = mesh.uv_layers.new(name="atlas", do_init=False).data
    uv.foreach_set("uv", (zero + places * step).astype(np.float32).ravel())
    # Flat: a smooth border would lean towards the body's rim over the whole breadth of its quads.
    mesh.polygons.foreach_set("use_smooth", np.zeros(len(mesh.polygons), bool))
    atlas.draw(block.key, matrix)
    return mesh


def slab_image(block: Block, matrix: NDArray[np.float32]) -> bpy.types.Image:
    """The picture of a block's numbers that the scene contract promises; it stays although no material shows it."""
    rows, columns = matrix.shape
    image = bpy.data.images.new(f"slab {block.key}", columns, rows, alpha=False, float_buffer=True, is_data=True)
    fill_image(image, matrix)
    image.use_fake_user = True
    return image


def make_slab(
    block: Block, matrix: NDArray[np.float32], ends: tuple[float, float], materials: Materials, atlas: Atlas
) -> bpy.types.Object:
    """The object of a block as a slab: what `make_block` makes, with the numbers in the image `fp_image`."""
    mesh = slab_mesh(block, matrix, ends[1], atlas)
    mesh.materials.append(materials.slab if np.isfinite(matrix).all() else materials.slab_masked)
    item = block_object(block, mesh, ends, materials)
    item["fp_detail"] = "slab"
    item["fp_image"] = slab_image(block, matrix).name
    return item
