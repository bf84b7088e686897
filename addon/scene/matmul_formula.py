# SPDX-License-Identifier: GPL-3.0-or-later
"""The node group of the running sum: the product that is being added and the sum so far, in numbers on a pill."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import bpy

from ..core.theme import PALETTE
from .matmul_controls import CONTROLS, PLACE, SHAPE, SWEEP
from .matmul_faces import GEOMETRY, FaceGroups
from .matmul_nodes import GeoNodes, Socket, geometry_tree, passed
from .matmul_outlines import INK, inked
from .matmul_result import RESULT
from .matmul_text import GREY, TEXT, WHITE, coarse, facing, grown, joined, moved

FORMULA = (
    Socket("Formula", "Float", "How much of the running sum in numbers is seen", 1.0, 0.0, 1.0),
    Socket("Under Left", "Float", "1: it hangs under L instead of under O", 0.0, 0.0, 1.0),
)
PILL, LINE = PALETTE.index("pill"), PALETTE.index("line")


def formula_group(groups: FaceGroups, ink: bpy.types.Material, font: bpy.types.VectorFont | None) -> Any:
    """FP Matmul Formula: the product that is being added and the running sum, on a pill below the result."""
    sockets = (
        *RESULT[:2],
        Socket("Out", "Geometry", "O, with its sums so far"),
        RESULT[3],
        *CONTROLS,
        *INK,
        TEXT,
        *FORMULA,
    )
    tree, n, into, out = geometry_tree("FP Matmul Formula", "The running sum in numbers", sockets, (GEOMETRY,))
    frames = n.geometry_group(groups.frames, **passed((*SHAPE, *PLACE), into))
    state = n.geometry_group(groups.now, **passed((*SHAPE, *SWEEP), into))
    k = n.math("MINIMUM", n.math("FLOOR", state["Depth"]), n.math("SUBTRACT", into["Inner"], 1.0))
    size, turn = grown(n, into), facing(n)
    body, hue = _written(n, into, state, k)
    instances = n.text(body, size, font)
    instances = n.store(instances, "fp_ink", n.combine(hue, into["Formula"], 0.0), "INSTANCE", "FLOAT_VECTOR")
    # Filled while each letter is still one: a filled curve forgets its attributes, an instance does not.
    letters = n.one("GeometryNodeFillCurve", "Mesh", {"Curve": coarse(n, instances)})
    letters = n.paint(n.one("GeometryNodeRealizeInstances", "Geometry", {"Geometry": letters}), ink)
    pill = _pill(n, letters, size, into["Formula"], ink)
    shown = n.join(pill, moved(n, letters, n.combine(0.0, 0.0, n.math("MULTIPLY", size, 0.06))))
    down = n.combine(0.0, n.math("MULTIPLY", size, -5.2), n.math("MULTIPLY", size, 2.0))
    below = n.one("FunctionNodeRotateVector", "Vector", {"Vector": down, "Rotation": turn})
    shown = moved(n, shown, n.vector("ADD", _formula_place(n, into, frames), below), turn)
    sums = n.math("MULTIPLY", n.less(into["Style"], 4.5), state["Running"])
    beats = n.math("MULTIPLY", n.math("GREATER_THAN", state["Sums"], 0.9999), n.less(into["Sweep"], 1.0))
    needed = n.math("MULTIPLY", n.math("MAXIMUM", sums, beats), into["Formula"])
    n.feed(out["Geometry"], n.choose(n.math("GREATER_THAN", needed, 0.001), shown))
    return tree


def _written(n: GeoNodes, into: dict[str, Any], state: dict[str, Any], k: Any) -> tuple[Any, Any]:
    """What is written, and the colour of each of its characters: the sum of a `dot` sweep, how far another sweep is,
    or what follows the sums."""
    numbers = n.named_number("value")
    left = n.sample(into["Left"], numbers, n.math("MULTIPLY_ADD", state["Row"], into["Inner"], k))
    right = n.sample(into["Right"], numbers, n.math("MULTIPLY_ADD", k, into["Columns"], state["Column"]))
    total = n.sample(into["Out"], numbers, n.math("MULTIPLY_ADD", state["Row"], into["Columns"], state["Column"]))
    more = n.choose(n.math("GREATER_THAN", k, 0.5), _string(n, " + ⋯ = "), _string(n, " = "), "STRING")
    pieces = (
        (_number(n, left), into["Hue I"]),
        (_string(n, " × "), GREY),
        (_number(n, right), into["Hue J"]),
        (more, GREY),
        (_number(n, total), WHITE),
    )
    scaling = n.math("GREATER_THAN", state["Scale"], 0.0)
    factor = joined(n, ("× ", _number(n, into["Factor"])))
    beat = n.choose(scaling, factor, _string(n, "+ bias"), "STRING")
    dot = n.less(into["Style"], 1.5)
    body = n.choose(dot, joined(n, [piece for piece, _hue in pieces]), _progress(n, into, state, k), "STRING")
    body = n.choose(state["Running"], body, beat, "STRING")
    return body, n.mix(n.math("MULTIPLY", state["Running"], dot), WHITE, _hue_of(n, pieces))


def _string(n: GeoNodes, text: str) -> Any:
    node = n.add("FunctionNodeInputString")
    node.string = text
    return node.outputs[0]


def _number(n: GeoNodes, value: Any) -> Any:
    """A number with two decimals and a true minus sign."""
    text = n.one("FunctionNodeValueToString", "String", {"Value": value, "Decimals": 2})
    return n.one("FunctionNodeReplaceString", "String", {"String": text, "Find": "-", "Replace": "−"})


def _formula_place(n: GeoNodes, into: dict[str, Any], frames: dict[str, Any]) -> Any:
    """What the formula hangs under: the lower edge of O; while O stands at the back, the edge of R before it; or the
    lower edge of L."""

    def middle(face: str, row: Any, columns: Any) -> Any:
        half = n.math("MULTIPLY", columns, 0.5)
        return n.sum(frames[f"{face} Origin"], (frames[f"{face} Down"], row), (frames[f"{face} Across"], half))

    rows, inner, columns = into["Rows"], into["Inner"], into["Columns"]
    boxed = n.math("SUBTRACT", 1.0, n.smoothstep(into["Fold"], 0.3, 0.9))
    under = n.line(middle("Out", rows, columns), middle("Right", 0.0, columns), n.math("MULTIPLY", into["Back"], boxed))
    return n.line(under, middle("Left", rows, inner), into["Under Left"])


def _progress(n: GeoNodes, into: dict[str, Any], state: dict[str, Any], k: Any) -> Any:
    """Where the other sweeps are: which row, which column, or how many products are added."""

    def counted(name: str, index: Any, count: Any) -> Any:
        number = n.one("FunctionNodeValueToString", "String", {"Value": n.math("ADD", index, 1.0), "Decimals": 0})
        last = n.one("FunctionNodeValueToString", "String", {"Value": count, "Decimals": 0})
        return joined(n, (name, number, " / ", last))

    row = counted("i = ", state["Row"], into["Rows"])
    column = counted("j = ", state["Column"], into["Columns"])
    depth = counted("k = ", k, into["Inner"])
    upright = n.choose(n.less(into["Style"], 3.5), column, depth, "STRING")
    return n.choose(n.less(into["Style"], 2.5), row, upright, "STRING")


def _hue_of(n: GeoNodes, pieces: Sequence[tuple[Any, Any]]) -> Any:
    """The colour of each character: that of the piece that it belongs to."""
    index, hue, begin = n.index(), pieces[0][1], None
    for (before, _hue), (_piece, next_hue) in pairwise(pieces):
        length = n.one("FunctionNodeStringLength", "Length", {"String": before})
        begin = length if begin is None else n.math("ADD", begin, length)
        hue = n.mix(n.math("GREATER_THAN", index, n.math("SUBTRACT", begin, 0.5)), hue, next_hue)
    return hue


def _pill(n: GeoNodes, letters: Any, size: Any, seen: Any, ink: bpy.types.Material) -> Any:
    """A rounded plate behind letters, and a thin line around it."""
    box = n.add("GeometryNodeBoundBox")
    n.feed(box.inputs["Geometry"], letters)
    wide, _y, _z = n.separate(n.vector("SUBTRACT", box.outputs["Max"], box.outputs["Min"]))
    made = []
    for extra, hue, alpha, depth in ((0.07, LINE, 1.0, -0.03), (0.0, PILL, 0.92, 0.0)):
        height = n.math("MULTIPLY", size, 1.5 + 2 * extra)
        width = n.math("ADD", wide, n.math("MULTIPLY", size, 1.4 + 2 * extra))
        quad = n.one("GeometryNodeCurvePrimitiveQuadrilateral", "Curve", {"Width": width, "Height": height})
        fillet = n.add("GeometryNodeFilletCurve")
        if hasattr(fillet, "mode"):
            fillet.mode = "POLY"
        else:
            fillet.inputs["Mode"].default_value = "Poly"
        for key, value in (
            ("Curve", quad),
            ("Count", 12),
            ("Radius", n.math("MULTIPLY", height, 0.5)),
            ("Limit Radius", True),
        ):
            n.feed(named_input(fillet, key), value)
        mesh = n.one("GeometryNodeFillCurve", "Mesh", {"Curve": fillet.outputs[0]})
        mesh = moved(n, mesh, n.combine(0.0, 0.0, n.math("MULTIPLY", size, depth)))
        made.append(inked(n, mesh, hue, n.math("MULTIPLY", seen, alpha), ink))
    return n.join(*made)


def named_input(node: Any, key: str) -> Any:
    """A node's enabled input of that name: some have the same name twice."""
    return next(s for s in node.inputs if s.name == key and s.enabled)
