# SPDX-License-Identifier: GPL-3.0-or-later
"""The materials of what lies on the floor: ribbons, plates and their shadows."""

from __future__ import annotations

from typing import Any

import bpy

from .cell_group import object_one, palette_numbers
from .focus import VALUE as FOCUS
from .groups import Groups
from .nodes import Nodes, named
from .surfaces import finish, new_material

WIDTH = "fp_width"  # of a band on the floor, in units
QUIET = 0.6  # of a ribbon's or a plate's own colour that is left while a multiply is told


def _hue(n: Nodes, groups: Groups) -> Any:
    """Colour of what the object is."""
    return n.group(groups.palette, Number=palette_numbers(n)[0])["Color"]


def shade_material(groups: Groups) -> bpy.types.Material:
    """Ribbons and plates: a flat colour of the palette over the backdrop, as strong as the object's `fp_size` says.
    A band (of width `fp_width`, in units) that is wide in the picture stands back: there it is not the subject."""
    material, n = new_material("FP Floor")
    distance = named(n.add("ShaderNodeCameraData").outputs, "View Distance")
    frame = n.math("MULTIPLY", distance, n.group(groups.view)["Frame"])
    share = n.math("DIVIDE", object_one(n, WIDTH), n.math("MAXIMUM", frame, 1e-6))
    back = n.math("MULTIPLY_ADD", n.smoothstep(share, 0.018, 0.055), -0.72, 1.0)
    quiet = n.math("MULTIPLY_ADD", n.scene_value(FOCUS), QUIET - 1.0, 1.0)
    amount = n.math("MULTIPLY", n.math("MULTIPLY", object_one(n, "fp_size"), back), quiet)
    color = n.blend(amount, n.group(groups.backdrop)["Color"], _hue(n, groups))
    finish(n, material, color, 1.0)
    return material


def shadow_material(groups: Groups) -> bpy.types.Material:
    """A soft shadow on the floor: the backdrop, darker where the attribute `level` is larger."""
    material, n = new_material("FP Shadow")
    level = named(n.attribute("level").outputs, "Fac")
    dark = n.math("MULTIPLY_ADD", n.group(groups.look)["Glow"], 0.45, 0.14)
    light = n.math("SUBTRACT", 1.0, n.math("MULTIPLY", n.math("MULTIPLY", level, level), dark))
    finish(n, material, n.group(groups.backdrop)["Color"], light)
    return material
