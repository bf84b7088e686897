# SPDX-License-Identifier: GPL-3.0-or-later
"""The node groups of the result of a multiply, with the sums that the sweep has reached, and of its bias."""

from __future__ import annotations

from typing import Any

from .matmul_controls import CONTROLS, PLACE, SHAPE, SWEEP
from .matmul_faces import GEOMETRY, LOOK, FaceGroups
from .matmul_nodes import GeoNodes, Socket, geometry_tree, passed
from .matmul_steps import pick

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
