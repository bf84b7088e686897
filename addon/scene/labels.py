# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in the world: thousands of them in a large model, so those of one tier in one layer are one object."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ..core.layout import Label
from ..core.names import MOST_SCALE, Names, anchor, reckoned
from .ink_materials import ANCHOR, MOST, SHOTS
from .materials import Materials
from .merge import BASE, Line, Piece, Shapes, merge_slices
from .slices import Slices
from .text import SUBSCRIPT, make_text, split_name, width_of

TIERS = ("names of the model", "names of sections", "names of tensors", "names of heads", "names of columns")
TEXT = 1.6  # text size for a label of size 1: as wide as the layout reckons

Placed = tuple[Piece, Matrix]


def label_slices(
    labels: Iterable[Label],
    materials: Materials,
    font: bpy.types.VectorFont | None,
    camera: bpy.types.Object,
    shapes: Shapes,
    names: Names | None = None,
) -> Slices[list[bpy.types.Object]]:
    """The names in the world. With `names` each is shown in those poses of the camera, at one size on screen; without,
    in its own size while that can be read. Those that face the camera stay texts."""
    made: list[bpy.types.Object] = []
    material = materials.ink if names is None else materials.name
    together: dict[tuple[int | None, int], list[tuple[int, Label]]] = defaultdict(list)
    for i, label in enumerate(labels):
        if label.plane == "camera":
            made += _face(place_label(label, materials.ink, font), camera)
            yield
        else:
            together[label.layer, label.tier].append((i, label))
    for (layer, tier), items in together.items():
        name = TIERS[tier] if layer is None else f"{TIERS[tier]}, layer {layer}"
        lines = [place_label(label, material, font) for _i, label in items]
        item = yield from merge_slices(name, [piece for line in lines for piece in line], material, shapes)
        if names is not None:
            counts = [sum(len(shapes.of(piece.form).points) for piece, _where in line) for line in lines]
            _tell(item.data, ANCHOR, [anchor(label) for _i, label in items], counts)
            _tell(item.data, SHOTS, [names.words(i) for i, _label in items], counts)
            mesh: Any = item.data
            most = mesh.attributes.new(MOST, "FLOAT", "POINT")
            most.data.foreach_set("value", np.full(sum(counts), MOST_SCALE[tier], np.float32))
        made.append(item)
        yield
    return made


def _tell(mesh: Any, name: str, vectors: Sequence[Sequence[float]], counts: Sequence[int]) -> None:
    """Give the points of each label its vector."""
    each = np.repeat(np.array(vectors, np.float32).reshape(-1, 3), counts, axis=0)
    mesh.attributes.new(name, "FLOAT_VECTOR", "POINT").data.foreach_set("vector", each.ravel())


def place_label(label: Label, material: bpy.types.Material, font: bpy.types.VectorFont | None) -> list[Placed]:
    """The lines of a name, each with its place in the world; "W_Q 1" gets a real subscript."""
    name, below = split_name(label.text)
    place = Matrix.Translation(label.position)
    if label.plane == "front":
        place = place @ Matrix.Rotation(math.pi / 2, 4, "X")
    em = label.size * TEXT
    if not below:
        lines = [(Line(label.text, em, font, label.align.upper(), BASE), place)]
    else:
        beside = place @ Matrix.Translation((width_of(name, em) + em * 0.03, -em * 0.12, 0.0))
        small = Line(below, em * SUBSCRIPT, font, "LEFT", BASE)
        lines = [(Line(name, em, font, "LEFT", BASE), place), (small, beside)]
    ink = {"fp_start": 0.0, "fp_duration": 0.0, "fp_size": reckoned(label)}  # a subscript grows with its name
    return [(Piece(label.text, line, label.color, material, ink), where) for line, where in lines]


def _face(texts: list[Placed], camera: bpy.types.Object) -> list[bpy.types.Object]:
    """The lines of one name as texts, turned to the camera as a whole."""
    made: list[bpy.types.Object] = []
    for piece, where in texts:
        line: Any = piece.form
        item = make_text(
            piece.name, line.body, line.size, piece.hue, piece.material, line.font, line.align, line.upright
        )
        item["fp_size"] = piece["fp_size"]
        if made:
            item.parent, item.matrix_basis = made[0], texts[0][1].inverted() @ where
        else:
            item.matrix_world = where
            facing: Any = item.constraints.new("COPY_ROTATION")
            facing.target = camera
        made.append(item)
    return made
