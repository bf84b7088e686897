# SPDX-License-Identifier: GPL-3.0-or-later
"""Many small texts and shapes as one mesh: what differs between them becomes attributes of its faces.

Every object costs each step of the clock and each frame a little, and a model has thousands of names. The materials
of text (scene.ink_materials) add what they find on the object to what they find on the face, so both ways look alike:

    face attribute  stands for the object's
    `ink`           `fp_start`, `fp_duration`, `fp_size`
    `hue`           `pass_index`
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..core.theme import PALETTE
from .slices import Slices, at_once
from .text import as_large, covering, make_text

INK, HUE = "ink", "hue"
UV = "cells"
BASE = "TOP_BASELINE"
TOGETHER = 64  # pieces in one slice
ALIGN = {"LEFT": 0.0, "CENTER": 0.5, "RIGHT": 1.0}


@dataclass(frozen=True)
class Shape:
    """Faces in a plane: points [n, 3], the points of all corners [m], the first corner of each face, UV [m, 2]."""

    points: NDArray[np.float32]
    corners: NDArray[np.int32]
    firsts: NDArray[np.int32]
    uv: NDArray[np.float32] | None = None

    @staticmethod
    def polygon(points: Sequence[tuple[float, float, float]], uv: Sequence[tuple[float, float]] | None = None) -> Shape:
        """One face."""
        corners = np.arange(len(points), dtype=np.int32)
        places = None if uv is None else np.array(uv, np.float32)
        return Shape(np.array(points, np.float32), corners, np.zeros(1, np.int32), places)


@dataclass(frozen=True)
class Line:
    """A line of text as `make_text` would make it."""

    body: str
    size: float
    font: bpy.types.VectorFont | None
    align: str = "CENTER"
    upright: str = "CENTER"
    bold: float = 0.0


@dataclass
class Piece:
    """A text or a face that will be merged. What an object would carry as the properties `fp_start`, `fp_duration` and
    `fp_size` is read and set by the same names."""

    name: str
    form: Line | Shape
    hue: str
    material: bpy.types.Material
    ink: dict[str, float] = field(default_factory=lambda: {"fp_start": 0.0, "fp_duration": 0.0, "fp_size": 1.0})

    def __getitem__(self, key: str) -> float:
        return self.ink[key]

    def __setitem__(self, key: str, value: float) -> None:
        self.ink[key] = value


class Shapes:
    """Turns texts into shapes. Setting type is slow: every character is set once, and lines are put together from them
    as Blender does it, one after the other by their advances."""

    def __init__(self) -> None:
        self._glyphs: dict[tuple[Any, ...], tuple[Shape, float]] = {}
        self._rows: dict[tuple[Any, ...], tuple[Shape, float]] = {}
        self._rises: dict[tuple[Any, ...], float] = {}
        self._bars: dict[tuple[Any, ...], float] = {}
        self._setter: bpy.types.Object | None = None

    def of(self, form: Line | Shape) -> Shape:
        """The shape of a line of text, in the coordinates that its object would have."""
        return form if isinstance(form, Shape) else self._line(form)

    def set_slices(self, forms: Iterable[Line | Shape]) -> Slices[None]:
        """Sets the characters of those lines that were not yet set, each in a slice: one takes milliseconds."""
        for line in forms:
            if isinstance(line, Line):
                for character in dict.fromkeys(line.body):
                    if (character, line.font, line.bold) not in self._glyphs:
                        self._glyph(character, (line.font, line.bold))
                        yield

    def clear(self) -> None:
        """Remove what was made along the way."""
        if self._setter is not None:
            bpy.data.batch_remove([self._setter, self._setter.data])
        self._setter = None

    def _line(self, line: Line) -> Shape:
        style = (line.font, line.bold)
        row, width = self._row(line.body, style)
        start = np.array([-width * ALIGN[line.align], self._rise(line.upright, style), 0.0])
        return Shape(((row.points + start) * line.size).astype(np.float32), row.corners, row.firsts)

    def _row(self, body: str, style: tuple[Any, ...]) -> tuple[Shape, float]:
        """Characters one after the other at size one, from zero on, and how far they reach. Many words come again."""
        if (body, *style) not in self._rows:
            glyphs, advances = [], [0.0]
            for character in body:
                shape, advance = self._glyph(character, style)
                glyphs.append(shape)
                advances.append(advance)
            places = np.cumsum(advances)
            row = joined(glyphs)
            row.points[:, 0] += np.repeat(places[:-1], [len(shape.points) for shape in glyphs])
            self._rows[body, *style] = row, float(places[-1])
        return self._rows[body, *style]

    def _glyph(self, character: str, style: tuple[Any, ...]) -> tuple[Shape, float]:
        """A character at size one, and how far from it the next one stands: a bar behind it tells."""
        if (character, *style) not in self._glyphs:
            own = (covering(character, style[0]), *style[1:])
            if own not in self._bars:
                self._bars[own] = _right(self._set("|", own))
            advance = _right(self._set(f"{character}|", own)) - self._bars[own]
            shape, size = self._set(character, own), as_large(style[0], own[0])
            if size != 1.0:
                shape = replace(shape, points=(shape.points * size).astype(np.float32))
            self._glyphs[character, *style] = shape, advance * size
        return self._glyphs[character, *style]

    def _rise(self, align: str, style: tuple[Any, ...]) -> float:
        """How far above its base line a line of that alignment is set."""
        if (align, *style) not in self._rises:
            base, other = (self._set("H", style, way).points[:, 1].min() for way in (BASE, align))
            self._rises[align, *style] = float(other - base)
        return self._rises[align, *style]

    def _set(self, body: str, style: tuple[Any, ...], align: str = BASE) -> Shape:
        """A text as Blender sets it at size one."""
        if self._setter is None:
            self._setter = make_text("setter", "", 1.0, "text", None, None, "LEFT")
        curve: Any = self._setter.data
        curve.body, curve.align_y = body, align
        font, curve.offset = style
        if font is not None:
            curve.font = font
        shape = _shape(self._setter.to_mesh())
        self._setter.to_mesh_clear()
        return shape


def _right(shape: Shape) -> float:
    return float(shape.points[:, 0].max())


def joined(shapes: Sequence[Shape]) -> Shape:
    """Many shapes as one."""
    if not shapes:
        return Shape(np.zeros((0, 3), np.float32), np.zeros(0, np.int32), np.zeros(0, np.int32))
    before = np.cumsum([0, *(len(shape.points) for shape in shapes)])
    ends = np.cumsum([0, *(len(shape.corners) for shape in shapes)])
    uv = None
    if any(shape.uv is not None for shape in shapes):
        uv = np.concatenate([np.zeros((len(s.corners), 2), np.float32) if s.uv is None else s.uv for s in shapes])
    return Shape(
        np.concatenate([shape.points for shape in shapes]),
        np.concatenate([shape.corners + np.int32(n) for shape, n in zip(shapes, before, strict=False)]),
        np.concatenate([shape.firsts + np.int32(n) for shape, n in zip(shapes, ends, strict=False)]),
        uv,
    )


def _shape(mesh: Any) -> Shape:
    points = np.empty(3 * len(mesh.vertices), np.float32)
    corners = np.empty(len(mesh.loops), np.int32)
    firsts = np.empty(len(mesh.polygons), np.int32)
    if len(points):
        mesh.attributes["position"].data.foreach_get("vector", points)
    mesh.loops.foreach_get("vertex_index", corners)
    mesh.polygons.foreach_get("loop_start", firsts)
    return Shape(points.reshape(-1, 3), corners, firsts)


def merge(
    name: str, pieces: Iterable[tuple[Piece, Matrix]], material: bpy.types.Material, shapes: Shapes
) -> bpy.types.Object:
    """One object that shows all pieces, each moved by its matrix."""
    return at_once(merge_slices(name, pieces, material, shapes))


def merge_slices(
    name: str, pieces: Iterable[tuple[Piece, Matrix]], material: bpy.types.Material, shapes: Shapes
) -> Slices[bpy.types.Object]:
    """As `merge`, in slices."""
    pieces = list(pieces)
    yield from shapes.set_slices(piece.form for piece, _matrix in pieces)
    moved, inks, hues = [], [], []
    for i, (piece, matrix) in enumerate(pieces):
        if i % TOGETHER == TOGETHER - 1:
            yield
        shape = shapes.of(piece.form)
        move = np.array(matrix, dtype=np.float32)
        points = shape.points @ move[:3, :3].T + move[:3, 3]
        moved.append(Shape(points, shape.corners, shape.firsts, shape.uv))
        ink = [piece[key] for key in ("fp_start", "fp_duration", "fp_size")]
        inks.append(np.tile(np.array(ink, np.float32), (len(shape.firsts), 1)))
        hues.append(np.full(len(shape.firsts), PALETTE.index(piece.hue), np.float32))
    whole = joined(moved)
    yield
    mesh = mesh_of(name, whole)
    yield
    attributes: Any = mesh.attributes
    if whole.uv is not None:
        mesh.uv_layers.new(name=UV).data.foreach_set("uv", whole.uv.ravel())
    attributes.new(INK, "FLOAT_VECTOR", "FACE").data.foreach_set("vector", np.concatenate(inks).ravel())
    attributes.new(HUE, "FLOAT", "FACE").data.foreach_set("value", np.concatenate(hues))
    mesh.materials.append(material)
    return bpy.data.objects.new(name, mesh)


def mesh_of(name: str, shape: Shape) -> bpy.types.Mesh:
    """A mesh of those faces."""
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(shape.points))
    mesh.loops.add(len(shape.corners))
    mesh.polygons.add(len(shape.firsts))
    attributes: Any = mesh.attributes
    attributes["position"].data.foreach_set("vector", np.ascontiguousarray(shape.points, np.float32).ravel())
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(shape.corners, np.int32))
    mesh.polygons.foreach_set("loop_start", np.ascontiguousarray(shape.firsts, np.int32))
    mesh.update(calc_edges=True)
    return mesh
