# SPDX-License-Identifier: GPL-3.0-or-later
"""The materials of a scene. Everything is emission, so EEVEE and Cycles agree and no light is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

from ..core.names import LEAST_SCALE, TARGET
from ..core.theme import HEAD
from .cell_group import cell_slices, dashes, object_measures, object_one, palette_numbers
from .compat import enable_nodes
from .groups import Groups
from .merge import HUE, INK
from .nodes import Nodes, named
from .slices import Slices, at_once

ANCHOR, SHOTS, MOST = "fp_anchor", "fp_shots", "fp_most"  # of a name: see scene.labels
NAMES, VIEW = 'camera.data["fp_names"]', 'camera.data["fp_view"]'  # which names are shown, how large: scene.camera
WIDTH = "fp_width"  # of a band on the floor, in units
HEADS = "fp_heads"  # cells that a head takes of the rows and of the columns, where an axis is heads times features

# In an atlas this stands for NaN and plus infinity, and its negative for minus infinity.
NO_NUMBER = 3e38
# Blender 4.5 gives a graphics card no number beyond half precision's, give or take its rounding; 5.0 and later do.
LARGEST, ROUNDING = 65512.0, 8.0

# Vertex attributes of bars and cubes: how far up a corner is, 0 to 1, and how wide it is as a share of the cell.
RISE, SIZE = "fp_rise", "fp_size"


@dataclass(frozen=True)
class Materials:
    """Every material of one scene."""

    cells: bpy.types.Material
    masked: bpy.types.Material
    relief: bpy.types.Material  # bars and cubes
    plate: bpy.types.Material  # what they stand on
    body: bpy.types.Material
    ink: bpy.types.Material
    name: bpy.types.Material
    halo: bpy.types.Material
    overlay: bpy.types.Material
    shade: bpy.types.Material
    shadow: bpy.types.Material
    scale: bpy.types.Material
    products: bpy.types.Material
    slab: bpy.types.Material | None  # where there are slabs
    slab_masked: bpy.types.Material | None


def make_materials(groups: Groups, atlas: bpy.types.Image | None = None) -> Materials:
    """Make the materials on those groups; `atlas` holds the numbers of all slabs, where there are any."""
    return at_once(material_slices(groups, atlas))


def material_slices(groups: Groups, atlas: bpy.types.Image | None = None) -> Slices[Materials]:
    """As `make_materials`, in slices."""
    cell = yield from cell_slices(groups)
    yield
    makers: dict[str, Callable[[], bpy.types.Material]] = {
        "cells": lambda: _cells(groups, cell, "FP Cells"),
        "masked": lambda: _cells(groups, cell, "FP Cells masked", masked=True),
        "relief": lambda: _cells(groups, cell, "FP Cells relief", masked=True, relief=True),
        "plate": lambda: _plate(groups),
        "body": lambda: _body(groups),
        "ink": lambda: _ink(groups, "FP Mark", fade=True),
        "name": lambda: _name(groups),
        "halo": lambda: _halo(groups),
        "overlay": lambda: _ink(groups, "FP Overlay", fade=False),
        "shade": lambda: _shade(groups),
        "shadow": lambda: _shadow(groups),
        "scale": lambda: _scale(groups),
        "products": lambda: _products(groups),
    }
    if atlas is not None:
        makers["slab"] = lambda: _cells(groups, cell, "FP Slab", atlas=atlas)
        makers["slab_masked"] = lambda: _cells(groups, cell, "FP Slab masked", masked=True, atlas=atlas)
    made: dict[str, Any] = {"slab": None, "slab_masked": None}
    for name, make in makers.items():
        made[name] = make()
        yield
    return Materials(**made)


def _new(name: str) -> tuple[bpy.types.Material, Nodes]:
    material = bpy.data.materials.new(name)
    return material, Nodes(enable_nodes(material))


def _finish(
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


def _gone(n: Nodes, there: Any) -> Any:
    """What is not `there` shrinks to a point: many clear surfaces one behind the other would each be drawn, and turn
    black in Cycles."""
    here = named(n.add("ShaderNodeTexCoord").outputs, "Object")
    return n.vector("SCALE", here, scale=n.math("SUBTRACT", there, 1.0))


def _hue(n: Nodes, groups: Groups) -> Any:
    """Colour of what the object is."""
    return n.group(groups.palette, Number=palette_numbers(n)[0])["Color"]


def _cells(
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
    material, n = _new(name)
    value = named(n.attribute("finite").outputs, "Fac") if atlas is None else _picture_value(n, atlas)
    cell = n.group(cell_tree, Value=value)
    shown = there = cell["Shown"]
    color = n.blend(shown, cell["Empty"], cell["Number"])
    if masked:
        absent, no_number = _state(n, None if atlas is None else value)
        color = n.blend(n.math("MULTIPLY", no_number, shown), color, cell["Missing"])
        there = n.math("SUBTRACT", there, n.math("ADD", absent, no_number), clamp=True)
    color = n.vector("SCALE", color, scale=cell["Shade"])
    color = n.blend(cell["Mask"], n.blend(shown, cell["Ghost"], cell["Gap"]), color)
    pixels = cell["Pixels"]
    if relief:
        pixels = n.math("MULTIPLY", pixels, named(n.attribute(SIZE).outputs, "Fac"))
    known = {key: cell[key] for key in ("Strength", "Across", "Along", "Width", "Height", "Emphasis")}
    # The cell's number on it, where it has enough pixels on screen.
    printed = n.group(groups.digits, Color=color, Value=value, Pixels=pixels, Shown=there, **known)
    color, strength = _outlined(n, cell, printed["Color"], printed["Strength"])
    alpha = None
    if masked:
        alpha = n.math("SUBTRACT", 1.0, n.math("MULTIPLY", absent, shown))
    if relief:
        rise = named(n.attribute(RISE).outputs, "Fac")
        alpha = n.math("LESS_THAN", n.math("SUBTRACT", rise, shown), 1e-4)
        strength = n.math("MULTIPLY", strength, _side_shade(n))
    _finish(n, material, color, strength, alpha)
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
    """Colour and strength with the outlines: of the row in play, the column in play, the cell being summed."""
    for which in ("Row", "Column", "Running"):
        color = n.blend(cell[f"{which} line"], color, cell[f"{which} hue"])
        strength = n.mix(cell[f"{which} line"], strength, 1.0)
    return color, strength


def _plate(groups: Groups) -> bpy.types.Material:
    """What bars and cubes stand on: a quiet grid of places."""
    material, n = _new("FP Plate")
    look = n.group(groups.look)
    _rows, _columns, pitch_u, pitch_v = object_measures(n)
    place = named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV")
    tile = n.group(groups.tile, **{"Cells": place, "Pitch U": pitch_u, "Pitch V": pitch_v})
    color = n.blend(n.math("MULTIPLY", tile["Mask"], 0.6), look["Gap"], look["Body"])
    _finish(n, material, color, 1.0)
    return material


def _body(groups: Groups) -> bpy.types.Material:
    """The thin side of a slab: its edges in the colours of the axes along which they run, over a shade of what it is;
    the key position's in dashes, one a cell."""
    material, n = _new("FP Body")
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
    _finish(n, material, color, n.math("MULTIPLY_ADD", look["Glow"], -0.15, 0.9))
    return material


def _begins_a_head(n: Nodes, across: Any, u: Any, v: Any) -> Any:
    """1 along the first quarter of what every head takes of an edge, elsewhere 0."""
    rows, columns, _z = n.separate(named(n.attribute(HEADS, "OBJECT").outputs, "Vector"))
    size = n.mix(across, columns, rows)
    part = n.math("FRACT", n.math("DIVIDE", n.mix(across, u, v), n.math("MAXIMUM", size, 1.0)))
    return n.math("MULTIPLY", n.math("LESS_THAN", part, 0.25), n.math("GREATER_THAN", size, 0.5))


@dataclass(frozen=True)
class _Ink:
    """What the material of texts knows, from the object or, where many are merged, from the face (scene.merge)."""

    hue: Any
    size: Any  # the object property `fp_size`
    shown: Any  # 0 to 1, in its window of time
    there: Any  # 0 outside of that window, 1 in it


def _read_ink(n: Nodes, groups: Groups) -> _Ink:
    """An attribute that is not there is zero: what the object says and what the face says add up."""
    face = n.separate(named(n.attribute(INK).outputs, "Vector"))
    start, duration, size = (
        n.math("ADD", object_one(n, name), part)
        for name, part in zip(("fp_start", "fp_duration", "fp_size"), face, strict=True)
    )
    number = named(n.add("ShaderNodeObjectInfo").outputs, "Object Index")
    number = n.math("ADD", number, named(n.attribute(HUE).outputs, "Fac"))
    shown = n.group(groups.window, Start=start, Duration=duration)["Shown"]
    return _Ink(n.group(groups.palette, Number=number)["Color"], size, shown, n.math("GREATER_THAN", shown, 0.0))


def _ink(groups: Groups, name: str, fade: bool) -> bpy.types.Material:
    """Text and lines in a colour of the palette (`pass_index`), shown during the object's window of time.

    With `fade`, labels that are too small or too large on screen go: their height is the object property `fp_size`.
    """
    material, n = _new(name)
    ink = _read_ink(n, groups)
    alpha = ink.shown
    if fade:
        distance = named(n.add("ShaderNodeCameraData").outputs, "View Distance")
        frame = n.math("MULTIPLY", distance, n.group(groups.view)["Frame"])  # the picture's height there, in units
        share = n.math("DIVIDE", ink.size, frame)
        legible = n.math(
            "MULTIPLY", n.smoothstep(share, 0.011, 0.016), n.math("SUBTRACT", 1.0, n.smoothstep(share, 0.045, 0.065))
        )
        alpha = n.math("MULTIPLY", alpha, legible)
    _finish(n, material, ink.hue, 1.0, alpha, _gone(n, ink.there))
    material.surface_render_method = "BLENDED"
    return material


def _name(groups: Groups) -> bpy.types.Material:
    """Names in the world, each in the poses of the camera whose bits it has, at about one size on screen. Under a
    camera that tells nothing of poses all names are there as they lie."""
    material, n = _new("FP Label")
    ink = _read_ink(n, groups)
    word, bit, fade = n.separate(named(n.attribute(NAMES, "VIEW_LAYER").outputs, "Vector"))
    words = n.separate(named(n.attribute(SHOTS).outputs, "Vector"))
    first, second = (n.math("COMPARE", word, float(i), 0.1) for i in (0, 1))
    mine = n.mix(first, n.mix(second, words[2], words[1]), words[0])
    half = n.math("DIVIDE", n.math("FLOOR", n.math("DIVIDE", mine, n.math("MAXIMUM", bit, 1.0))), 2.0)
    among = n.math("GREATER_THAN", n.math("FRACT", half), 0.25)
    told = n.math("GREATER_THAN", bit, 0.5)
    shown = n.math("MULTIPLY", n.mix(told, 1.0, n.math("MULTIPLY", among, fade)), ink.shown)

    height = n.scene_value(VIEW)
    wanted = n.math("DIVIDE", n.math("MULTIPLY", height, TARGET), n.math("MAXIMUM", ink.size, 1e-6))
    most = named(n.attribute(MOST).outputs, "Fac")
    scale = n.mix(told, 1.0, n.math("MINIMUM", n.math("MAXIMUM", wanted, LEAST_SCALE), most))
    scale = n.math("MULTIPLY", scale, n.math("GREATER_THAN", shown, 0.0))
    here = named(n.add("ShaderNodeTexCoord").outputs, "Object")
    away = n.vector("SUBTRACT", here, named(n.attribute(ANCHOR).outputs, "Vector"))
    _finish(n, material, ink.hue, 1.0, shown, n.vector("SCALE", away, scale=n.math("SUBTRACT", scale, 1.0)))
    material.surface_render_method = "BLENDED"
    return material


def _halo(groups: Groups) -> bpy.types.Material:
    """The background's own colour behind overlay text, so that it reads over anything."""
    material, n = _new("FP Halo")
    ink = _read_ink(n, groups)
    edge = n.group(groups.backdrop)["Edge"]
    _finish(n, material, edge, 1.0, n.math("MULTIPLY", ink.shown, 0.85), _gone(n, ink.there))
    material.surface_render_method = "BLENDED"
    return material


def _shade(groups: Groups) -> bpy.types.Material:
    """Ribbons and plates: a flat colour of the palette over the backdrop, as strong as the object's `fp_size` says.
    A band (of width `fp_width`, in units) that is wide in the picture stands back: there it is not the subject."""
    material, n = _new("FP Floor")
    distance = named(n.add("ShaderNodeCameraData").outputs, "View Distance")
    frame = n.math("MULTIPLY", distance, n.group(groups.view)["Frame"])
    share = n.math("DIVIDE", object_one(n, WIDTH), n.math("MAXIMUM", frame, 1e-6))
    back = n.math("MULTIPLY_ADD", n.smoothstep(share, 0.018, 0.055), -0.72, 1.0)
    amount = n.math("MULTIPLY", object_one(n, "fp_size"), back)
    color = n.blend(amount, n.group(groups.backdrop)["Color"], _hue(n, groups))
    _finish(n, material, color, 1.0)
    return material


def _shadow(groups: Groups) -> bpy.types.Material:
    """A soft shadow on the floor: the backdrop, darker where the attribute `level` is larger."""
    material, n = _new("FP Shadow")
    level = named(n.attribute("level").outputs, "Fac")
    dark = n.math("MULTIPLY_ADD", n.group(groups.look)["Glow"], 0.45, 0.14)
    light = n.math("SUBTRACT", 1.0, n.math("MULTIPLY", n.math("MULTIPLY", level, level), dark))
    _finish(n, material, n.group(groups.backdrop)["Color"], light)
    return material


def _scale(groups: Groups) -> bpy.types.Material:
    """The legend's bar: the diverging map from left to right."""
    material, n = _new("FP Legend")
    u, _v, _w = n.separate(named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV"))
    signed = n.group(groups.diverging, Place=u)["Color"]
    positive = n.group(groups.sequential, Place=n.math("SQRT", u))["Color"]
    ink = _read_ink(n, groups)
    color = n.blend(ink.size, signed, positive)
    _finish(n, material, color, 1.0, ink.shown, _gone(n, ink.there))
    material.surface_render_method = "BLENDED"
    return material


def _products(groups: Groups) -> bpy.types.Material:
    """The product plane: tiles as large as their number's square root (a Hinton diagram), of which only those near
    the column that is being summed are seen."""
    material, n = _new("FP Products")
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
    behind = n.math("SUBTRACT", n.math("MULTIPLY", progress, columns), tile["Column"])
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
    _finish(n, material, color, n.math("MULTIPLY_ADD", look["Glow"], 0.2, 1.0), alpha)
    material.surface_render_method = "BLENDED"
    return material
