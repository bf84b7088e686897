# SPDX-License-Identifier: GPL-3.0-or-later
"""The node groups of the operands of a multiply: faces whose cells are in play as the sweep passes."""

from __future__ import annotations

from typing import Any

from .matmul_controls import CONTROLS, PLACE, SHAPE, SWEEP
from .matmul_faces import GEOMETRY, LOOK, FaceGroups
from .matmul_nodes import GeoNodes, geometry_tree, passed
from .matmul_steps import pick


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
