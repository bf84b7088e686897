# SPDX-License-Identifier: GPL-3.0-or-later
"""The node groups of the lines around what is in play, in the colours of the axes."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.theme import PALETTE
from .matmul_controls import CONTROLS, PLACE, SHAPE, SWEEP
from .matmul_faces import GEOMETRY, FaceGroups
from .matmul_nodes import GeoNodes, Socket, geometry_tree, passed
from .matmul_steps import pick

INK = (
    Socket("Width", "Float", "Radius of the lines, in units", 0.05, 0.0),
    Socket("Hue I", "Int", "Palette number of the axis i", 2, 0),
    Socket("Hue K", "Int", "Palette number of the axis k", 3, 0),
    Socket("Hue J", "Int", "Palette number of the axis j", 6, 0),
)
INSET = 0.25  # of the outline of the plane of products, in cells


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
    around = _around(n, stand, width, outline)
    edges = _edges(n, into, frames, ink)
    n.feed(out["Geometry"], n.join(left, right, result, around, *edges))
    return tree


def _around(n: GeoNodes, stand: dict[str, Any], width: Any, outline: Any) -> Any:
    """The outline of the plane of products: a little inside the walls, which so cover it where it is behind them."""
    inset = n.vector("SCALE", n.vector("ADD", stand["Across"], stand["Down"]), scale=INSET)
    made = n.geometry_group(
        outline,
        Origin=n.vector("ADD", stand["Origin"], inset),
        Across=n.vector("SCALE", stand["Across"], scale=n.math("SUBTRACT", stand["Columns"], 2 * INSET)),
        Down=n.vector("SCALE", stand["Down"], scale=n.math("SUBTRACT", stand["Rows"], 2 * INSET)),
        Width=n.math("MULTIPLY", width, 0.7),
        Hue=PALETTE.index("weight"),
        Alpha=n.math("MULTIPLY", stand["Seen"], 0.85),
    )
    return made["Geometry"]


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
