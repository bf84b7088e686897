# SPDX-License-Identifier: GPL-3.0-or-later
"""The materials that move a sheet's polygons: displacement of the vertices by the clock, in the shader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from .cell_group import HUES
from .compat import enable_nodes
from .effects_sheet import STYLES
from .groups import Groups
from .nodes import Nodes, named

FARTHEST = 10_000.0  # units that a vertex may be moved: Blender asks, so as not to leave out what it takes for unseen


@dataclass(frozen=True)
class _Clocked:
    """What the clock says about a polygon: sockets of the material's node tree."""

    first: Any  # how far its first move is, eased
    second: Any
    there: Any  # 1 within its window of time
    alpha: Any  # the same with its fades


def solid_material(groups: Groups) -> bpy.types.Material:
    """For cells that fly through the scene, in the full colours of what is in play, and for what is flat and solid."""
    material, n = _new("FP Flights")
    clocked = _clocked(n, groups)
    _displace(n, material, clocked)
    color = _color(n, groups, clocked)
    pitch_u, pitch_v, _none = n.separate(_vector(n, "fp_pitch"))
    tile = n.group(groups.tile, **{"Cells": _vector(n, "fp_cell"), "Pitch U": pitch_u, "Pitch V": pitch_v})
    cell = n.math("GREATER_THAN", pitch_u, 0.0)
    shaded = n.vector("SCALE", color, scale=tile["Shade"])
    look = n.group(groups.look)
    color = n.blend(cell, color, n.blend(tile["Mask"], look["Gap"], shaded))
    _emit(n, color, n.math("MULTIPLY_ADD", n.math("MULTIPLY", look["Glow"], cell), 0.2, 1.0))
    return material


def overlay_material(groups: Groups) -> bpy.types.Material:
    """For charts over the scene: flat, fading in and out, painted in the order of the mesh."""
    material, n = _new("FP Charts")
    clocked = _clocked(n, groups)
    _displace(n, material, clocked)
    _emit(n, _color(n, groups, clocked), 1.0, clocked.alpha)
    material.surface_render_method = "BLENDED"
    return material


def _new(name: str) -> tuple[bpy.types.Material, Nodes]:
    material = bpy.data.materials.new(name)
    return material, Nodes(enable_nodes(material))


def _vector(n: Nodes, name: str) -> Any:
    return named(n.attribute(name).outputs, "Vector")


def _clocked(n: Nodes, groups: Groups) -> _Clocked:
    time = n.group(groups.clock)["Time"]
    eased = []
    for number in (1, 2):
        start, duration, _turn = n.separate(_vector(n, f"fp_time_{number}"))
        end = n.math("ADD", start, n.math("MAXIMUM", duration, 1e-4))
        eased.append(n.smoothstep(time, start, end))
    appear, vanish, fade = n.separate(_vector(n, "fp_window"))
    since, left = n.math("SUBTRACT", time, appear), n.math("SUBTRACT", vanish, time)
    there = n.math("MULTIPLY", n.math("GREATER_THAN", since, 0.0), n.math("GREATER_THAN", left, 0.0))
    fade = n.math("MAXIMUM", fade, 1e-4)
    fading = n.math("MULTIPLY", n.math("DIVIDE", since, fade, clamp=True), n.math("DIVIDE", left, fade, clamp=True))
    return _Clocked(eased[0], eased[1], there, n.math("MULTIPLY", fading, there))


def _displace(n: Nodes, material: bpy.types.Material, clocked: _Clocked) -> None:
    """Both moves together; outside their window all polygons shrink into one point, of which nothing is drawn."""
    place = named(n.add("ShaderNodeTexCoord").outputs, "Object")
    _start, _duration, angle = n.separate(_vector(n, "fp_time_1"))
    arc = _vector(n, "fp_arc_1")
    turns = n.math("GREATER_THAN", n.math("ABSOLUTE", angle), 1e-6)
    bent = n.math("MULTIPLY", clocked.first, n.math("SUBTRACT", 1.0, clocked.first))
    bent = n.math("MULTIPLY", n.math("MULTIPLY", bent, 4.0), n.math("SUBTRACT", 1.0, turns))
    away = n.vector("SCALE", _vector(n, "fp_shift_1"), scale=clocked.first)
    away = n.vector("ADD", away, n.vector("SCALE", arc, scale=bent))
    away = n.vector("ADD", away, n.vector("SCALE", _vector(n, "fp_shift_2"), scale=clocked.second))
    turned = n.add("ShaderNodeVectorRotate", rotation_type="Z_AXIS")
    for key, entry in (("Vector", place), ("Center", arc), ("Angle", n.math("MULTIPLY", angle, clocked.first))):
        n.feed(named(turned.inputs, key), entry)
    around = n.vector("SUBTRACT", turned.outputs[0], place)
    away = n.vector("ADD", away, n.vector("SCALE", around, scale=turns))
    gone = n.vector("SCALE", n.vector("ADD", place, away), scale=n.math("SUBTRACT", clocked.there, 1.0))
    move = n.add("ShaderNodeVectorDisplacement", space="OBJECT")
    n.feed(named(move.inputs, "Vector"), n.vector("ADD", away, gone))
    n.feed(named(move.inputs, "Midlevel"), 0.0)
    n.feed(named(move.inputs, "Scale"), 1.0)
    output = n.add("ShaderNodeOutputMaterial")
    n.feed(named(output.inputs, "Displacement"), move.outputs[0])
    material.displacement_method = "DISPLACEMENT"
    material.max_vertex_displacement = FARTHEST
    material.use_backface_culling = False


def _color(n: Nodes, groups: Groups, clocked: _Clocked) -> Any:
    """The palette's colour, or that of the number's place on a colour map, before and after the first move."""
    before, after, look = n.separate(_vector(n, "fp_place"))
    look = n.math("ROUND", look)
    hue = n.group(groups.palette, Number=n.math("FLOORED_MODULO", look, float(HUES)))["Color"]
    styles = n.math("FLOOR", n.math("DIVIDE", look, float(HUES)))
    style = n.math("FLOORED_MODULO", styles, float(STYLES))
    becomes = n.math("FLOOR", n.math("DIVIDE", styles, float(STYLES)))
    at = n.mix(clocked.first, before, after)
    positive = n.mix(clocked.first, n.math("GREATER_THAN", style, 1.5), n.math("GREATER_THAN", becomes, 1.5))
    signed = n.group(groups.diverging, Place=at)["Color"]
    unsigned = n.group(groups.sequential, Place=n.math("SQRT", n.math("MAXIMUM", at, 0.0)))["Color"]
    return n.blend(n.math("GREATER_THAN", style, 0.5), hue, n.blend(positive, signed, unsigned))


def _emit(n: Nodes, color: Any, strength: Any, alpha: Any = None) -> None:
    output = next(node for node in n.tree.nodes if node.bl_idname == "ShaderNodeOutputMaterial")
    n.feed(named(output.inputs, "Surface"), n.emission(color, strength, alpha))
