# SPDX-License-Identifier: GPL-3.0-or-later
"""What all materials are made of: a surface that shines, and points that shrink to where they are not seen."""

from __future__ import annotations

from typing import Any

import bpy

from .compat import enable_nodes
from .nodes import Nodes, named


def new_material(name: str) -> tuple[bpy.types.Material, Nodes]:
    """An empty material of that name, and a builder on its node tree."""
    material = bpy.data.materials.new(name)
    return material, Nodes(enable_nodes(material))


def finish(
    n: Nodes, material: bpy.types.Material, color: Any, strength: Any, alpha: Any = None, moved: Any = None
) -> None:
    """Emission of that colour; with `alpha` over what is behind it, its points `moved` by a vector."""
    output = n.add("ShaderNodeOutputMaterial")
    n.feed(named(output.inputs, "Surface"), n.emission(color, strength, alpha))
    material.use_backface_culling = False
    if moved is not None:
        move = n.add("ShaderNodeVectorDisplacement", space="OBJECT")
        n.feed(named(move.inputs, "Vector"), moved)
        n.feed(named(move.inputs, "Midlevel"), 0.0)
        n.feed(named(move.inputs, "Scale"), 1.0)
        n.feed(named(output.inputs, "Displacement"), move.outputs[0])
        material.displacement_method = "DISPLACEMENT"


def gone(n: Nodes, there: Any) -> Any:
    """What is not `there` shrinks to a point: many clear surfaces one behind the other would each be drawn, and turn
    black in Cycles."""
    here = named(n.add("ShaderNodeTexCoord").outputs, "Object")
    return n.vector("SCALE", here, scale=n.math("SUBTRACT", there, 1.0))
