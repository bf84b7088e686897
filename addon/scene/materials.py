# SPDX-License-Identifier: GPL-3.0-or-later
"""The materials of a scene. Everything is emission, so EEVEE and Cycles agree and no light is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ..core.theme import KEY
from .compat import enable_nodes
from .groups import Groups
from .merge import HUE, INK
from .nodes import Nodes, named

# Object properties that the cells read, four numbers each (Blender gives a material at most eight such attributes).
CELLS = "fp_cells"  # rows, columns, pitch along columns, pitch along rows
PLAY = "fp_play"  # style, focus row or -1, share, relax
USE = "fp_use"  # start, duration, side, share
AGAIN = "fp_again"  # start, duration, period, count

# In an atlas this stands for NaN and plus infinity, and its negative for minus infinity.
NO_NUMBER = 3e38

# Vertex attributes of bars and cubes: how far up a corner is, 0 to 1, and how wide it is as a share of the cell.
RISE, SIZE = "fp_rise", "fp_size"

# `pass_index` packs three palette numbers: hue of the block, outline of its rows, outline of its columns. It is a
# signed short, and three digits to this base just fit.
HUES = 32


@dataclass(frozen=True)
class Materials:
    """Every material of one scene."""

    cells: bpy.types.Material
    masked: bpy.types.Material
    relief: bpy.types.Material  # bars and cubes
    plate: bpy.types.Material  # what they stand on
    body: bpy.types.Material
    ink: bpy.types.Material
    halo: bpy.types.Material
    overlay: bpy.types.Material
    shade: bpy.types.Material
    scale: bpy.types.Material
    products: bpy.types.Material
    slab: bpy.types.Material | None  # where there are slabs
    slab_masked: bpy.types.Material | None


def make_materials(groups: Groups, atlas: bpy.types.Image | None = None) -> Materials:
    """Make the materials on those groups; `atlas` holds the numbers of all slabs, where there are any."""
    return Materials(
        cells=_cells(groups, "FP Cells"),
        masked=_cells(groups, "FP Cells masked", masked=True),
        relief=_cells(groups, "FP Cells relief", masked=True, relief=True),
        plate=_plate(groups),
        body=_body(groups),
        ink=_ink(groups, "FP Label", fade=True),
        halo=_halo(groups),
        overlay=_ink(groups, "FP Overlay", fade=False),
        shade=_shade(groups),
        scale=_scale(groups),
        products=_products(groups),
        slab=None if atlas is None else _cells(groups, "FP Slab", atlas=atlas),
        slab_masked=None if atlas is None else _cells(groups, "FP Slab masked", masked=True, atlas=atlas),
    )


def _new(name: str) -> tuple[bpy.types.Material, Nodes]:
    material = bpy.data.materials.new(name)
    return material, Nodes(enable_nodes(material))


def _finish(
    n: Nodes, material: bpy.types.Material, color: Any, strength: Any, alpha: Any = None, shown: Any = None
) -> None:
    """Emission of that colour; with `alpha` over what is behind it. What is not `shown` shrinks to a point: many
    clear surfaces one behind the other would each be drawn, and turn black in Cycles."""
    output = n.add("ShaderNodeOutputMaterial")
    n.feed(named(output.inputs, "Surface"), n.emission(color, strength, alpha))
    material.use_backface_culling = False
    if shown is not None:
        move = n.add("ShaderNodeVectorDisplacement", space="OBJECT")
        here = named(n.add("ShaderNodeTexCoord").outputs, "Object")
        n.feed(named(move.inputs, "Vector"), n.vector("SCALE", here, scale=n.math("MULTIPLY_ADD", shown, 1.0, -1.0)))
        n.feed(named(move.inputs, "Midlevel"), 0.0)
        n.feed(named(move.inputs, "Scale"), 1.0)
        n.feed(named(output.inputs, "Displacement"), move.outputs[0])
        material.displacement_method = "DISPLACEMENT"


def _object_four(n: Nodes, name: str) -> tuple[Any, Any, Any, Any]:
    """The four numbers of an object property."""
    node = n.attribute(name, "OBJECT")
    x, y, z = n.separate(named(node.outputs, "Vector"))
    return x, y, z, named(node.outputs, "Alpha")


def _object_one(n: Nodes, name: str) -> Any:
    return named(n.attribute(name, "OBJECT").outputs, "Fac")


def _numbers(n: Nodes) -> tuple[Any, Any, Any]:
    """Palette numbers of the block, its rows' axis and its columns' axis, unpacked from `pass_index`."""
    number = named(n.add("ShaderNodeObjectInfo").outputs, "Object Index")
    low = n.math("FLOORED_MODULO", number, float(HUES))
    middle = n.math("FLOORED_MODULO", n.math("FLOOR", n.math("DIVIDE", number, float(HUES))), float(HUES))
    return low, middle, n.math("FLOOR", n.math("DIVIDE", number, float(HUES * HUES)))


def _hue(n: Nodes, groups: Groups) -> Any:
    """Colour of what the object is."""
    return n.group(groups.palette, Number=_numbers(n)[0])["Color"]


@dataclass(frozen=True)
class _Cell:
    """What the cells' material knows about the cell that it draws: sockets of its node tree."""

    tile: Any  # the outputs of the group FP Tile
    fill: Any  # the outputs of the group FP Fill
    pitch_u: Any
    pitch_v: Any
    side: Any
    active: Any  # how much it is in play as an operand
    line: Any  # whether the row or the column that is outlined runs through it
    settled: Any  # 0 while it shines after its last use, then 1
    weight: Any  # 1 in a weight, which nothing fills
    shown: Any  # how much of its number has come out
    hues: tuple[Any, Any, Any]  # of the block, its rows' outline, its columns' outline
    numbers: tuple[Any, Any, Any]  # of those colours in the palette
    look: Any  # the outputs of the group FP Theme


def _cells(
    groups: Groups, name: str, *, masked: bool = False, relief: bool = False, atlas: bpy.types.Image | None = None
) -> bpy.types.Material:
    """One material for every block of cells; what differs is on the objects and in the mesh attributes
    `finite` (one number a face) and `level` (mean magnitude around a corner, for the view from afar).

    With `masked` cells can be absent (minus infinity) or no number, as the face attribute `state` says. With `atlas`
    the numbers are the red channel of that picture, under the UV map `atlas`, instead of `finite` and `state`. With
    `relief` it is for bars and cubes, which grow out of the block as their numbers come out.
    """
    material, n = _new(name)
    value = named(n.attribute("finite").outputs, "Fac") if atlas is None else _picture_value(n, atlas)
    cell = _cell(n, groups)
    ghost, empty = _ghost(n, groups, cell.look, cell.tile["Rim"])
    color = n.blend(cell.shown, empty, _number_color(n, groups, cell, value))
    there: Any = cell.shown
    if masked:
        absent, no_number = _state(n, None if atlas is None else value)
        missing = n.math("MULTIPLY", no_number, cell.shown)
        color = n.blend(missing, color, cell.look["Missing"])
        there = n.math("SUBTRACT", there, n.math("ADD", absent, no_number), clamp=True)
    color = n.vector("SCALE", color, scale=cell.tile["Shade"])
    gap = n.blend(cell.shown, ghost, cell.look["Gap"])
    color = n.blend(cell.tile["Mask"], gap, color)
    pixels = cell.tile["Pixels"]
    if relief:
        pixels = n.math("MULTIPLY", pixels, named(n.attribute(SIZE).outputs, "Fac"))
    color, strength = _printed(n, groups, cell, color, _strength(n, cell), value, there, pixels)
    color, strength = _outlined(n, cell, color, strength)
    alpha = None
    if masked:
        alpha = n.math("SUBTRACT", 1.0, n.math("MULTIPLY", absent, cell.shown))
    if relief:
        rise = named(n.attribute(RISE).outputs, "Fac")
        alpha = n.math("LESS_THAN", n.math("SUBTRACT", rise, cell.shown), 1e-4)
        strength = n.math("MULTIPLY", strength, _side_shade(n))
    _finish(n, material, color, strength, alpha)
    return material


def _side_shade(n: Nodes) -> Any:
    """How light a face of a bar is, by where it looks in the block's own space: the top as it is, the sides darker,
    as if light came from the upper left."""
    x, y, z = n.separate(named(n.add("ShaderNodeTexCoord").outputs, "Normal"))
    side = n.math("MULTIPLY_ADD", y, 0.06, n.math("MULTIPLY_ADD", x, -0.14, 0.62))
    return n.mix(n.math("ABSOLUTE", z), side, 1.0)


def _cell(n: Nodes, groups: Groups) -> _Cell:
    """Reads the object's properties, and where the story's time finds the cell."""
    rows, columns, pitch_u, pitch_v = _object_four(n, CELLS)
    style, focus, share, relax = _object_four(n, PLAY)
    use_start, use_duration, side, use_share = _object_four(n, USE)
    again_start, again_duration, period, count = _object_four(n, AGAIN)
    place = named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV")
    tile = n.group(groups.tile, **{"Cells": place, "Pitch U": pitch_u, "Pitch V": pitch_v})
    where = {"Row": tile["Row"], "Column": tile["Column"], "Rows": rows, "Columns": columns, "Focus": focus}
    start, duration = _object_one(n, "fp_start"), _object_one(n, "fp_duration")
    fill = n.group(groups.fill, Start=start, Duration=duration, Style=style, Share=share, **where)
    first = {"Start": use_start, "Duration": use_duration, "Period": 1e6, "Count": 1.0, "Share": use_share}
    use = n.group(groups.use, Side=side, **first, **where)
    later = {"Start": again_start, "Duration": again_duration, "Period": period, "Count": count, "Share": 0.0}
    again = n.group(groups.use, Side=side, **later, **{**where, "Focus": -1.0})
    again_line = n.math("MULTIPLY", again["Line"], n.math("SUBTRACT", 1.0, side))
    weight = n.math("LESS_THAN", style, 0.5)
    numbers = _numbers(n)
    hues = [n.group(groups.palette, Number=number)["Color"] for number in numbers]
    return _Cell(
        tile=tile,
        fill=fill,
        pitch_u=pitch_u,
        pitch_v=pitch_v,
        side=side,
        active=n.math("MAXIMUM", use["Active"], again["Active"]),
        line=n.math("MAXIMUM", use["Line"], again_line),
        settled=n.smoothstep(n.math("SUBTRACT", n.group(groups.clock)["Time"], relax), 0.0, 0.9),
        weight=weight,
        shown=n.math("MAXIMUM", fill["Reveal"], weight),
        hues=(hues[0], hues[1], hues[2]),
        numbers=numbers,
        look=n.group(groups.look),
    )


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
    return n.math("LESS_THAN", value, -NO_NUMBER / 10), n.math("GREATER_THAN", value, NO_NUMBER / 10)


def _number_color(n: Nodes, groups: Groups, cell: _Cell, value: Any) -> Any:
    """The colour of a cell's number: of its sign and size in play, of its size alone at rest and from afar."""
    hue, _rows, _columns = cell.hues
    level = named(n.attribute("level").outputs, "Fac")
    low, high = _object_one(n, "fp_low"), _object_one(n, "fp_high")
    # Its place between the map's ends; magnitude is the distance from zero.
    span = n.math("MAXIMUM", n.math("SUBTRACT", high, low), 1e-12)
    at = n.math("DIVIDE", n.math("SUBTRACT", value, low), span, clamp=True)
    signed = n.math("LESS_THAN", low, -1e-12)
    size = n.mix(signed, at, n.math("ABSOLUTE", n.math("MULTIPLY_ADD", at, 2.0, -1.0)))
    positive = n.group(groups.sequential, Place=n.math("SQRT", at))["Color"]
    full = n.blend(signed, positive, n.group(groups.diverging, Place=at)["Color"])

    # At rest: magnitude only, in the hue of what the block is.
    quiet = cell.look["Rest"]
    resting = n.blend(0.55, cell.look["Magnitude"], hue)
    near_rest = n.blend(n.math("MULTIPLY", size, 0.55), quiet, resting)
    near_rest = n.blend(0.14, near_rest, full)
    far_rest = n.blend(n.math("MULTIPLY", level, 0.75), quiet, hue)

    # Weights were never filled: they do not shine by themselves.
    result = n.math("MULTIPLY", n.mix(cell.settled, 1.0, 0.22), n.math("SUBTRACT", 1.0, cell.weight))
    near = n.blend(n.math("MAXIMUM", cell.active, result), near_rest, full)
    # From afar signed colours would average to fog: there what is in play glows in its own hue.
    busy = n.math("MAXIMUM", cell.active, n.math("MULTIPLY", n.math("SUBTRACT", result, 0.22), 1.28))
    far_play = n.blend(n.math("MULTIPLY_ADD", level, 0.6, 0.3), quiet, hue)
    return n.blend(cell.tile["Near"], n.blend(busy, far_rest, far_play), near)


def _strength(n: Nodes, cell: _Cell) -> Any:
    """How strongly a cell shines: most while it is in play and just behind the sweep. Without glow always about as
    strongly."""
    glow = cell.look["Glow"]
    strength = n.mix(cell.active, n.mix(cell.settled, 0.86, 0.66), n.math("MULTIPLY_ADD", glow, 0.22, 1.0))
    weight = n.mix(cell.active, 0.82, n.math("MULTIPLY_ADD", glow, 0.25, 1.0))
    strength = n.mix(cell.weight, strength, weight)
    front = n.math("MULTIPLY", cell.fill["Front"], n.math("MULTIPLY", glow, 0.55))
    strength = n.mix(cell.shown, 1.0, n.math("ADD", front, strength))
    return n.math("MAXIMUM", strength, n.math("MULTIPLY_ADD", glow, -0.9, 0.9))


def _printed(
    n: Nodes, groups: Groups, cell: _Cell, color: Any, strength: Any, value: Any, there: Any, pixels: Any
) -> tuple[Any, Any]:
    """Colour and strength with the cell's number on it, where it has enough pixels on screen."""
    short = n.math("MAXIMUM", n.math("MINIMUM", cell.pitch_u, cell.pitch_v), 1e-6)
    printed = n.group(
        groups.digits,
        Color=color,
        Strength=strength,
        Value=value,
        Across=cell.tile["Across"],
        Along=cell.tile["Along"],
        Width=n.math("DIVIDE", cell.pitch_u, short),
        Height=n.math("DIVIDE", cell.pitch_v, short),
        Pixels=pixels,
        Shown=there,
        Emphasis=n.math("MAXIMUM", cell.line, cell.fill["Current"]),
    )
    return printed["Color"], printed["Strength"]


def _outlined(n: Nodes, cell: _Cell, color: Any, strength: Any) -> tuple[Any, Any]:
    """Colour and strength with the outlines: of the row in play, the column in play, the cell being summed."""
    _hue, row_hue, column_hue = cell.hues
    _number, row_number, column_number = cell.numbers
    pixels = cell.tile["Pixels"]
    along = _border(n, cell.tile["Along"], cell.pitch_v, cell.pitch_u, pixels)
    across = _border(n, cell.tile["Across"], cell.pitch_u, cell.pitch_v, pixels)
    row_line = n.math("MULTIPLY", cell.line, n.math("SUBTRACT", 1.0, cell.side))
    column_line = n.math("MULTIPLY", cell.line, cell.side)
    row_line = n.math("MULTIPLY", row_line, _dashes(n, row_number, cell.tile["Across"], cell.pitch_u))
    column_line = n.math("MULTIPLY", column_line, _dashes(n, column_number, cell.tile["Along"], cell.pitch_v))
    for amount, outline in (
        (n.math("MULTIPLY", row_line, along), row_hue),
        (n.math("MULTIPLY", column_line, across), column_hue),
        (n.math("MULTIPLY", cell.fill["Current"], n.math("MAXIMUM", along, across)), cell.look["Text"]),
    ):
        color = n.blend(amount, color, outline)
        strength = n.mix(amount, strength, 1.0)
    return color, strength


def _dashes(n: Nodes, number: Any, place: Any, pitch: Any) -> Any:
    """1 on a line, but 0 in the gaps of the key position's: a dash a cell. `place` along the line, 0 in the middle
    of a cell, in the unit in which the cell is as long as it is against its shorter side."""
    gap = n.math("GREATER_THAN", n.math("DIVIDE", n.math("ABSOLUTE", place), n.math("MAXIMUM", pitch, 1e-6)), 0.32)
    return n.math("SUBTRACT", 1.0, n.math("MULTIPLY", gap, n.math("COMPARE", number, float(KEY), 0.1)))


def _border(n: Nodes, place: Any, pitch: Any, other: Any, pixels: Any) -> Any:
    """1 close to the cell's edge in one direction: a tenth of a cell wide, but never under 1.2 pixels."""
    short = n.math("MINIMUM", pitch, other)
    half = n.math("MULTIPLY", n.math("DIVIDE", pitch, short), 0.5)
    inward = n.math("SUBTRACT", half, n.math("ABSOLUTE", place))
    width = n.math("MAXIMUM", 0.12, n.math("DIVIDE", 1.2, n.math("MAXIMUM", pixels, 0.05)))
    return n.math("SUBTRACT", 1.0, n.smoothstep(inward, n.math("MULTIPLY", width, 0.7), width))


def _ghost(n: Nodes, groups: Groups, look: Any, rim: Any) -> tuple[Any, Any]:
    """What is not filled yet, gap and tile: a ghost of the grid on the backdrop's own colour."""
    ghost = n.blend(0.45, n.group(groups.backdrop)["Color"], look["Neutral"])
    return ghost, n.blend(n.math("MULTIPLY", rim, 0.5), ghost, look["Line"])


def _plate(groups: Groups) -> bpy.types.Material:
    """What bars and cubes stand on: a quiet grid of places."""
    material, n = _new("FP Plate")
    look = n.group(groups.look)
    _rows, _columns, pitch_u, pitch_v = _object_four(n, CELLS)
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
    number, row_number, column_number = _numbers(n)
    x, y, _z = n.separate(named(n.add("ShaderNodeTexCoord").outputs, "Normal"))
    across = n.math("GREATER_THAN", n.math("ABSOLUTE", x), n.math("ABSOLUTE", y))  # it runs along the rows
    axis = n.mix(across, column_number, row_number)
    u, v, _w = n.separate(named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV"))
    place = n.math("SUBTRACT", n.math("FRACT", n.mix(across, u, v)), 0.5)
    amount = n.math("MULTIPLY", _dashes(n, axis, place, 1.0), 0.5)
    body = n.blend(0.25, look["Body"], n.group(groups.palette, Number=number)["Color"])
    color = n.blend(amount, body, n.group(groups.palette, Number=axis)["Color"])
    _finish(n, material, color, n.math("MULTIPLY_ADD", look["Glow"], -0.15, 0.9))
    return material


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
        n.math("ADD", _object_one(n, name), part)
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
    _finish(n, material, ink.hue, 1.0, alpha, ink.there)
    material.surface_render_method = "BLENDED"
    return material


def _halo(groups: Groups) -> bpy.types.Material:
    """The background's own colour behind overlay text, so that it reads over anything."""
    material, n = _new("FP Halo")
    ink = _read_ink(n, groups)
    edge = n.group(groups.backdrop)["Edge"]
    _finish(n, material, edge, 1.0, n.math("MULTIPLY", ink.shown, 0.85), ink.there)
    material.surface_render_method = "BLENDED"
    return material


def _shade(groups: Groups) -> bpy.types.Material:
    """Ribbons and plates: a flat colour of the palette over the backdrop, as strong as the object's `fp_size` says."""
    material, n = _new("FP Floor")
    hue = _hue(n, groups)
    backdrop = n.group(groups.backdrop)["Color"]
    color = n.blend(_object_one(n, "fp_size"), backdrop, hue)
    _finish(n, material, color, 1.0)
    return material


def _scale(groups: Groups) -> bpy.types.Material:
    """The legend's bar: the diverging map from left to right."""
    material, n = _new("FP Legend")
    u, _v, _w = n.separate(named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV"))
    signed = n.group(groups.diverging, Place=u)["Color"]
    positive = n.group(groups.sequential, Place=n.math("SQRT", u))["Color"]
    ink = _read_ink(n, groups)
    color = n.blend(ink.size, signed, positive)
    _finish(n, material, color, 1.0, ink.shown, ink.there)
    material.surface_render_method = "BLENDED"
    return material


def _products(groups: Groups) -> bpy.types.Material:
    """The product plane: tiles as large as their number's square root (a Hinton diagram), of which only those near
    the column that is being summed are seen."""
    material, n = _new("FP Products")
    value = named(n.attribute("value").outputs, "Fac")
    rows, columns, pitch_u, pitch_v = _object_four(n, CELLS)
    start, duration, high = (_object_one(n, name) for name in ("fp_start", "fp_duration", "fp_high"))
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
