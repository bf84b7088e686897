# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scene looks like in Blender's Solid shading, which knows neither node trees nor the time: each material has
one colour there, and what is over the picture or comes and goes has none, as all of it would be seen at once."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.theme import Theme, linear

# Beginning of a material's name -> colour of the palette; the first that fits counts.
COLORS = {
    "FP Cells masked": "head",
    "FP Cells": "feature",
    "FP Slab masked": "head",
    "FP Slab": "feature",
    "FP Shape Floor": "plate",
    "FP Shape": "feature",
    "FP Body": "channel",
    "FP Plate": "plate",
    "FP Floor": "line",
    "FP Mark": "secondary",
    "FP Label": "text",
    "FP Matmul Cells": "feature",
    "FP Matmul Body": "channel",
    "FP Matmul Ink": "text",
}


def show_solid(scene: bpy.types.Scene, theme: Theme) -> None:
    """Give the materials of a built scene their colours in a viewport, in that theme."""
    materials = {slot.material for item in scene.objects for slot in item.material_slots if slot.material}
    for material in materials:
        name: Any = next((name for name in COLORS if material.name.startswith(name)), None)
        alpha = 0.0 if name is None else 1.0
        material.diffuse_color = (*linear(theme.palette[COLORS.get(name, "plate")]), alpha)
        material.roughness, material.specular_intensity = 1.0, 0.0
