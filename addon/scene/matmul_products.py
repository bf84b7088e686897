# SPDX-License-Identifier: GPL-3.0-or-later
"""The node groups inside the box and around what is in play: the plane of products, and the outlines."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.theme import PALETTE
from .matmul_controls import CONTROLS, PLACE, SHAPE, SWEEP
from .matmul_faces import GEOMETRY, GRID, RESULT, FaceGroups, begun
from .matmul_nodes import GeoNodes, Socket, geometry_tree, passed
from .matmul_steps import pick

INK = (
    Socket("Width", "Float", "Radius of the lines, in units", 0.05, 0.0),
    Socket("Hue I", "Int", "Palette number of the axis i", 2, 0),
    Socket("Hue K", "Int", "Palette number of the axis k", 3, 0),
    Socket("Hue J", "Int", "Palette number of the axis j", 6, 0),
)
INSET = 0.25  # of the outline of the plane of products, in cells
GONE = 0.35  # of a fold at which the plane of products has faded


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


FADED = (
    Socket("Seen", "Float", "How much of the plane is seen, 0 to 1"),
    Socket("K", "Float", "The product in play, where the plane is one of i and j"),
)


def _pick_vector(n: GeoNodes, style: Any, flat: Any, upright: Any, deep: Any) -> Any:
    node = n.add("GeometryNodeIndexSwitch", data_type="VECTOR")
    while len(node.index_switch_items) < 6:
        node.index_switch_items.new()
    n.feed(node.inputs["Index"], style)
    for i, value in enumerate((flat, flat, flat, upright, deep, deep)):
        n.feed(node.inputs[f"{i}"], value)
    return node.outputs["Output"]


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


def outline_group(ink: bpy.types.Material) -> Any:
    """FP Matmul Outline: a rectangle of thin tubes in a colour of the palette."""
    sockets = (
        Socket("Origin", "Vector", "A corner"),
        Socket("Across", "Vector", "One side"),
        Socket("Down", "Vector", "The other side"),
        Socket("Width", "Float", "Radius of the line, in units", 0.05, 0.0),
        Socket("Hue", "Int", "The palette's number", 0, 0),
        Socket("Alpha", "Float", "How much of it is seen", 1.0, 0.0, 1.0),
    )
    tree, n, into, out = geometry_tree("FP Matmul Outline", "A rectangle of thin tubes", sockets, (GEOMETRY,))
    mesh = n.one("GeometryNodeMeshGrid", "Mesh", {"Vertices X": 2, "Vertices Y": 2, "Size X": 1.0, "Size Y": 1.0})
    x, y, _z = n.separate(n.vector("ADD", n.position(), (0.5, 0.5, 0.0)))
    mesh = n.move(mesh, n.sum(into["Origin"], (into["Down"], x), (into["Across"], y)))
    curve = n.one("GeometryNodeMeshToCurve", "Curve", {"Mesh": mesh})
    n.feed(out["Geometry"], tube(n, curve, into["Width"], into["Hue"], into["Alpha"], ink))
    return tree


def tube(n: GeoNodes, curve: Any, width: Any, hue: Any, alpha: Any, ink: bpy.types.Material) -> Any:
    """A curve as a thin tube of ink."""
    circle = n.one("GeometryNodeCurvePrimitiveCircle", "Curve", {"Resolution": 6, "Radius": width})
    mesh = n.one("GeometryNodeCurveToMesh", "Mesh", {"Curve": curve, "Profile Curve": circle})
    return inked(n, mesh, hue, alpha, ink)


def inked(n: GeoNodes, mesh: Any, hue: Any, alpha: Any, ink: bpy.types.Material) -> Any:
    """A mesh in a colour of the palette; nothing where it is not seen."""
    mesh = n.store(mesh, "fp_ink", n.combine(hue, alpha, 0.0), "POINT", "FLOAT_VECTOR")
    return n.choose(n.math("GREATER_THAN", alpha, 0.001), n.paint(mesh, ink))


def outlines_group(groups: FaceGroups, plane: Any, outline: Any, ink: bpy.types.Material) -> Any:
    """FP Matmul Outlines: of the row, the column and the cell in play, and of the plane of products."""
    tree, n, into, out = geometry_tree(
        "FP Matmul Outlines", "Outlines of what is in play, in the colours of the axes", (*CONTROLS, *INK), (GEOMETRY,)
    )
    frames = n.geometry_group(groups.frames, **passed((*SHAPE, *PLACE), into))
    state = n.geometry_group(groups.now, **passed((*SHAPE, *SWEEP), into))
    stand = n.geometry_group(plane, **passed(CONTROLS, into))
    style, rows, inner, columns = into["Style"], into["Rows"], into["Inner"], into["Columns"]
    row, column, k, running = state["Row"], state["Column"], stand["K"], state["Running"]
    hue_i, hue_k, hue_j = into["Hue I"], into["Hue K"], into["Hue J"]
    white = PALETTE.index("text")

    def part(face: str, down: tuple[Any, Any], across: tuple[Any, Any], hue: Any, shown: Any, width: Any) -> Any:
        """The outline of a part of a face: first row and rows, first column and columns."""
        steps = frames[f"{face} Across"], frames[f"{face} Down"]
        inputs = {
            "Origin": n.sum(frames[f"{face} Origin"], (steps[1], down[0]), (steps[0], across[0])),
            "Across": n.vector("SCALE", steps[0], scale=across[1]),
            "Down": n.vector("SCALE", steps[1], scale=down[1]),
            "Width": width,
            "Hue": hue,
            "Alpha": n.math("MULTIPLY", shown, running),
        }
        return n.geometry_group(outline, **inputs)["Geometry"]

    width = into["Width"]
    left = part(
        "Left",
        (pick(n, style, row, row, 0.0, 0.0, 0.0), pick(n, style, 1.0, 1.0, rows, rows, rows)),
        (pick(n, style, 0.0, 0.0, 0.0, k, 0.0), pick(n, style, inner, inner, inner, 1.0, inner)),
        pick(n, style, hue_i, hue_i, hue_i, hue_k, hue_k),
        pick(n, style, 1.0, 1.0, 0.0, 1.0, 0.0),
        width,
    )
    right = part(
        "Right",
        (pick(n, style, 0.0, 0.0, 0.0, k, 0.0), pick(n, style, inner, inner, inner, 1.0, inner)),
        (pick(n, style, column, 0.0, column, 0.0, 0.0), pick(n, style, 1.0, columns, 1.0, columns, columns)),
        pick(n, style, hue_j, hue_j, hue_j, hue_k, hue_k),
        pick(n, style, 1.0, 0.0, 1.0, 1.0, 0.0),
        width,
    )
    result = part(
        "Out",
        (pick(n, style, row, row, 0.0, 0.0, 0.0), pick(n, style, 1.0, 1.0, rows, rows, rows)),
        (pick(n, style, column, 0.0, column, 0.0, 0.0), pick(n, style, 1.0, columns, 1.0, columns, columns)),
        pick(n, style, white, hue_i, hue_j, white, white),
        pick(n, style, 1.0, 1.0, 1.0, 0.0, 0.0),
        n.math("MULTIPLY", width, 1.4),
    )
    # A little inside the walls, so that they cover it where it is behind them.
    inset = n.vector("SCALE", n.vector("ADD", stand["Across"], stand["Down"]), scale=INSET)
    around = n.geometry_group(
        outline,
        Origin=n.vector("ADD", stand["Origin"], inset),
        Across=n.vector("SCALE", stand["Across"], scale=n.math("SUBTRACT", stand["Columns"], 2 * INSET)),
        Down=n.vector("SCALE", stand["Down"], scale=n.math("SUBTRACT", stand["Rows"], 2 * INSET)),
        Width=n.math("MULTIPLY", width, 0.7),
        Hue=PALETTE.index("weight"),
        Alpha=n.math("MULTIPLY", stand["Seen"], 0.85),
    )["Geometry"]
    edges = _edges(n, into, frames, ink)
    n.feed(out["Geometry"], n.join(left, right, result, around, *edges))
    return tree


def _edges(n: GeoNodes, into: dict[str, Any], frames: dict[str, Any], ink: bpy.types.Material) -> list[Any]:
    """Where two faces touch: a line in the colour of the axis that they share, for as long as they do."""
    end_k = n.vector("SCALE", frames["Left Across"], scale=into["Inner"])
    down_i = n.vector("SCALE", frames["Left Down"], scale=into["Rows"])
    right_j = n.vector("SCALE", frames["Right Across"], scale=into["Columns"])
    last_k = n.sum(frames["Right Origin"], (frames["Right Down"], into["Inner"]))
    closed = n.math("SUBTRACT", 1.0, n.smoothstep(into["Fold"], 0.0, 0.15))
    together = n.math("SUBTRACT", 1.0, n.smoothstep(into["Fold"], 1.0, 1.1))
    hung = n.math("MULTIPLY", into["Ceiling"], -1.0)
    low = n.vector("SCALE", down_i, scale=n.math("ADD", hung, 1.0))
    lines = (
        (n.vector("ADD", frames["Left Origin"], end_k), down_i, into["Hue I"], together),
        (last_k, right_j, into["Hue J"], together),
        (n.vector("ADD", frames["Left Origin"], low), end_k, into["Hue K"], closed),
    )
    return [_line(n, start, along, into["Width"], hue, alpha, ink) for start, along, hue, alpha in lines]


def _line(n: GeoNodes, start: Any, along: Any, width: Any, hue: Any, alpha: Any, ink: Any) -> Any:
    inputs = {"Start": start, "End": n.vector("ADD", start, along)}
    curve = n.one("GeometryNodeCurvePrimitiveLine", "Curve", inputs, mode="POINTS")
    return tube(n, curve, n.math("MULTIPLY", width, 0.8), hue, n.math("MULTIPLY", alpha, 0.75), ink)
