# SPDX-License-Identifier: GPL-3.0-or-later
"""The node group of the soft shadow under the box of a multiply."""

from __future__ import annotations

from typing import Any

import bpy

from .matmul_controls import PLACE, SHAPE
from .matmul_faces import GEOMETRY, FaceGroups
from .matmul_nodes import geometry_tree, passed
from .matmul_text import TEXT, moved


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
