# SPDX-License-Identifier: GPL-3.0-or-later
"""The node groups of the faces of a multiply: the grid of cells, its dress, the operands and the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from .matmul_controls import CONTROLS, PLACE, SHAPE, SWEEP
from .matmul_nodes import GeoNodes, Socket, geometry_tree, passed
from .matmul_steps import pick

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


def operand_group(side: str, groups: FaceGroups) -> Any:
    """FP Matmul Left, FP Matmul Right: an operand's face, whose cells are in play as the sweep passes."""
    left = side == "Left"
    tree, n, into, out = geometry_tree(
        f"FP Matmul {side}",
        f"The face of {'L' if left else 'R'}: numbers of any mesh with the face attribute value",
        (GEOMETRY, *CONTROLS, *LOOK),
        (GEOMETRY,),
    )
    frames = n.geometry_group(groups.frames, **passed((*SHAPE, *PLACE), into))
    state = n.geometry_group(groups.now, **passed((*SHAPE, *SWEEP), into))
    names = ("Rows", "Inner") if left else ("Inner", "Columns")
    steps = {part: frames[f"{side} {part}"] for part in ("Origin", "Across", "Down")}
    grid = n.geometry_group(groups.grid, Rows=into[names[0]], Columns=into[names[1]], **steps)
    mesh = n.store(grid["Geometry"], "value", n.sample(into["Geometry"], n.named_number("value"), n.index()))
    play = _left_play(n, into, state, grid) if left else _right_play(n, into, state, grid)
    play = n.math("MULTIPLY", play, state["Running"])
    steps.pop("Origin")
    dressed = n.geometry_group(
        groups.dress,
        Geometry=mesh,
        Play=play,
        Shown=1.0,
        Glow=0.0,
        Result=0.0,
        Side=frames[f"{side} Front"],
        **steps,
        **passed(LOOK, into),
    )
    n.feed(out["Geometry"], dressed["Geometry"])
    return tree


def _left_play(n: GeoNodes, into: dict[str, Any], state: dict[str, Any], grid: dict[str, Any]) -> Any:
    """The row in play; in an outer sweep the column of that depth, with a trail; in the others every cell."""
    row = n.math("COMPARE", grid["Row"], state["Row"], 0.5)
    return pick(
        n,
        into["Style"],
        row,
        row,
        _trail(n, state["Depth"], grid["Column"], 0.5),
        _trail(n, state["Depth"], grid["Column"], 1.2),
        1.0,
    )


def _right_play(n: GeoNodes, into: dict[str, Any], state: dict[str, Any], grid: dict[str, Any]) -> Any:
    """The column in play, with a trail; the rows that a sum has reached; in a sweep of all, every cell."""
    reached = _trail(n, state["Depth"], grid["Row"], 0.25)
    here = n.math("COMPARE", grid["Column"], state["Column"], 0.5)
    passing = _trail(n, n.math("ADD", state["Column"], 1.0), grid["Column"], 1.1)
    passing = n.math("MULTIPLY", passing, begun(n, into, state, grid["Column"]))
    outer = _trail(n, state["Depth"], grid["Row"], 1.2)
    return pick(n, into["Style"], passing, reached, here, outer, 1.0)


def begun(n: GeoNodes, into: dict[str, Any], state: dict[str, Any], column: Any) -> Any:
    """1 for columns of the row in play at which a sweep of dot products has been."""
    order = n.math("MULTIPLY_ADD", state["Row"], into["Columns"], column)
    return n.math("SUBTRACT", 1.0, n.less(order, n.math("SUBTRACT", into["First"], 0.5)))


def _trail(n: GeoNodes, at: Any, place: Any, fall: float) -> Any:
    """1 where a front that moves along `place` has just passed, then less; 0 before it."""
    behind = n.math("SUBTRACT", at, place)
    fading = n.math("EXPONENT", n.math("MULTIPLY", n.math("MAXIMUM", n.math("SUBTRACT", behind, 1.0), 0.0), -fall))
    return n.math("MULTIPLY", n.smoothstep(behind, 0.0, 0.25), fading)


RESULT = (
    Socket("Left", "Geometry", "L: cells as faces, row after row, with the attribute value"),
    Socket("Right", "Geometry", "R: the same"),
    Socket("Bias", "Geometry", "One cell for each column of R, or for each cell of O; leave empty for none"),
    Socket("Factor", "Float", "What the result is scaled by at the end", 1.0),
    Socket("Whole Bias", "Float", "1: the bias has a number for each cell of O, 0: for each column", 0.0, 0.0, 1.0),
)


def result_group(groups: FaceGroups) -> Any:
    """FP Matmul Result: the face of O with the sums that the sweep has reached, in the attribute value."""
    tree, n, into, out = geometry_tree(
        "FP Matmul Result",
        "The face of O: true partial sums at every sweep position",
        (*RESULT, *CONTROLS, *LOOK),
        (GEOMETRY,),
    )
    frames = n.geometry_group(groups.frames, **passed((*SHAPE, *PLACE), into))
    state = n.geometry_group(groups.now, **passed((*SHAPE, *SWEEP), into))
    steps = {part: frames[f"Out {part}"] for part in ("Origin", "Across", "Down")}
    grid = n.geometry_group(groups.grid, Rows=into["Rows"], Columns=into["Columns"], **steps)
    where = {"Row": grid["Row"], "Column": grid["Column"]}
    cell = n.geometry_group(groups.cell, **passed((*SHAPE, *SWEEP), into), **where)
    mesh = _summed(n, into, grid, cell["Depth"])
    place = n.math("MULTIPLY_ADD", n.math("MULTIPLY", grid["Row"], into["Columns"]), into["Whole Bias"], grid["Column"])
    bias = n.sample(into["Bias"], n.named_number("value"), place)
    value = n.math("MULTIPLY_ADD", bias, state["Bias"], n.named_number("value"))
    factor = n.math("MULTIPLY_ADD", n.math("SUBTRACT", into["Factor"], 1.0), state["Scale"], 1.0)
    mesh = n.store(mesh, "value", n.math("MULTIPLY", value, factor))
    # The colours' end is that of the scaled result: before, it is as much further away as the sums are larger.
    high = n.math("MULTIPLY", into["High"], n.math("ABSOLUTE", n.math("DIVIDE", factor, into["Factor"])))
    row = n.math("COMPARE", grid["Row"], state["Row"], 0.5)
    column = n.math("COMPARE", grid["Column"], state["Column"], 0.5)
    play = n.math("MULTIPLY", pick(n, into["Style"], row, row, column, 0.5, 0.5), state["Running"])
    beat = n.math("MAXIMUM", _between(n, state["Bias"]), _between(n, state["Scale"]))
    steps.pop("Origin")
    dressed = n.geometry_group(
        groups.dress,
        Geometry=mesh,
        Play=n.math("MAXIMUM", play, beat),
        Shown=cell["Shown"],
        Glow=cell["Glow"],
        Result=1.0,
        **steps,
        **{**passed(LOOK, into), "High": high},
    )
    n.feed(out["Geometry"], dressed["Geometry"])
    return tree


def _between(n: GeoNodes, share: Any) -> Any:
    """1 while a share is neither 0 nor 1."""
    return n.math("MULTIPLY", n.math("GREATER_THAN", share, 0.0), n.less(share, 1.0))


def _summed(n: GeoNodes, into: dict[str, Any], grid: dict[str, Any], depth: Any) -> Any:
    """The grid with every cell's sum so far: one turn of a loop for each k."""
    enter, leave = n.add("GeometryNodeRepeatInput"), n.add("GeometryNodeRepeatOutput")
    enter.pair_with_output(leave)
    start = n.store(grid["Geometry"], "value", 0.0)
    n.feed(enter.inputs["Iterations"], into["Inner"])
    n.feed(enter.inputs["Geometry"], start)
    k = enter.outputs["Iteration"]
    row, column = grid["Row"], grid["Column"]
    numbers = n.named_number("value")
    left = n.sample(into["Left"], numbers, n.math("MULTIPLY_ADD", row, into["Inner"], k))
    right = n.sample(into["Right"], numbers, n.math("MULTIPLY_ADD", k, into["Columns"], column))
    added = n.math("SUBTRACT", depth, k, clamp=True)
    total = n.math("MULTIPLY_ADD", n.math("MULTIPLY", left, right), added, numbers)
    n.feed(leave.inputs["Geometry"], n.store(enter.outputs["Geometry"], "value", total))
    return leave.outputs["Geometry"]


def bias_group(groups: FaceGroups) -> Any:
    """FP Matmul Bias: the row of the bias under O, in play while it is added."""
    tree, n, into, out = geometry_tree(
        "FP Matmul Bias", "The bias: one row along the edge of O", (GEOMETRY, *CONTROLS, *LOOK), (GEOMETRY,)
    )
    frames = n.geometry_group(groups.frames, **passed((*SHAPE, *PLACE), into))
    state = n.geometry_group(groups.now, **passed((*SHAPE, *SWEEP), into))
    across, down = frames["Out Across"], frames["Out Down"]
    origin = n.sum(frames["Out Origin"], (down, into["Rows"]))
    grid = n.geometry_group(groups.grid, Rows=1, Columns=into["Columns"], Origin=origin, Across=across, Down=down)
    mesh = n.store(grid["Geometry"], "value", n.sample(into["Geometry"], n.named_number("value"), n.index()))
    dressed = n.geometry_group(
        groups.dress,
        Geometry=mesh,
        Play=_between(n, state["Bias"]),
        Shown=1.0,
        Glow=0.0,
        Result=0.0,
        Across=across,
        Down=down,
        **passed(LOOK, into),
    )
    n.feed(out["Geometry"], dressed["Geometry"])
    return tree
