# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of single steps along the axes of a multiply: tokens by their text, the others by their number.

Letters are set once, as a mesh around the origin whose points know which step of which edge they belong to; a node
group moves them there and turns them to the camera, so that a camera in motion costs no setting of type.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..core.matmul_room import AHEAD, Ticks
from .matmul_controls import PLACE, SHAPE
from .matmul_faces import GEOMETRY, FaceGroups
from .matmul_nodes import GeoNodes, Socket, geometry_tree, passed
from .matmul_text import TEXT, facing, grown, on_screen
from .merge import Line, Shapes, joined, mesh_of
from .text import load_font

TICK, HALF = "fp_tick", "fp_half"  # (step, edge, hue), and half of a name's width and height
# Of every axis the edge that always has its names, and the one that has them too where the faces lie in a row.
BOLD = 0.012  # small letters need a little more ink
EDGES = ((0, 1), (2, 3), (4, 5))


def tick_mesh(
    name: str, ticks: tuple[Ticks, Ticks, Ticks], sizes: tuple[float, float, float], hues: tuple[int, int, int]
) -> bpy.types.Mesh:
    """The letters of all names, each around the origin, with what FP Matmul Ticks reads."""
    shapes, font = Shapes(), load_font()
    found, ticked, halves = [], [], []
    for named, size, hue, edges in zip(ticks, sizes, hues, EDGES, strict=True):
        for (step, text), edge in ((one, edge) for one in named for edge in edges):
            shape = shapes.of(Line(text, size, font, bold=BOLD))
            if not len(shape.points):
                continue
            found.append(shape)
            ticked.append(np.tile(np.array([step + 0.5, edge, hue], np.float32), (len(shape.points), 1)))
            half = np.ptp(shape.points, axis=0) / 2
            halves.append(np.tile(half.astype(np.float32), (len(shape.points), 1)))
    shapes.clear()
    mesh = mesh_of(name, joined(found))
    attributes: Any = mesh.attributes
    for key, parts in ((TICK, ticked), (HALF, halves)):
        attributes.new(key, "FLOAT_VECTOR", "POINT").data.foreach_set("vector", np.concatenate(parts).ravel())
    return mesh


def ticks_group(groups: FaceGroups, ink: bpy.types.Material) -> Any:
    """FP Matmul Ticks: names of single steps, moved to their edges and turned to the camera."""
    sockets = (
        GEOMETRY,
        *SHAPE,
        *PLACE,
        TEXT,
        Socket("Labels", "Float", "How much of names and braces is seen", 1.0, 0.0, 1.0),
        Socket("Bias Rows", "Int", "Rows of a bias under O: 0 or 1", 0, 0, 1),
    )
    tree, n, into, out = geometry_tree("FP Matmul Ticks", "Names of single steps of the axes", sockets, (GEOMETRY,))
    frames = n.geometry_group(groups.frames, **passed((*SHAPE, *PLACE), into))
    step, edge, hue = n.separate(n.named_number(TICK, "FLOAT_VECTOR"))
    point, way, line = (n.pick(edge, vectors, "VECTOR") for vectors in _edges(n, into, frames))
    turn = facing(n)
    back = n.one("FunctionNodeInvertRotation", "Rotation", {"Rotation": turn})
    beside, along = on_screen(n, way, back), n.vector("NORMALIZE", on_screen(n, line, back))
    shared = n.vector("DOT_PRODUCT", beside, along)
    aside = n.vector("NORMALIZE", n.sum(beside, (along, n.math("MULTIPLY", shared, -1.0))))
    reach = n.vector("DOT_PRODUCT", n.vector("ABSOLUTE", aside), n.named_number(HALF, "FLOAT_VECTOR"))
    reach = n.math("MULTIPLY_ADD", grown(n, into), AHEAD, reach)
    letters = n.vector("ADD", n.position(), n.vector("SCALE", aside, scale=reach))
    letters = n.one("FunctionNodeRotateVector", "Vector", {"Vector": letters, "Rotation": turn})
    mesh = n.move(into["Geometry"], n.vector("ADD", n.sum(point, (line, step)), letters))
    in_row = n.smoothstep(into["Fold"], 1.55, 1.9)
    always = n.math("COMPARE", n.math("MODULO", edge, 2.0), 0.0, 0.5)
    # In a row the sign of the multiply stands where R's own steps are named: those of L are the same.
    hidden = n.math("MULTIPLY", n.math("COMPARE", edge, 2.0, 0.5), in_row)
    seen = n.math("SUBTRACT", n.math("MAXIMUM", always, in_row), hidden)
    alpha = n.math("MULTIPLY", into["Labels"], seen)
    mesh = n.store(mesh, "fp_ink", n.combine(hue, alpha, 0.0), "POINT", "FLOAT_VECTOR")
    n.feed(out["Geometry"], n.choose(n.math("GREATER_THAN", into["Labels"], 0.001), n.paint(mesh, ink)))
    return tree


def _edges(n: GeoNodes, into: dict[str, Any], frames: dict[str, Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Of all edges: where they begin, the way out of the face, and one step along them."""
    rows, inner, columns = into["Rows"], into["Inner"], into["Columns"]
    low = n.math("ADD", rows, into["Bias Rows"])
    found: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    for face, side, count, sign in (
        ("Left", "Across", 0.0, -1.0),
        ("Out", "Across", columns, 1.0),
        ("Right", "Across", columns, 1.0),
        ("Left", "Down", rows, 1.0),
        ("Out", "Down", low, 1.0),
        ("Right", "Down", inner, 1.0),
    ):
        way = frames[f"{face} {side}"]
        found[0].append(n.sum(frames[f"{face} Origin"], (way, count)))
        found[1].append(n.vector("SCALE", way, scale=sign))
        found[2].append(frames[f"{face} {'Down' if side == 'Across' else 'Across'}"])
    return found
