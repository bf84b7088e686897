# SPDX-License-Identifier: GPL-3.0-or-later
"""The material of the plane of products that sweeps through a multiply."""

from __future__ import annotations

import bpy

from .cell_group import object_measures, object_one
from .groups import Groups, hastening
from .nodes import named
from .surfaces import finish, new_material


def product_material(groups: Groups) -> bpy.types.Material:
    """The product plane: tiles as large as their number's square root (a Hinton diagram), of which only those near
    the column that is being summed are seen."""
    material, n = new_material("FP Products")
    value = named(n.attribute("value").outputs, "Fac")
    rows, columns, pitch_u, pitch_v = object_measures(n)
    start, duration, high = (object_one(n, name) for name in ("fp_start", "fp_duration", "fp_high"))
    place = named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV")
    tile = n.group(groups.tile, **{"Cells": place, "Pitch U": pitch_u, "Pitch V": pitch_v})
    share = n.math("DIVIDE", value, n.math("MAXIMUM", high, 1e-12))
    size = n.math("MAXIMUM", n.math("SQRT", n.math("MINIMUM", n.math("ABSOLUTE", share), 1.0)), 0.12)
    reach = n.math("MAXIMUM", n.math("ABSOLUTE", tile["Across"]), n.math("ABSOLUTE", tile["Along"]))
    inside = n.math("LESS_THAN", reach, n.math("MULTIPLY", size, 0.47))
    time = n.group(groups.clock)["Time"]
    progress = n.math("DIVIDE", n.math("SUBTRACT", time, start), n.math("MAXIMUM", duration, 0.001))
    running = n.math("MULTIPLY", n.math("GREATER_THAN", progress, 0.0), n.math("LESS_THAN", progress, 1.0))
    behind = n.math("SUBTRACT", n.math("MULTIPLY", hastening(n, progress), columns), tile["Column"])
    trail = n.math("EXPONENT", n.math("MULTIPLY", n.math("MAXIMUM", n.math("SUBTRACT", behind, 1.0), 0.0), -0.3))
    trail = n.math("MULTIPLY", trail, n.math("GREATER_THAN", behind, 0.0))
    color = n.group(groups.diverging, Place=n.math("MULTIPLY_ADD", share, 0.5, 0.5, clamp=True))["Color"]
    alpha = n.math("MULTIPLY", inside, trail)
    # The plane's outline, a fifth of a cell wide, so that the eye sees where in the box the row is.
    u, v, _w = n.separate(place)
    reach_u = n.math("MINIMUM", u, n.math("SUBTRACT", columns, u))
    reach_v = n.math("MINIMUM", v, n.math("SUBTRACT", rows, v))
    outline = n.math("LESS_THAN", n.math("MINIMUM", reach_u, reach_v), 0.2)
    look = n.group(groups.look)
    color = n.blend(outline, color, look["Weight"])
    alpha = n.math("MULTIPLY", n.math("MAXIMUM", alpha, n.math("MULTIPLY", outline, 0.8)), running)
    finish(n, material, color, n.math("MULTIPLY_ADD", look["Glow"], 0.2, 1.0), alpha)
    material.surface_render_method = "BLENDED"
    return material
