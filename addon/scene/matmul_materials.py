# SPDX-License-Identifier: GPL-3.0-or-later
"""The materials of a multiply. All is emission; all that they read are the attributes that the node groups write:

`value`, `fp_cell` (in play, shown, glow), `fp_look` (upper end of the colours, hue, 1 for a result), `fp_pitch` (along
columns, along rows, 0 flat, 1 the plate under bars, 2 bars), `fp_x` and `fp_y` (where columns lead, and up), the UV map
`cells`, and of ink `fp_ink` (hue, alpha).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from .compat import enable_nodes
from .groups import Groups
from .nodes import Nodes, named

EIGHT = 8  # cells between two lines that help to count
GAMMA = 1.15  # of the share of the colour map's end: small numbers a little quieter


@dataclass(frozen=True)
class MatmulMaterials:
    """Every material of a multiply."""

    cells: bpy.types.Material
    body: bpy.types.Material
    products: bpy.types.Material
    ink: bpy.types.Material
    shadow: bpy.types.Material


def make_matmul_materials(groups: Groups) -> MatmulMaterials:
    """Make them in the theme of those groups."""
    return MatmulMaterials(_cells(groups), _body(groups), _products(groups), _ink(groups), _shadow(groups))


def _three(n: Nodes, name: str) -> tuple[Any, Any, Any]:
    return n.separate(named(n.attribute(name).outputs, "Vector"))


def _place(n: Nodes, high: Any) -> tuple[Any, Any]:
    """A number's share of the colour map's end, -1 to 1, and how large it is, 0 to 1."""
    value = named(n.attribute("value").outputs, "Fac")
    share = n.math("DIVIDE", value, n.math("MAXIMUM", high, 1e-12))
    size = n.math("POWER", n.math("MINIMUM", n.math("ABSOLUTE", share), 1.0), GAMMA)
    return n.math("MULTIPLY", size, n.math("SIGN", share)), size


def _emit(color: Any, strength: Any, n: Nodes, material: bpy.types.Material, alpha: Any = None) -> None:
    if alpha is not None:
        material.surface_render_method = "BLENDED"
    output = n.add("ShaderNodeOutputMaterial")
    n.feed(named(output.inputs, "Surface"), n.emission(color, strength, alpha))
    material.use_backface_culling = False


def _new(name: str) -> tuple[bpy.types.Material, Nodes]:
    material = bpy.data.materials.new(name)
    return material, Nodes(enable_nodes(material))


def _cells(groups: Groups) -> bpy.types.Material:
    """Cells: in the colours of their numbers where they are in play or a result, in one slate hue where they rest.
    Where they are large on screen, their numbers are printed on them."""
    material, n = _new("FP Matmul Cells")
    look = n.group(groups.look)
    play, shown, glow = _three(n, "fp_cell")
    high, hue, result = _three(n, "fp_look")
    pitch_u, pitch_v, solid = _three(n, "fp_pitch")
    share, size = _place(n, high)
    uv = named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV")
    tile = n.group(groups.tile, **{"Cells": uv, "Pitch U": pitch_u, "Pitch V": pitch_v})
    full = n.group(groups.diverging, Place=n.math("MULTIPLY_ADD", share, 0.5, 0.5, clamp=True))["Color"]
    own = n.group(groups.palette, Number=hue)["Color"]
    resting = n.blend(n.math("MULTIPLY", size, 0.50), look["Rest"], n.blend(0.25, look["Magnitude"], own))
    resting = n.blend(0.12, resting, full)
    standing = n.math("GREATER_THAN", solid, 1.5)
    colored = n.math("MAXIMUM", n.math("MAXIMUM", play, result), n.math("MULTIPLY", standing, 0.8))
    ghost = n.blend(0.2, n.group(groups.backdrop)["Color"], look["Neutral"])
    empty = n.blend(n.math("MULTIPLY", tile["Rim"], 0.5), ghost, look["Line"])
    color = n.blend(shown, empty, n.blend(colored, resting, full))
    plate = n.math("COMPARE", solid, 1.0, 0.1)
    color = n.blend(n.math("MULTIPLY", plate, 0.92), color, look["Body"])
    color = n.vector("SCALE", color, scale=n.mix(standing, tile["Shade"], _lit(n)))
    gap = n.blend(shown, ghost, look["Gap"])
    mask = n.math("MULTIPLY", tile["Mask"], _counting(n, uv, tile["Near"]))
    color = n.blend(n.math("MAXIMUM", mask, standing), gap, color)
    # X and W rest at about half, a result at .7; in play all of them shine. Without glow all is as strong.
    strength = n.mix(play, n.mix(result, 0.62, 0.72), n.mix(result, 1.18, 1.05))
    strength = n.mix(shown, 1.0, n.math("MULTIPLY_ADD", glow, 0.6, strength))
    strength = n.mix(look["Glow"], 1.0, strength)
    printed = n.group(
        groups.digits,
        Color=color,
        Strength=strength,
        Value=named(n.attribute("value").outputs, "Fac"),
        Across=tile["Across"],
        Along=tile["Along"],
        Width=_per_short(n, pitch_u, pitch_v),
        Height=_per_short(n, pitch_v, pitch_u),
        Pixels=tile["Pixels"],
        Shown=n.math("MULTIPLY", shown, n.math("LESS_THAN", solid, 0.5)),
        Emphasis=play,
        **{
            "X Axis": named(n.attribute("fp_x").outputs, "Vector"),
            "Y Axis": named(n.attribute("fp_y").outputs, "Vector"),
        },
    )
    _emit(printed["Color"], printed["Strength"], n, material)
    return material


def _counting(n: Nodes, uv: Any, near: Any) -> Any:
    """0 on a line between every EIGHT cells, else 1, so that the eye can count."""
    u, v, _none = n.separate(uv)
    kept: Any = 1.0
    for place in (u, v):
        turns = n.math("FRACT", n.math("MULTIPLY_ADD", place, 1 / EIGHT, 0.5))
        away = n.math("MULTIPLY", n.math("ABSOLUTE", n.math("SUBTRACT", turns, 0.5)), float(EIGHT))
        kept = n.math("MULTIPLY", kept, n.smoothstep(away, 0.07, 0.13))
    return n.mix(near, 1.0, kept)


def _per_short(n: Nodes, length: Any, other: Any) -> Any:
    """A side of a cell in shorter sides of it."""
    return n.math("DIVIDE", length, n.math("MAXIMUM", n.math("MINIMUM", length, other), 1e-6))


def _lit(n: Nodes) -> Any:
    """Light from the upper left on what stands on a face: its sides are darker than its top."""
    normal = n.add("ShaderNodeNewGeometry").outputs["Normal"]
    toward = n.vector("DOT_PRODUCT", normal, (-0.42, -0.30, 0.86))
    return n.math("MULTIPLY_ADD", toward, 0.34, 0.74)


def _body(groups: Groups) -> bpy.types.Material:
    """The sides of the thin slab behind cells, in a shade of their own hue."""
    material, n = _new("FP Matmul Body")
    look = n.group(groups.look)
    _high, hue, _result = _three(n, "fp_look")
    color = n.blend(0.16, look["Body"], n.group(groups.palette, Number=hue)["Color"])
    _emit(color, n.mix(look["Glow"], 0.92, 0.7), n, material)
    return material


def _products(groups: Groups) -> bpy.types.Material:
    """Tiles as large as the square root of their number, as much of them as is in play."""
    material, n = _new("FP Matmul Products")
    alpha, _shown, _glow = _three(n, "fp_cell")
    high, _hue, _result = _three(n, "fp_look")
    pitch_u, pitch_v, _solid = _three(n, "fp_pitch")
    share, size = _place(n, high)
    uv = named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV")
    tile = n.group(groups.tile, **{"Cells": uv, "Pitch U": pitch_u, "Pitch V": pitch_v})
    half = n.math("MULTIPLY", n.math("MAXIMUM", n.math("MULTIPLY", n.math("SQRT", size), 0.95), 0.12), 0.5)
    reach = n.math("MAXIMUM", n.math("ABSOLUTE", tile["Across"]), n.math("ABSOLUTE", tile["Along"]))
    soft = n.math("DIVIDE", 0.6, n.math("MAXIMUM", tile["Pixels"], 1.0))
    inside = n.math("SUBTRACT", 1.0, n.smoothstep(reach, n.math("SUBTRACT", half, soft), n.math("ADD", half, soft)))
    color = n.group(groups.diverging, Place=n.math("MULTIPLY_ADD", share, 0.5, 0.5, clamp=True))["Color"]
    _emit(
        color,
        n.math("MULTIPLY_ADD", n.group(groups.look)["Glow"], 0.15, 1.0),
        n,
        material,
        n.math("MULTIPLY", inside, alpha),
    )
    return material


def _ink(groups: Groups) -> bpy.types.Material:
    """Lines and letters in a colour of the palette."""
    material, n = _new("FP Matmul Ink")
    hue, alpha, _none = _three(n, "fp_ink")
    _emit(n.group(groups.palette, Number=hue)["Color"], 1.0, n, material, alpha)
    return material


def _shadow(groups: Groups) -> bpy.types.Material:
    """A contact shadow: `fp_shadow` holds how far outside the box a place is, in blurs, and how dark it is there."""
    material, n = _new("FP Matmul Shadow")
    x, y, amount = _three(n, "fp_shadow")
    outside = n.vector("LENGTH", n.vector("MAXIMUM", n.combine(x, y), (0.0, 0.0, 0.0)))
    near = n.math("SUBTRACT", 1.0, n.smoothstep(outside, 0.0, 1.0))
    glow = n.group(groups.look)["Glow"]
    dark = n.vector("SCALE", n.group(groups.backdrop)["Color"], scale=0.38)
    depth = n.math("MULTIPLY", amount, n.mix(glow, 0.42, 0.75))
    _emit(dark, 1.0, n, material, n.math("MULTIPLY", n.math("MULTIPLY", near, near), depth))
    return material
