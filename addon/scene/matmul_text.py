# SPDX-License-Identifier: GPL-3.0-or-later
"""What all writing on a multiply is made of: letters that face the camera, beside a point and as large as they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from ..core.matmul_room import GROWN
from ..core.theme import PALETTE
from .matmul_faces import GEOMETRY
from .matmul_nodes import GeoNodes, Socket, geometry_tree
from .matmul_outlines import inked
from .text import OTHERS, as_large, load_font

TEXT = Socket("Text", "Float", "Size of the letters, in units", 1.0, 0.0)
LATIN = Socket("Latin", "Bool", "In a font with letters of European languages, without mathematical signs", False)
WHITE, GREY = PALETTE.index("text"), PALETTE.index("secondary")
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
