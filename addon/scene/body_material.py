# SPDX-License-Identifier: GPL-3.0-or-later
"""The material of a block's thin sides."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.theme import HEAD
from .cell_group import USE, dashes, object_four, object_one, palette_numbers
from .groups import Groups
from .nodes import Nodes, named
from .surfaces import finish, new_material

HEADS = "fp_heads"  # cells that a head takes of the rows and of the columns, where an axis is heads times features


def body_material(groups: Groups) -> bpy.types.Material:
    """The thin side of a slab: its edges in the colours of the axes along which they run, over a shade of what it is;
    the key position's in dashes, one a cell."""
    material, n = new_material("FP Body")
    look = n.group(groups.look)
    number, row_number, column_number = palette_numbers(n)
    x, y, _z = n.separate(named(n.add("ShaderNodeTexCoord").outputs, "Normal"))
    across = n.math("GREATER_THAN", n.math("ABSOLUTE", x), n.math("ABSOLUTE", y))  # it runs along the rows
    axis = n.mix(across, column_number, row_number)
    u, v, _w = n.separate(named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV"))
    place = n.math("SUBTRACT", n.math("FRACT", n.mix(across, u, v)), 0.5)
    amount = n.math("MULTIPLY", dashes(n, axis, place, 1.0), 0.62)
    body = n.blend(0.25, look["Body"], n.group(groups.palette, Number=number)["Color"])
    edge = n.group(groups.palette, Number=axis)["Color"]
    edge = n.blend(_begins_a_head(n, across, u, v), edge, n.group(groups.palette, Number=HEAD)["Color"])
    color = n.blend(amount, body, edge)
    start, duration, _side, _share = object_four(n, USE)
    window = {"Start": object_one(n, "fp_start"), "Duration": object_one(n, "fp_duration")}
    focus = n.group(groups.focus, **window, **{"Use start": start, "Use duration": duration})
    color = n.blend(focus["Back"], color, focus["Floor"])
    finish(n, material, color, n.math("MULTIPLY_ADD", look["Glow"], -0.15, 0.9))
    return material


def _begins_a_head(n: Nodes, across: Any, u: Any, v: Any) -> Any:
    """1 along the first quarter of what every head takes of an edge, elsewhere 0."""
    rows, columns, _z = n.separate(named(n.attribute(HEADS, "OBJECT").outputs, "Vector"))
    size = n.mix(across, columns, rows)
    part = n.math("FRACT", n.math("DIVIDE", n.mix(across, u, v), n.math("MAXIMUM", size, 1.0)))
    return n.math("MULTIPLY", n.math("LESS_THAN", part, 0.25), n.math("GREATER_THAN", size, 0.5))
