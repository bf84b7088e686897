# SPDX-License-Identifier: GPL-3.0-or-later
"""The node group of a curly brace along an edge, with a name at its tip."""

from __future__ import annotations

from typing import Any

import bpy

from .matmul_faces import GEOMETRY
from .matmul_nodes import Socket, geometry_tree
from .matmul_outlines import tube
from .matmul_text import LATIN, TEXT

BRACE_STEPS = 193


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
