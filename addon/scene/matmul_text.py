# SPDX-License-Identifier: GPL-3.0-or-later
"""The node groups of what is written on a multiply: braces with names, letters, signs, and the running sum."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import bpy

from ..core.matmul_room import GROWN, SHORTEST
from ..core.theme import PALETTE
from .matmul_controls import CONTROLS, PLACE, SHAPE, SWEEP
from .matmul_faces import GEOMETRY, RESULT, FaceGroups
from .matmul_nodes import GeoNodes, Socket, geometry_tree, passed
from .matmul_products import INK, inked, tube
from .text import OTHERS, as_large, load_font

TEXT = Socket("Text", "Float", "Size of the letters, in units", 1.0, 0.0)
LATIN = Socket("Latin", "Bool", "In a font with letters of European languages, without mathematical signs", False)
NAMES = (
    Socket("Left Name", "String", "The name of L", "X"),
    Socket("Right Name", "String", "The name of R", "W"),
    Socket("Out Name", "String", "The name of O", "Y"),
    Socket("I Name", "String", "The name of the axis i", "rows"),
    Socket("K Name", "String", "The name of the axis k", "inner"),
    Socket("J Name", "String", "The name of the axis j", "columns"),
    Socket("Labels", "Float", "How much of names and braces is seen", 1.0, 0.0, 1.0),
    Socket("Bias Rows", "Int", "Rows of a bias under O: 0 or 1", 0, 0, 1),
    Socket("Show I", "Float", "1: the brace of the axis i is drawn", 1.0, 0.0, 1.0),
    Socket("Show J", "Float", "1: the brace of the axis j is drawn", 1.0, 0.0, 1.0),
    Socket("Show Out", "Float", "1: the name of O is written", 1.0, 0.0, 1.0),
    Socket("Narrow", "Float", "1: beside R there is no room, so k is named below L", 0.0, 0.0, 1.0),
    Socket("Counted", "Bool", "Write the number of steps after the name of an axis", True),
    LATIN,
    Socket("I Room", "Float", "Between the edge i and its brace, for names of its steps, in units", 0.0, 0.0),
    Socket("K Room", "Float", "Between the edge k and its brace, in units", 0.0, 0.0),
    Socket("J Room", "Float", "Between the edge j and its brace, in units", 0.0, 0.0),
)
FORMULA = (
    Socket("Formula", "Float", "How much of the running sum in numbers is seen", 1.0, 0.0, 1.0),
    Socket("Under Left", "Float", "1: it hangs under L instead of under O", 0.0, 0.0, 1.0),
)
WHITE, GREY, PILL, LINE = (PALETTE.index(name) for name in ("text", "secondary", "pill", "line"))
BRACE_STEPS = 193
FINE = 4  # points to a bend of a letter


def facing(n: GeoNodes) -> Any:
    """The camera's rotation as the object that is being made sees it."""
    camera = n.one("GeometryNodeInputActiveCamera", "Active Camera")
    return n.one("GeometryNodeObjectInfo", "Rotation", {"Object": camera}, transform_space="RELATIVE")


def on_screen(n: GeoNodes, vector: Any, back: Any) -> Any:
    """What a camera sees of a vector; `back` is its rotation, inverted."""
    inputs = {"Vector": vector, "Rotation": back}
    return n.vector("MULTIPLY", n.one("FunctionNodeRotateVector", "Vector", inputs), (1.0, 1.0, 0.0))


def label_group(ink: bpy.types.Material, font: bpy.types.VectorFont | None) -> Any:
    """FP Matmul Label: a line of text that faces the camera, beside a point."""
    sockets = (
        Socket("String", "String", "What is written"),
        Socket("Point", "Vector", "What it is written beside"),
        Socket("Beside", "Vector", "The side of the point on which it stands; zero for on it"),
        Socket("Along", "Vector", "A line through the point that it must not touch; zero for none"),
        TEXT,
        Socket("Hue", "Int", "The palette's number", 0, 0),
        Socket("Alpha", "Float", "How much of it is seen", 1.0, 0.0, 1.0),
        LATIN,
    )
    tree, n, into, out = geometry_tree("FP Matmul Label", "Text that faces the camera", sockets, (GEOMETRY,))
    latin = load_font(OTHERS[0])
    plain = n.text(into["String"], into["Text"], font)
    other = n.text(into["String"], n.math("MULTIPLY", into["Text"], as_large(font, latin)), latin)
    mesh = flat_text(n, n.choose(into["Latin"], other, plain))
    box = n.add("GeometryNodeBoundBox")
    n.feed(box.inputs["Geometry"], mesh)
    half = n.vector("SCALE", n.vector("SUBTRACT", box.outputs["Max"], box.outputs["Min"]), scale=0.5)
    turn = facing(n)
    back = n.one("FunctionNodeInvertRotation", "Rotation", {"Rotation": turn})
    beside = on_screen(n, into["Beside"], back)
    along = n.vector("NORMALIZE", on_screen(n, into["Along"], back))
    shared = n.vector("DOT_PRODUCT", beside, along)
    way = n.vector("NORMALIZE", n.sum(beside, (along, n.math("MULTIPLY", shared, -1.0))))
    # As far as half the text reaches in that direction, and a little more.
    reach = n.vector("DOT_PRODUCT", n.vector("ABSOLUTE", way), half)
    mesh = moved(n, mesh, n.vector("SCALE", way, scale=n.math("MULTIPLY_ADD", into["Text"], 0.3, reach)))
    mesh = moved(n, mesh, into["Point"], turn)
    n.feed(out["Geometry"], inked(n, mesh, into["Hue"], into["Alpha"], ink))
    return tree


def flat_text(n: GeoNodes, instances: Any) -> Any:
    """Letters as faces."""
    curves = n.one("GeometryNodeRealizeInstances", "Geometry", {"Geometry": instances})
    return n.one("GeometryNodeFillCurve", "Mesh", {"Curve": coarse(n, curves)})


def coarse(n: GeoNodes, curves: Any) -> Any:
    """Outlines of letters with as few points as they need: filling them takes most of the time of a frame."""
    return n.one("GeometryNodeSetSplineResolution", "Geometry", {"Geometry": curves, "Resolution": FINE})


def moved(n: GeoNodes, geometry: Any, translation: Any, rotation: Any = None) -> Any:
    """Transform Geometry."""
    inputs = {"Geometry": geometry, "Translation": translation, "Rotation": rotation}
    return n.one("GeometryNodeTransform", "Geometry", inputs)


def brace_group(ink: bpy.types.Material, label: Any) -> Any:
    """FP Matmul Brace: a curly brace along an edge, with a name at its tip."""
    sockets = (
        Socket("Point", "Vector", "Where it begins"),
        Socket("Along", "Vector", "From there to its other end"),
        Socket("Out", "Vector", "Away from what it embraces, of length 1"),
        Socket("Name", "String", "What is written at its tip"),
        TEXT,
        Socket("Width", "Float", "Radius of the line, in units", 0.05, 0.0),
        Socket("Hue", "Int", "The palette's number", 0, 0),
        Socket("Alpha", "Float", "How much of it is seen", 1.0, 0.0, 1.0),
        LATIN,
    )
    tree, n, into, out = geometry_tree("FP Matmul Brace", "A curly brace with a name", sockets, (GEOMETRY,))
    line = n.one("GeometryNodeMeshLine", "Mesh", {"Count": BRACE_STEPS})
    t = n.math("DIVIDE", n.index(), BRACE_STEPS - 1.0)
    length = n.vector("LENGTH", into["Along"])
    radius = n.math("MINIMUM", n.math("MULTIPLY", into["Text"], 0.42), n.math("MULTIPLY", length, 0.25))
    from_end = n.math("MULTIPLY", n.math("SUBTRACT", 0.5, n.math("ABSOLUTE", n.math("SUBTRACT", t, 0.5))), length)
    from_middle = n.math("MULTIPLY", n.math("ABSOLUTE", n.math("SUBTRACT", t, 0.5)), length)

    def arc(distance: Any) -> Any:
        """A quarter of a circle: 0 at 0, 1 from one radius on."""
        left = n.math("SUBTRACT", 1.0, n.math("DIVIDE", distance, radius, clamp=True))
        return n.math("SQRT", n.math("MAXIMUM", n.math("SUBTRACT", 1.0, n.math("MULTIPLY", left, left)), 0.0))

    height = n.math("ADD", arc(from_end), n.math("SUBTRACT", 1.0, arc(from_middle)))
    start = n.sum(into["Point"], (into["Out"], n.math("MULTIPLY", into["Text"], 0.28)))
    line = n.move(line, n.sum(start, (into["Along"], t), (into["Out"], n.math("MULTIPLY", height, radius))))
    curve = n.one("GeometryNodeMeshToCurve", "Curve", {"Mesh": line})
    drawn = tube(n, curve, into["Width"], into["Hue"], into["Alpha"], ink)
    tip = n.sum(start, (into["Along"], 0.5), (into["Out"], n.math("MULTIPLY", radius, 2.1)))
    name = n.geometry_group(
        label,
        String=into["Name"],
        Point=tip,
        Beside=into["Out"],
        Along=into["Along"],
        Text=into["Text"],
        Hue=into["Hue"],
        Alpha=into["Alpha"],
        Latin=into["Latin"],
    )
    n.feed(out["Geometry"], n.join(drawn, name["Geometry"]))
    return tree


def names_group(groups: FaceGroups, label: Any, brace: Any) -> Any:
    """FP Matmul Names: what the faces and their edges are called, in the colours of the axes."""
    sockets = (*SHAPE, *PLACE, *INK, TEXT, *NAMES)
    tree, n, into, out = geometry_tree("FP Matmul Names", "Names of faces and edges", sockets, (GEOMETRY,))
    frames = n.geometry_group(groups.frames, **passed((*SHAPE, *PLACE), into))
    back = n.one("FunctionNodeInvertRotation", "Rotation", {"Rotation": facing(n)})
    rows, inner, columns = into["Rows"], into["Inner"], into["Columns"]
    in_row = n.smoothstep(into["Fold"], 1.55, 1.9)
    seen, text = into["Labels"], grown(n, into)
    boxed = n.math("MULTIPLY", seen, n.math("SUBTRACT", 1.0, in_row))
    flat = n.math("MULTIPLY", seen, in_row)
    open_share = n.smoothstep(into["Fold"], 0.6, 0.95)
    opened = n.math("MULTIPLY", seen, open_share)
    closed = n.math("MULTIPLY", seen, n.math("SUBTRACT", 1.0, n.smoothstep(into["Fold"], 0.05, 0.4)))

    def spot(face: str, down: Any, across: Any) -> Any:
        return n.sum(frames[f"{face} Origin"], (frames[f"{face} Down"], down), (frames[f"{face} Across"], across))

    def away(face: str, step: str, sign: float) -> Any:
        return n.vector("SCALE", n.vector("NORMALIZE", frames[f"{face} {step}"]), scale=sign)

    def counted(name: str, count: Any) -> Any:
        number = n.one("FunctionNodeValueToString", "String", {"Value": count, "Decimals": 0})
        return n.choose(into["Counted"], joined(n, (into[name], " ", number)), into[name], "STRING")

    def embrace(spot_at: Any, along: Any, out_way: Any, axis: str, alpha: Any) -> Any:
        name, hue = {"I": (i_name, i_hue), "K": (k_name, k_hue), "J": (j_name, j_hue)}[axis]
        # What is seen end on looks shorter than it is: names of steps need their room on the screen.
        seen_length = n.vector("LENGTH", on_screen(n, out_way, back))
        room = n.math("DIVIDE", into[f"{axis} Room"], n.math("MAXIMUM", seen_length, SHORTEST))
        point = n.sum(spot_at, (out_way, room))
        ink = {"Text": text, "Width": into["Width"], "Hue": hue, "Alpha": alpha, "Latin": into["Latin"]}
        return n.geometry_group(brace, Point=point, Along=along, Out=out_way, Name=name, **ink)["Geometry"]

    def letter(name: str, point: Any, beside: Any, alpha: Any, size: float = 1.5) -> Any:
        ink = {"Text": n.math("MULTIPLY", text, size), "Hue": WHITE, "Alpha": alpha, "Latin": into["Latin"]}
        return n.geometry_group(label, String=name, Point=point, Beside=beside, **ink)["Geometry"]

    along_i = n.vector("SCALE", frames["Left Down"], scale=rows)
    along_k = n.vector("SCALE", frames["Right Down"], scale=inner)
    left_k = n.vector("SCALE", frames["Left Across"], scale=inner)
    along_j = n.vector("SCALE", frames["Out Across"], scale=columns)
    k_name, low = counted("K Name", inner), n.math("ADD", rows, into["Bias Rows"])
    i_name, j_name = counted("I Name", rows), counted("J Name", columns)
    i_hue, k_hue, j_hue = into["Hue I"], into["Hue K"], into["Hue J"]
    show_i, show_j, show_out = into["Show I"], into["Show J"], into["Show Out"]
    crowded = into["Narrow"]
    at_back = n.math("MULTIPLY", into["Back"], n.math("SUBTRACT", 1.0, open_share))

    def less(alpha: Any, share: Any) -> Any:
        return n.math("MULTIPLY", alpha, n.math("SUBTRACT", 1.0, share))

    i_out = less(n.math("MULTIPLY", flat, show_i), into["Narrow"])
    i_left = n.math("SUBTRACT", n.math("MULTIPLY", seen, show_i), i_out)
    k_right, k_below = less(boxed, crowded), n.math("MULTIPLY", seen, n.math("MAXIMUM", in_row, crowded))
    j_low, j_high = less(n.math("MULTIPLY", boxed, show_j), at_back), n.math("MULTIPLY", closed, into["Back"])
    j_right = n.math("MULTIPLY", flat, show_j)
    middle_i, middle_k, middle_j = (n.math("MULTIPLY", count, 0.5) for count in (rows, inner, columns))
    up_right = n.vector("ADD", away("Right", "Across", 1.0), away("Out", "Down", -0.6))
    out_closed, out_open = n.math("MULTIPLY", closed, show_out), n.math("MULTIPLY", less(opened, in_row), show_out)
    beside_bias, biased = n.math("ADD", rows, 0.5), n.math("MULTIPLY", seen, into["Bias Rows"])
    parts = [
        embrace(spot("Left", 0.0, 0.0), along_i, away("Left", "Across", -1.0), "I", i_left),
        embrace(spot("Out", 0.0, columns), along_i, away("Out", "Across", 1.0), "I", i_out),
        embrace(spot("Right", 0.0, columns), along_k, away("Right", "Across", 1.0), "K", k_right),
        embrace(spot("Left", rows, 0.0), left_k, away("Left", "Down", 1.0), "K", k_below),
        embrace(spot("Out", low, 0.0), along_j, away("Out", "Down", 1.0), "J", j_low),
        embrace(spot("Out", 0.0, 0.0), along_j, away("Out", "Down", -1.0), "J", j_high),
        embrace(spot("Right", inner, 0.0), along_j, away("Right", "Down", 1.0), "J", j_right),
        letter(into["Left Name"], spot("Left", 0.0, middle_k), away("Left", "Down", -1.0), seen),
        letter(into["Right Name"], spot("Right", 0.0, columns), up_right, closed),
        letter(into["Right Name"], spot("Right", 0.0, middle_j), away("Right", "Down", -1.0), opened),
        letter(into["Out Name"], spot("Out", middle_i, 0.0), away("Out", "Across", -1.0), out_closed),
        letter(into["Out Name"], spot("Out", middle_i, columns), away("Out", "Across", 1.0), out_open),
        letter(into["Out Name"], spot("Out", 0.0, middle_j), away("Out", "Down", -1.0), flat),
        letter("b", spot("Out", beside_bias, 0.0), away("Out", "Across", -1.0), biased, 1.0),
    ]
    half = n.math("MULTIPLY", frames["Gap"], 0.5)
    for sign, face, count in (("×", "Left", inner), ("→", "Right", columns)):
        middle = n.sum(
            spot(face, n.math("MULTIPLY", rows if face == "Left" else inner, 0.5), count),
            (away(face, "Across", 1.0), half),
        )
        ink = {"Text": n.math("MULTIPLY", text, 1.8), "Hue": GREY, "Alpha": flat}
        parts.append(n.geometry_group(label, String=sign, Point=middle, Beside=(0.0, 0.0, 0.0), **ink)["Geometry"])
    n.feed(out["Geometry"], n.join(*parts))
    return tree


def grown(n: GeoNodes, into: dict[str, Any]) -> Any:
    """The size of the letters: what lies flat is seen from further away than a box."""
    flat = n.math("MULTIPLY_ADD", n.smoothstep(into["Fold"], 0.0, 1.0), GROWN[0], 1.0)
    return n.math(
        "MULTIPLY", into["Text"], n.math("MULTIPLY_ADD", n.smoothstep(into["Fold"], 1.0, 2.0), GROWN[1], flat)
    )


def joined(n: GeoNodes, strings: Sequence[Any]) -> Any:
    """Join Strings."""
    node = n.add("GeometryNodeStringJoin")
    for string in reversed(strings):
        if isinstance(string, str):
            entry = n.add("FunctionNodeInputString")
            entry.string = string
            string = entry.outputs[0]
        n.tree.links.new(string, node.inputs["Strings"])
    return node.outputs[0]


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
    size = grown(n, into)
    k = n.math("MINIMUM", n.math("FLOOR", state["Depth"]), n.math("SUBTRACT", into["Inner"], 1.0))
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
    instances = n.text(body, size, font)
    hue = n.mix(n.math("MULTIPLY", state["Running"], dot), WHITE, _hue_of(n, pieces))
    instances = n.store(instances, "fp_ink", n.combine(hue, into["Formula"], 0.0), "INSTANCE", "FLOAT_VECTOR")
    # Filled while each letter is still one: a filled curve forgets its attributes, an instance does not.
    letters = n.one("GeometryNodeFillCurve", "Mesh", {"Curve": coarse(n, instances)})
    letters = n.paint(n.one("GeometryNodeRealizeInstances", "Geometry", {"Geometry": letters}), ink)
    pill = _pill(n, letters, size, into["Formula"], ink)
    shown = n.join(pill, moved(n, letters, n.combine(0.0, 0.0, n.math("MULTIPLY", size, 0.06))))
    turn = facing(n)
    low = _formula_place(n, into, frames)
    below = n.one(
        "FunctionNodeRotateVector",
        "Vector",
        {
            "Vector": n.combine(0.0, n.math("MULTIPLY", size, -5.2), n.math("MULTIPLY", size, 2.0)),
            "Rotation": turn,
        },
    )
    shown = moved(n, shown, n.vector("ADD", low, below), turn)
    sums = n.math("MULTIPLY", n.less(into["Style"], 4.5), state["Running"])
    beats = n.math("MULTIPLY", n.math("GREATER_THAN", state["Sums"], 0.9999), n.less(into["Sweep"], 1.0))
    needed = n.math("MULTIPLY", n.math("MAXIMUM", sums, beats), into["Formula"])
    n.feed(out["Geometry"], n.choose(n.math("GREATER_THAN", needed, 0.001), shown))
    return tree


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


def shadow_group(groups: FaceGroups, material: bpy.types.Material) -> Any:
    """FP Matmul Shadow: a soft contact shadow under the box; it goes as the box unfolds."""
    tree, n, into, out = geometry_tree(
        "FP Matmul Shadow", "A soft shadow under the box", (*SHAPE, *PLACE, TEXT), (GEOMETRY,)
    )
    frames = n.geometry_group(groups.frames, **passed((*SHAPE, *PLACE), into))
    _p_i, p_k, p_j = n.separate(into["Pitch"])
    half_x = n.math("MULTIPLY", n.math("MULTIPLY", into["Columns"], p_j), 0.5)
    half_y = n.math("MULTIPLY", n.math("MULTIPLY", into["Inner"], p_k), 0.5)
    blur = n.math("MULTIPLY", n.math("ADD", half_x, half_y), 0.32)
    corner = n.sum(frames["Out Origin"], (frames["Out Down"], into["Rows"]))
    away = n.vector("SCALE", frames["Left Across"], scale=n.math("MULTIPLY", into["Inner"], -0.5))
    middle = n.sum(n.vector("ADD", corner, away), (frames["Out Across"], n.math("MULTIPLY", into["Columns"], 0.5)))
    middle = n.vector("ADD", middle, n.combine(0.0, 0.0, n.math("MULTIPLY", into["Text"], -0.5)))
    grid = n.one(
        "GeometryNodeMeshGrid",
        "Mesh",
        {
            "Size X": n.math("MULTIPLY_ADD", blur, 2.2, n.math("MULTIPLY", half_x, 2.0)),
            "Size Y": n.math("MULTIPLY_ADD", blur, 2.2, n.math("MULTIPLY", half_y, 2.0)),
            "Vertices X": 41,
            "Vertices Y": 41,
        },
    )
    x, y, _z = n.separate(n.vector("ABSOLUTE", n.position()))
    inset = n.math("MULTIPLY", blur, 0.25)
    dx = n.math("DIVIDE", n.math("SUBTRACT", x, n.math("SUBTRACT", half_x, inset)), blur)
    dy = n.math("DIVIDE", n.math("SUBTRACT", y, n.math("SUBTRACT", half_y, inset)), blur)
    amount = n.math("SUBTRACT", 1.0, n.smoothstep(into["Fold"], 0.0, 0.6))
    mesh = n.store(grid, "fp_shadow", n.combine(dx, dy, amount), "POINT", "FLOAT_VECTOR")
    mesh = n.paint(moved(n, mesh, middle), material)
    n.feed(out["Geometry"], n.choose(n.math("GREATER_THAN", amount, 0.001), mesh))
    return tree
