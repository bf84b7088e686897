# SPDX-License-Identifier: GPL-3.0-or-later
"""The node groups of the faces of a multiply: the grid of cells, and its dress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from .matmul_nodes import GeoNodes, Socket, geometry_tree

GEOMETRY = Socket("Geometry", "Geometry", "Cells as faces, row after row, with their numbers in the attribute value")
LOOK = (
    Socket("High", "Float", "The number at the upper end of the colours; the lower end is its opposite", 1.0, 0.0),
    Socket("Hue", "Int", "The palette's number of the face's own colour", 9, 0),
    Socket("Cells", "Int", "0 flat, 1 bars, 2 cubes", 0, 0, 2),
)
GRID = (
    Socket("Rows", "Int", "Rows of the face", 4, 1),
    Socket("Columns", "Int", "Columns of the face", 4, 1),
    Socket("Origin", "Vector", "The outer corner of its first cell"),
    Socket("Across", "Vector", "The step of one cell along its columns", (1.0, 0.0, 0.0)),
    Socket("Down", "Vector", "The step of one cell along its rows", (0.0, 0.0, -1.0)),
)
THICKNESS = 0.35  # of the body behind the cells, in cells


@dataclass(frozen=True)
class FaceGroups:
    """What the faces are made with."""

    frames: Any
    now: Any
    cell: Any
    grid: Any
    dress: Any


def grid_group() -> Any:
    """FP Matmul Grid: a face of that many cells, row after row, with the UV map `cells` in cells."""
    fields = (Socket("Row", "Float", "Each cell's row, on faces"), Socket("Column", "Float", "Each cell's column"))
    tree, n, into, out = geometry_tree(
        "FP Matmul Grid", "A face of cells, row after row, where its frame says", GRID, (GEOMETRY, *fields)
    )
    lines = n.math("ADD", into["Columns"], 1.0)
    # The grid's own order is x first: x runs along the rows here, so that faces come row after row.
    inputs = {"Vertices X": n.math("ADD", into["Rows"], 1.0), "Vertices Y": lines, "Size X": 1.0, "Size Y": 1.0}
    mesh = n.one("GeometryNodeMeshGrid", "Mesh", inputs)
    row, column = _divided(n, n.index(), lines)
    place = n.sum(into["Origin"], (into["Across"], column), (into["Down"], row))
    mesh = n.move(mesh, place)
    uv = n.on("POINT", n.combine(column, row), "FLOAT_VECTOR")
    mesh = n.store(mesh, "cells", uv, "CORNER", "FLOAT2")
    n.feed(out["Geometry"], mesh)
    face_row, face_column = _divided(n, n.index(), into["Columns"])
    n.feed(out["Row"], face_row)
    n.feed(out["Column"], face_column)
    return tree


def _divided(n: GeoNodes, index: Any, count: Any) -> tuple[Any, Any]:
    """An index as row and column of `count` columns."""
    row = n.math("FLOOR", n.math("DIVIDE", n.math("ADD", index, 0.5), count))
    return row, n.math("SUBTRACT", index, n.math("MULTIPLY", row, count))


def dress_group(cells: bpy.types.Material, body: bpy.types.Material) -> Any:
    """FP Matmul Dress: what the material of the cells reads, bars or cubes on the cells, and a body behind them."""
    inputs = (
        GEOMETRY,
        Socket("Play", "Float", "How much a cell is in play, 0 to 1"),
        Socket("Shown", "Float", "How much of its number has come out, 0 to 1"),
        Socket("Glow", "Float", "How much it shines"),
        Socket("Result", "Float", "1 for a result, which keeps its colours; 0 for an operand", 0.0),
        Socket("Side", "Float", "Where bars stand: 1 on the front of the face, -1 on its back", 1.0),
        Socket("Across", "Vector", "The step of one cell along the columns", (1.0, 0.0, 0.0)),
        Socket("Down", "Vector", "The step of one cell along the rows", (0.0, 0.0, -1.0)),
        *LOOK,
    )
    tree, n, into, out = geometry_tree("FP Matmul Dress", "What the cells of a face look like", inputs, (GEOMETRY,))
    state = n.combine(into["Play"], into["Shown"], into["Glow"])
    look = n.combine(into["High"], into["Hue"], into["Result"])
    pitch_u, pitch_v = n.vector("LENGTH", into["Across"]), n.vector("LENGTH", into["Down"])
    raised = n.math("GREATER_THAN", into["Cells"], 0.5)
    mesh = into["Geometry"]
    for name, value in (
        ("fp_cell", state),
        ("fp_look", look),
        ("fp_pitch", n.combine(pitch_u, pitch_v, raised)),
        ("fp_x", n.vector("NORMALIZE", into["Across"])),
        ("fp_y", n.vector("SCALE", n.vector("NORMALIZE", into["Down"]), scale=-1.0)),
    ):
        mesh = n.store(mesh, name, value, "FACE", "FLOAT_VECTOR")
    mesh = n.paint(mesh, cells)
    short = n.math("MINIMUM", pitch_u, pitch_v)
    raised_cells = _raised(n, mesh, into, short)
    parts = n.join(mesh, n.choose(raised, raised_cells), _body(n, mesh, body, n.math("MULTIPLY", short, into["Side"])))
    n.feed(out["Geometry"], parts)
    return tree


def _raised(n: GeoNodes, mesh: Any, into: dict[str, Any], short: Any) -> Any:
    """Bars, as high as their number is large, or cubes, as large as it is."""
    size = n.math(
        "DIVIDE", n.math("ABSOLUTE", n.named_number("value")), n.math("MAXIMUM", into["High"], 1e-12), clamp=True
    )
    size = n.math("MULTIPLY", size, into["Shown"])
    cubes = n.math("GREATER_THAN", into["Cells"], 1.5)
    side = n.mix(cubes, 0.86, n.math("MAXIMUM", n.math("MULTIPLY", n.math("SQRT", size), 0.92), 0.06))
    height = n.mix(cubes, n.math("MAXIMUM", n.math("MULTIPLY", size, 2.2), 0.05), side)
    node = n.add("GeometryNodeSplitEdges")
    n.feed(node.inputs[0], mesh)
    split = n.one("GeometryNodeScaleElements", "Geometry", {"Geometry": node.outputs[0], "Scale": side}, domain="FACE")
    reach = n.math("MULTIPLY", n.math("MULTIPLY", height, short), into["Side"])
    inputs = {"Mesh": split, "Offset Scale": reach, "Individual": True}
    made = n.add("GeometryNodeExtrudeMesh", mode="FACES")
    for key, value in inputs.items():
        n.feed(made.inputs[key], value)
    # The plate below reads 1 in the third number of the pitch, what stands on it reads 2.
    pitch = n.vector("ADD", n.named_number("fp_pitch", "FLOAT_VECTOR"), (0.0, 0.0, 1.0))
    return n.store(made.outputs["Mesh"], "fp_pitch", pitch, "FACE", "FLOAT_VECTOR")


def _body(n: GeoNodes, mesh: Any, material: bpy.types.Material, front: Any) -> Any:
    """The sides of a thin slab behind the cells; `front` is the length of a cell, negative where the back is seen."""
    around = n.one("GeometryNodeInputMeshEdgeNeighbors", "Face Count")
    border = n.math("COMPARE", around, 1.0, 0.5)
    normal = n.add("GeometryNodeInputNormal").outputs[0]
    back = n.vector("SCALE", normal, scale=n.math("MULTIPLY", front, -THICKNESS))
    made = n.add("GeometryNodeExtrudeMesh", mode="EDGES")
    for key, value in (("Mesh", mesh), ("Selection", border), ("Offset", back), ("Offset Scale", 1.0)):
        n.feed(made.inputs[key], value)
    rim = n.add("GeometryNodeSeparateGeometry", domain="FACE")
    n.feed(rim.inputs["Geometry"], made.outputs["Mesh"])
    n.feed(rim.inputs["Selection"], made.outputs["Side"])
    return n.paint(rim.outputs["Selection"], material)
