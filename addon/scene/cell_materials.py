# SPDX-License-Identifier: GPL-3.0-or-later
"""The materials of blocks of cells, and of the plate that their bars and cubes stand on."""

from __future__ import annotations

from typing import Any

import bpy

from .cell_group import object_measures
from .groups import Groups
from .nodes import Nodes, named
from .surfaces import finish, new_material

# In an atlas this stands for NaN and plus infinity, and its negative for minus infinity.
NO_NUMBER = 3e38
# Blender 4.5 gives a graphics card no number beyond half precision's, give or take its rounding; 5.0 and later do.
LARGEST, ROUNDING = 65512.0, 8.0

# Vertex attributes of bars and cubes: how far up a corner is, 0 to 1, and how wide it is as a share of the cell.
RISE, SIZE = "fp_rise", "fp_size"


def cell_material(
    groups: Groups,
    cell_tree: bpy.types.NodeTree,
    name: str,
    *,
    masked: bool = False,
    relief: bool = False,
    atlas: bpy.types.Image | None = None,
) -> bpy.types.Material:
    """One material for every block of cells; what differs is on the objects and in the mesh attributes
    `finite` (one number a face) and `level` (mean magnitude around a corner, for the view from afar).

    With `masked` cells can be absent (minus infinity) or no number, as the face attribute `state` says. With `atlas`
    the numbers are the red channel of that picture, under the UV map `atlas`, instead of `finite` and `state`. With
    `relief` it is for bars and cubes, which grow out of the block as their numbers come out.
    """
    material, n = new_material(name)
    value = named(n.attribute("finite").outputs, "Fac") if atlas is None else _picture_value(n, atlas)
    cell = n.group(cell_tree, Value=value)
    shown = there = cell["Shown"]
    color = n.blend(shown, cell["Empty"], cell["Number"])
    if masked:
        absent, no_number = _state(n, None if atlas is None else value)
        color = n.blend(n.math("MULTIPLY", no_number, shown), color, cell["Missing"])
        there = n.math("SUBTRACT", there, n.math("ADD", absent, no_number), clamp=True)
    color = n.vector("SCALE", color, scale=cell["Shade"])
    color = n.blend(cell["Mask"], cell["Gap"], color)
    pixels = cell["Pixels"]
    if relief:
        pixels = n.math("MULTIPLY", pixels, named(n.attribute(SIZE).outputs, "Fac"))
    known = {key: cell[key] for key in ("Strength", "Across", "Along", "Width", "Height", "Emphasis")}
    # The cell's number on it, where it has enough pixels on screen.
    printed = n.group(groups.digits, Color=color, Value=value, Pixels=pixels, Shown=there, **known)
    color, strength = _outlined(n, cell, printed["Color"], printed["Strength"])
    color, strength = n.blend(cell["Back"], color, cell["Floor"]), n.mix(cell["Back"], strength, 1.0)
    alpha = None
    if masked:
        alpha = n.math("SUBTRACT", 1.0, n.math("MULTIPLY", absent, shown))
    if relief:
        rise = named(n.attribute(RISE).outputs, "Fac")
        alpha = n.math("LESS_THAN", n.math("SUBTRACT", rise, shown), 1e-4)
        strength = n.math("MULTIPLY", strength, _side_shade(n))
    finish(n, material, color, strength, alpha)
    return material


def _side_shade(n: Nodes) -> Any:
    """How light a face of a bar is, by where it looks in the block's own space: the top as it is, the sides darker,
    as if light came from the upper left."""
    x, y, z = n.separate(named(n.add("ShaderNodeTexCoord").outputs, "Normal"))
    side = n.math("MULTIPLY_ADD", y, 0.06, n.math("MULTIPLY_ADD", x, -0.14, 0.62))
    return n.mix(n.math("ABSOLUTE", z), side, 1.0)


def _picture_value(n: Nodes, atlas: bpy.types.Image) -> Any:
    """The number of a picture's pixel, as it is."""
    pixel = n.add("ShaderNodeTexImage", image=atlas, interpolation="Closest")
    n.feed(named(pixel.inputs, "Vector"), named(n.add("ShaderNodeUVMap", uv_map="atlas").outputs, "UV"))
    red, _green, _blue = n.separate(named(pixel.outputs, "Color"))
    return red


def _state(n: Nodes, value: Any | None) -> tuple[Any, Any]:
    """Whether a cell is absent, and whether it is no number: from the face attribute `state`, or from the value of
    an atlas."""
    if value is None:
        state = named(n.attribute("state").outputs, "Fac")
        return n.math("COMPARE", state, 1.0, 0.1), n.math("GREATER_THAN", state, 1.5)
    beyond = n.math("LESS_THAN", value, -NO_NUMBER / 10), n.math("GREATER_THAN", value, NO_NUMBER / 10)
    cut = (n.math("COMPARE", value, largest, ROUNDING) for largest in (-LARGEST, LARGEST))
    absent, no_number = (n.math("MAXIMUM", one, other) for one, other in zip(beyond, cut, strict=True))
    return absent, no_number


def _outlined(n: Nodes, cell: dict[str, Any], color: Any, strength: Any) -> tuple[Any, Any]:
    """Colour and strength with the outlines: of the row or column in play, of the cell being summed."""
    for which in ("Line", "Running"):
        color = n.blend(cell[which], color, cell[f"{which} hue"])
        strength = n.mix(cell[which], strength, 1.0)
    return color, strength


def plate_material(groups: Groups) -> bpy.types.Material:
    """What bars and cubes stand on: a quiet grid of places."""
    material, n = new_material("FP Plate")
    look = n.group(groups.look)
    _rows, _columns, pitch_u, pitch_v = object_measures(n)
    place = named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV")
    tile = n.group(groups.tile, **{"Cells": place, "Pitch U": pitch_u, "Pitch V": pitch_v})
    color = n.blend(n.math("MULTIPLY", tile["Mask"], 0.6), look["Gap"], look["Body"])
    finish(n, material, color, 1.0)
    return material
