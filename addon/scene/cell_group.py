# SPDX-License-Identifier: GPL-3.0-or-later
"""What every material of cells knows about the cell that it draws, as one node group: where the story's time finds it,
the colour of its number, how strongly it shines, its outlines. Only what differs stands in the materials themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ..core.theme import KEY
from .groups import Groups
from .nodes import Nodes, named, new_group
from .slices import Slices

# Object properties that the cells read, four numbers each. In every pixel Blender searches all of an object's for each
# of them, and gives a material at most eight: what never changes stands in the object's colour, which is at hand.
PLAY = "fp_play"  # style, focus row or -1, share, relax
USE = "fp_use"  # start, duration, side, share
AGAIN = "fp_again"  # start, duration, period, count

# How much of the role's hue a cell has: with nothing in it (from afar, near), and filled and at rest (for each unit of
# its size, and whatever that is). A weight has less.
EMPTY = 0.14, 0.055
AT_REST = 0.85, 0.30
WEIGHT = 0.85
DENSE = 1.6  # all of that is so many times as much where light does not glow: paint on a light ground is pale

# Light from above and from the front: how much darker a standing block is at its foot, and how many units above it that
# is over; and how much darker one is that looks to the side.
FOOT, RISES, ASIDE = 0.40, 14.0, 0.16

# `pass_index` packs three palette numbers: hue of the block, outline of its rows, outline of its columns. It is a
# signed short, and three digits to this base just fit.
HUES = 32

COLORS = ("Number", "Empty", "Gap", "Missing", "Floor", "Line hue", "Running hue")
NUMBERS = (
    "Shown", "Strength", "Mask", "Shade", "Pixels", "Across", "Along", "Width", "Height", "Emphasis",
    "Line", "Running", "Back",
)  # fmt: skip


def cell_slices(groups: Groups) -> Slices[bpy.types.NodeTree]:
    """The group, for one number of a cell, in slices: colours of the number, of what is not filled yet, of
    the gap and of what is no number, and two outlines, each a colour and how much of it is seen; Width and Height
    are the cell's in its shorter side. The rest is what the groups that it is made of say."""
    sockets = [(name, "Color") for name in COLORS] + [(name, "Float") for name in NUMBERS]
    tree, n, into, out = new_group("FP Cell", (("Value", "Float"),), sockets, "A cell, at the time of the story")
    cell = _cell(n, groups)
    yield
    amount = n.math("MULTIPLY", n.mix(cell.tile["Near"], *EMPTY), cell.dense)
    empty = n.blend(amount, cell.look["Rest"], cell.role)
    short = n.math("MAXIMUM", n.math("MINIMUM", cell.pitch_u, cell.pitch_v), 1e-6)
    yield
    number = _number_color(n, groups, cell, into["Value"])
    yield
    strength, outlines = _strength(n, cell), _outlines(n, cell)
    yield
    found = {
        "Number": number,
        "Empty": empty,
        "Gap": cell.look["Gap"],
        "Missing": cell.look["Missing"],
        "Floor": cell.focus["Floor"],
        "Back": cell.focus["Back"],
        "Shown": cell.shown,
        "Strength": strength,
        "Width": n.math("DIVIDE", cell.pitch_u, short),
        "Height": n.math("DIVIDE", cell.pitch_v, short),
        "Emphasis": n.math("MAXIMUM", cell.line, cell.fill["Current"]),
        **{name: cell.tile[name] for name in ("Mask", "Shade", "Pixels", "Across", "Along")},
        **outlines,
    }
    for name, socket in found.items():
        n.feed(out[name], socket)
    return tree


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
    role: Any  # the hue of what the block is, a weight's of what it makes
    dense: Any  # see DENSE
    axis: Any  # along which it is in play: its number in the palette
    axis_hue: Any
    focus: Any  # the outputs of the group FP Focus
    look: Any  # the outputs of the group FP Theme


def set_measures(item: bpy.types.Object, rows: float, columns: float, pitch_u: float, pitch_v: float) -> None:
    """Give a block its measures for the cells: how many of them, and their pitch along columns and along rows."""
    item.color = (rows, columns, pitch_u, pitch_v)


def object_measures(n: Nodes) -> tuple[Any, Any, Any, Any]:
    """What `set_measures` gave to the object: rows, columns, pitch along columns, pitch along rows."""
    outputs = n.add("ShaderNodeObjectInfo").outputs
    rows, columns, pitch_u = n.separate(named(outputs, "Color"))
    return rows, columns, pitch_u, named(outputs, "Alpha")


def object_four(n: Nodes, name: str) -> tuple[Any, Any, Any, Any]:
    """The four numbers of an object property."""
    node = n.attribute(name, "OBJECT")
    x, y, z = n.separate(named(node.outputs, "Vector"))
    return x, y, z, named(node.outputs, "Alpha")


def object_one(n: Nodes, name: str) -> Any:
    """An object property that is one number."""
    return named(n.attribute(name, "OBJECT").outputs, "Fac")


def palette_numbers(n: Nodes) -> tuple[Any, Any, Any]:
    """Palette numbers of the block, its rows' axis and its columns' axis, unpacked from `pass_index`."""
    number = named(n.add("ShaderNodeObjectInfo").outputs, "Object Index")
    low = n.math("FLOORED_MODULO", number, float(HUES))
    middle = n.math("FLOORED_MODULO", n.math("FLOOR", n.math("DIVIDE", number, float(HUES))), float(HUES))
    return low, middle, n.math("FLOOR", n.math("DIVIDE", number, float(HUES * HUES)))


def _cell(n: Nodes, groups: Groups) -> _Cell:
    """Reads the object's properties, and where the story's time finds the cell."""
    rows, columns, pitch_u, pitch_v = object_measures(n)
    style, focus, share, relax = object_four(n, PLAY)
    place = named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV")
    tile = n.group(groups.tile, **{"Cells": place, "Pitch U": pitch_u, "Pitch V": pitch_v})
    time = n.group(groups.clock)["Time"]
    where = {"Time": time, "Row": tile["Row"], "Column": tile["Column"], "Rows": rows, "Columns": columns}
    start, duration = object_one(n, "fp_start"), object_one(n, "fp_duration")
    fill = n.group(groups.fill, Start=start, Duration=duration, Style=style, Share=share, Focus=focus, **where)
    window, side = _window_of_use(n, time, focus)
    use = n.group(groups.use, Side=side, **window, **where)
    weight, look = n.math("LESS_THAN", style, 0.5), n.group(groups.look)
    number, row_number, column_number = palette_numbers(n)
    axis = n.mix(side, row_number, column_number)
    role, axis_hue = (
        n.group(groups.palette, Number=one)["Color"] for one in (n.mix(weight, number, column_number), axis)
    )
    return _Cell(
        tile=tile,
        fill=fill,
        pitch_u=pitch_u,
        pitch_v=pitch_v,
        side=side,
        active=use["Active"],
        line=use["Line"],
        settled=n.smoothstep(n.math("SUBTRACT", time, relax), 0.0, 0.9),
        weight=weight,
        shown=n.math("MAXIMUM", fill["Reveal"], weight),
        role=role,
        dense=n.math("MULTIPLY_ADD", look["Glow"], 1 - DENSE, DENSE),
        axis=axis,
        axis_hue=axis_hue,
        focus=n.group(
            groups.focus,
            **{"Start": start, "Duration": duration, "Use start": window["Start"], "Use duration": window["Duration"]},
        ),
        look=look,
    )


def _window_of_use(n: Nodes, time: Any, focus: Any) -> tuple[dict[str, Any], Any]:
    """When the block is in play: its first use, or once the later ones have begun these, which have no focus row. Also
    its side."""
    start, duration, side, share = object_four(n, USE)
    again_start, again_duration, period, count = object_four(n, AGAIN)
    later = n.math("MULTIPLY", n.math("GREATER_THAN", time, again_start), n.math("GREATER_THAN", again_duration, 0.0))
    window = {
        "Start": n.mix(later, start, again_start),
        "Duration": n.mix(later, duration, again_duration),
        "Period": period,
        "Count": n.mix(later, 1.0, count),
        "Focus": n.mix(later, focus, -1.0),
        "Share": share,  # counts only where there is a focus row
    }
    return window, side


def _number_color(n: Nodes, groups: Groups, cell: _Cell, value: Any) -> Any:
    """The colour of a cell's number: of its sign and size in play, of its size alone at rest and from afar."""
    level = named(n.attribute("level").outputs, "Fac")
    low, high = object_one(n, "fp_low"), object_one(n, "fp_high")
    # Its place between the map's ends; magnitude is the distance from zero.
    span = n.math("MAXIMUM", n.math("SUBTRACT", high, low), 1e-12)
    at = n.math("DIVIDE", n.math("SUBTRACT", value, low), span, clamp=True)
    signed = n.math("LESS_THAN", low, -1e-12)
    size = n.mix(signed, at, n.math("ABSOLUTE", n.math("MULTIPLY_ADD", at, 2.0, -1.0)))
    positive = n.group(groups.sequential, Place=n.math("SQRT", at))["Color"]
    full = n.blend(signed, positive, n.group(groups.diverging, Place=at)["Color"])

    # At rest: magnitude only, from afar that of the cells around, in the hue of the block's role.
    quiet, role = cell.look["Rest"], cell.role
    amount = n.math("MULTIPLY_ADD", n.mix(cell.tile["Near"], level, size), *AT_REST)
    amount = n.math("MULTIPLY", amount, n.math("MULTIPLY", cell.dense, n.mix(cell.weight, 1.0, WEIGHT)), clamp=True)
    rest = n.blend(amount, quiet, role)

    # Weights were never filled: they do not shine by themselves.
    result = n.math("MULTIPLY", n.math("SUBTRACT", 1.0, cell.settled), n.math("SUBTRACT", 1.0, cell.weight))
    # From afar signed colours would average to fog: there what is in play glows in its own hue.
    glowing = n.blend(n.math("MULTIPLY_ADD", level, 0.55, 0.45, clamp=True), quiet, role)
    busy = n.blend(cell.tile["Near"], glowing, full)
    return n.blend(n.math("MAXIMUM", cell.active, result), rest, busy)


def _strength(n: Nodes, cell: _Cell) -> Any:
    """How strongly a cell shines: most while it is in play and just behind the sweep. Without glow always about as
    strongly."""
    glow = cell.look["Glow"]
    near = cell.tile["Near"]
    rest = n.mix(near, 1.0, n.mix(cell.settled, 0.9, 0.78))  # from afar nothing is dim: hues tell what is what
    strength = n.mix(cell.active, rest, n.math("MULTIPLY_ADD", glow, 0.22, 1.0))
    weight = n.mix(cell.active, n.mix(near, 1.0, 0.82), n.math("MULTIPLY_ADD", glow, 0.25, 1.0))
    strength = n.mix(cell.weight, strength, weight)
    front = n.math("MULTIPLY", cell.fill["Front"], n.math("MULTIPLY", glow, 0.55))
    strength = n.mix(cell.shown, 1.0, n.math("ADD", front, strength))
    strength = n.math("MAXIMUM", strength, n.math("MULTIPLY_ADD", glow, -0.9, 0.9))
    return n.math("MULTIPLY", strength, _light(n, glow))


def _light(n: Nodes, glow: Any) -> Any:
    """How light a block is by where it looks and how far it is from the floor; all of it alike that lies."""
    geometry = n.add("ShaderNodeNewGeometry")
    x, _y, z = n.separate(named(geometry.outputs, "True Normal"))
    _x, _y, height = n.separate(named(geometry.outputs, "Position"))
    stands = n.math("SUBTRACT", 1.0, n.math("ABSOLUTE", z))
    foot = n.math("MULTIPLY_ADD", height, -1 / RISES, 1.0, clamp=True)
    foot = n.math("MULTIPLY", n.math("MULTIPLY", foot, foot), n.math("MULTIPLY", stands, FOOT))
    dark = n.math("MULTIPLY_ADD", n.math("ABSOLUTE", x), ASIDE, foot)
    return n.math("SUBTRACT", 1.0, n.math("MULTIPLY", dark, n.math("MULTIPLY_ADD", glow, 0.6, 0.4)))


def _outlines(n: Nodes, cell: _Cell) -> dict[str, Any]:
    """The outlines of the row or the column in play, as the block's side is, and of the cell being summed: how much of
    each is seen, and its colour."""
    pixels = cell.tile["Pixels"]
    along = _border(n, cell.tile["Along"], cell.pitch_v, cell.pitch_u, pixels)
    across = _border(n, cell.tile["Across"], cell.pitch_u, cell.pitch_v, pixels)
    place = n.mix(cell.side, cell.tile["Across"], cell.tile["Along"])
    dashed = dashes(n, cell.axis, place, n.mix(cell.side, cell.pitch_u, cell.pitch_v))
    return {
        "Line": n.math("MULTIPLY", n.math("MULTIPLY", cell.line, dashed), n.mix(cell.side, along, across)),
        "Line hue": cell.axis_hue,
        "Running": n.math("MULTIPLY", cell.fill["Current"], n.math("MAXIMUM", along, across)),
        "Running hue": cell.look["Text"],
    }


def dashes(n: Nodes, number: Any, place: Any, pitch: Any) -> Any:
    """1 on a line, but 0 in the gaps of the key position's: a dash a cell. `place` along the line, 0 in the middle
    of a cell, in the unit in which the cell is as long as it is against its shorter side."""
    gap = n.math("GREATER_THAN", n.math("DIVIDE", n.math("ABSOLUTE", place), n.math("MAXIMUM", pitch, 1e-6)), 0.32)
    return n.math("SUBTRACT", 1.0, n.math("MULTIPLY", gap, n.math("COMPARE", number, float(KEY), 0.1)))


def _border(n: Nodes, place: Any, pitch: Any, other: Any, pixels: Any) -> Any:
    """1 close to the cell's edge in one direction: a tenth of a cell wide, but never under 1.4 pixels."""
    short = n.math("MINIMUM", pitch, other)
    half = n.math("MULTIPLY", n.math("DIVIDE", pitch, short), 0.5)
    inward = n.math("SUBTRACT", half, n.math("ABSOLUTE", place))
    width = n.math("MAXIMUM", 0.12, n.math("DIVIDE", 1.4, n.math("MAXIMUM", pixels, 0.05)))
    return n.math("SUBTRACT", 1.0, n.smoothstep(inward, n.math("MULTIPLY", width, 0.7), width))
