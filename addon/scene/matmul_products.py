# SPDX-License-Identifier: GPL-3.0-or-later
"""The node groups of the plane of products inside the box."""

from __future__ import annotations

from typing import Any

import bpy

from .matmul_controls import CONTROLS, PLACE, SHAPE, SWEEP
from .matmul_faces import GEOMETRY, GRID, FaceGroups
from .matmul_nodes import GeoNodes, Socket, geometry_tree, passed
from .matmul_operands import begun
from .matmul_result import RESULT
from .matmul_steps import pick

GONE = 0.35  # of a fold at which the plane of products has faded
FADED = (
    Socket("Seen", "Float", "How much of the plane is seen, 0 to 1"),
    Socket("K", "Float", "The product in play, where the plane is one of i and j"),
)


def plane_group(groups: FaceGroups) -> Any:
    """FP Matmul Plane: where the plane of products stands, and of how many cells it is."""
    tree, n, into, out = geometry_tree(
        "FP Matmul Plane", "The plane of products in the box, for the sweep's style", CONTROLS, (*GRID, *FADED)
    )
    frames = n.geometry_group(groups.frames, **passed((*SHAPE, *PLACE), into))
    state = n.geometry_group(groups.now, **passed((*SHAPE, *SWEEP), into))
    style, inner = into["Style"], into["Inner"]
    k = n.math("MINIMUM", n.math("FLOOR", state["Depth"]), n.math("SUBTRACT", inner, 1.0))
    along, across, down = frames["Left Across"], frames["Out Across"], frames["Out Down"]
    far = n.sum(frames["Out Origin"], (along, n.math("MULTIPLY", inner, -1.0)))

    def gliding(index: Any, within: Any) -> Any:
        """The middle of a step, reached from the one before it during the first fifth of the step."""
        late = n.math("SUBTRACT", 1.0, n.smoothstep(within, 0.0, 0.2))
        return n.math("SUBTRACT", n.math("ADD", index, 0.5), n.math("MULTIPLY", late, n.math("MINIMUM", index, 1.0)))

    in_row = n.math("DIVIDE", state["At"], into["Columns"])
    steps = pick(n, style, in_row, state["At"], state["At"], state["Depth"], 0.0)
    current = pick(n, style, state["Row"], state["Row"], state["Column"], k, 0.0)
    middle = gliding(current, n.math("SUBTRACT", steps, current))
    flat, upright = n.sum(far, (down, middle)), n.sum(far, (across, middle))
    deep = n.sum(far, (along, middle))
    origin = _pick_vector(n, style, flat, upright, deep)
    n.feed(out["Origin"], origin)
    n.feed(out["Across"], _pick_vector(n, style, across, along, across))
    n.feed(out["Down"], _pick_vector(n, style, along, down, down))
    n.feed(out["Rows"], pick(n, style, inner, inner, into["Rows"], into["Rows"], 1.0))
    n.feed(out["Columns"], pick(n, style, into["Columns"], into["Columns"], inner, into["Columns"], 1.0))
    boxed = n.math("SUBTRACT", 1.0, n.smoothstep(into["Fold"], 0.0, GONE))
    seen = n.math("MULTIPLY", n.math("MULTIPLY", boxed, state["Running"]), n.less(style, 4.5))
    n.feed(out["Seen"], seen)
    n.feed(out["K"], k)
    return tree


def _pick_vector(n: GeoNodes, style: Any, flat: Any, upright: Any, deep: Any) -> Any:
    """One of three vectors, by the sweep's style."""
    return n.pick(style, (flat, flat, flat, upright, deep, deep), "VECTOR")


def products_group(groups: FaceGroups, plane: Any, material: bpy.types.Material) -> Any:
    """FP Matmul Products: the products that are being added, as tiles as large as they are (a Hinton diagram)."""
    sockets = (*RESULT[:2], Socket("High", "Float", "The number at the upper end of the colours", 1.0, 0.0), *CONTROLS)
    tree, n, into, out = geometry_tree(
        "FP Matmul Products", "The plane of products L[i, k] * R[k, j] that are being added", sockets, (GEOMETRY,)
    )
    state = n.geometry_group(groups.now, **passed((*SHAPE, *SWEEP), into))
    stand = n.geometry_group(plane, **passed(CONTROLS, into))
    grid = n.geometry_group(groups.grid, **{s.name: stand[s.name] for s in GRID})
    a, b, style = grid["Row"], grid["Column"], into["Style"]
    inner, columns, k = into["Inner"], into["Columns"], stand["K"]
    in_row = n.math("MULTIPLY_ADD", state["Row"], inner, a)
    left_at = pick(
        n, style, in_row, in_row, n.math("MULTIPLY_ADD", a, inner, b), n.math("MULTIPLY_ADD", a, inner, k), 0.0
    )
    ab = n.math("MULTIPLY_ADD", a, columns, b)
    in_column = n.math("MULTIPLY_ADD", b, columns, state["Column"])
    right_at = pick(n, style, ab, ab, in_column, n.math("MULTIPLY_ADD", k, columns, b), 0.0)
    numbers = n.named_number("value")
    product = n.math("MULTIPLY", n.sample(into["Left"], numbers, left_at), n.sample(into["Right"], numbers, right_at))
    mesh = n.store(grid["Geometry"], "value", product)
    alpha = n.math("MULTIPLY", _trails(n, into, state, a, b), stand["Seen"])
    mesh = n.store(mesh, "fp_cell", n.combine(alpha, 1.0, 0.0), "FACE", "FLOAT_VECTOR")
    mesh = n.store(mesh, "fp_look", n.combine(into["High"], 0.0, 0.0), "FACE", "FLOAT_VECTOR")
    pitch = n.combine(n.vector("LENGTH", stand["Across"]), n.vector("LENGTH", stand["Down"]), 0.0)
    mesh = n.store(mesh, "fp_pitch", pitch, "FACE", "FLOAT_VECTOR")
    n.feed(out["Geometry"], n.choose(n.math("GREATER_THAN", stand["Seen"], 0.001), n.paint(mesh, material)))
    return tree


def _trails(n: GeoNodes, into: dict[str, Any], state: dict[str, Any], a: Any, b: Any) -> Any:
    """Only what was added last is seen: the whole plane would hide R."""

    def behind(at: Any, place: Any, fall: float) -> Any:
        since = n.math("SUBTRACT", at, place)
        fading = n.math("EXPONENT", n.math("MULTIPLY", n.math("MAXIMUM", n.math("SUBTRACT", since, 1.0), 0.0), -fall))
        return n.math("MULTIPLY", n.smoothstep(since, 0.0, 0.6), fading)

    deep = n.math("GREATER_THAN", state["Depth"], a)
    now = n.math("COMPARE", b, state["Column"], 0.5)
    lit = n.math("MAXIMUM", deep, n.math("SUBTRACT", 1.0, now))
    dot = n.math("MULTIPLY", behind(n.math("ADD", state["Column"], 1.0), b, 0.22), lit)
    dot = n.math("MULTIPLY", dot, begun(n, into, state, b))
    row, column = behind(state["Depth"], a, 0.18), behind(state["Depth"], b, 0.18)
    return pick(n, into["Style"], dot, row, column, 0.8, 0.0)
