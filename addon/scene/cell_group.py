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

# `pass_index` packs three palette numbers: hue of the block, outline of its rows, outline of its columns. It is a
# signed short, and three digits to this base just fit.
HUES = 32

COLORS = ("Number", "Ghost", "Empty", "Gap", "Missing", "Row hue", "Column hue", "Running hue")
NUMBERS = (
    "Shown", "Strength", "Mask", "Shade", "Pixels", "Across", "Along", "Width", "Height", "Emphasis",
    "Row line", "Column line", "Running line",
)  # fmt: skip


def cell_slices(groups: Groups) -> Slices[bpy.types.NodeTree]:
    """The group, for one number of a cell, in slices: colours of the number, of what is not filled yet (gap and tile),
    of the gap and of what is no number, and three outlines, each a colour and how much of it is seen; Width and Height
    are the cell's in its shorter side. The rest is what the groups that it is made of say."""
    sockets = [(name, "Color") for name in COLORS] + [(name, "Float") for name in NUMBERS]
    tree, n, into, out = new_group("FP Cell", (("Value", "Float"),), sockets, "A cell, at the time of the story")
    cell = _cell(n, groups)
    yield
    ghost, empty = _ghost(n, groups, cell.look, cell.tile["Rim"])
    short = n.math("MAXIMUM", n.math("MINIMUM", cell.pitch_u, cell.pitch_v), 1e-6)
    yield
    number = _number_color(n, groups, cell, into["Value"])
    yield
    strength, outlines = _strength(n, cell), _outlines(n, cell)
    yield
    found = {
        "Number": number,
        "Ghost": ghost,
        "Empty": empty,
        "Gap": cell.look["Gap"],
        "Missing": cell.look["Missing"],
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
    hues: tuple[Any, Any, Any]  # of the block, its rows' outline, its columns' outline
    numbers: tuple[Any, Any, Any]  # of those colours in the palette
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
    weight = n.math("LESS_THAN", style, 0.5)
    numbers = palette_numbers(n)
    hues = [n.group(groups.palette, Number=number)["Color"] for number in numbers]
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
        hues=(hues[0], hues[1], hues[2]),
        numbers=numbers,
        look=n.group(groups.look),
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
    hue, _rows, columns = cell.hues
    level = named(n.attribute("level").outputs, "Fac")
    low, high = object_one(n, "fp_low"), object_one(n, "fp_high")
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
    # From afar the hue of its role: a weight's is that of what it makes, less strong than that of what is made.
    role = n.blend(cell.weight, hue, columns)
    amount = n.math("MULTIPLY_ADD", level, 0.85, 0.16, clamp=True)
    far_rest = n.blend(n.math("MULTIPLY", amount, n.mix(cell.weight, 1.0, 0.8)), quiet, role)

    # Weights were never filled: they do not shine by themselves.
    result = n.math("MULTIPLY", n.mix(cell.settled, 1.0, 0.22), n.math("SUBTRACT", 1.0, cell.weight))
    near = n.blend(n.math("MAXIMUM", cell.active, result), near_rest, full)
    # From afar signed colours would average to fog: there what is in play glows in its own hue.
    busy = n.math("MAXIMUM", cell.active, n.math("MULTIPLY", n.math("SUBTRACT", result, 0.22), 1.28))
    far_play = n.blend(n.math("MULTIPLY_ADD", level, 0.55, 0.45, clamp=True), quiet, role)
    return n.blend(cell.tile["Near"], n.blend(busy, far_rest, far_play), near)


def _strength(n: Nodes, cell: _Cell) -> Any:
    """How strongly a cell shines: most while it is in play and just behind the sweep. Without glow always about as
    strongly."""
    glow = cell.look["Glow"]
    near = cell.tile["Near"]
    rest = n.mix(near, 1.0, n.mix(cell.settled, 0.86, 0.66))  # from afar nothing is dim: hues tell what is what
    strength = n.mix(cell.active, rest, n.math("MULTIPLY_ADD", glow, 0.22, 1.0))
    weight = n.mix(cell.active, n.mix(near, 1.0, 0.82), n.math("MULTIPLY_ADD", glow, 0.25, 1.0))
    strength = n.mix(cell.weight, strength, weight)
    front = n.math("MULTIPLY", cell.fill["Front"], n.math("MULTIPLY", glow, 0.55))
    strength = n.mix(cell.shown, 1.0, n.math("ADD", front, strength))
    return n.math("MAXIMUM", strength, n.math("MULTIPLY_ADD", glow, -0.9, 0.9))


def _outlines(n: Nodes, cell: _Cell) -> dict[str, Any]:
    """The outlines of the row in play, of the column in play and of the cell being summed: how much of each is seen,
    and its colour."""
    _hue, row_hue, column_hue = cell.hues
    _number, row_number, column_number = cell.numbers
    pixels = cell.tile["Pixels"]
    along = _border(n, cell.tile["Along"], cell.pitch_v, cell.pitch_u, pixels)
    across = _border(n, cell.tile["Across"], cell.pitch_u, cell.pitch_v, pixels)
    row_line = n.math("MULTIPLY", cell.line, n.math("SUBTRACT", 1.0, cell.side))
    column_line = n.math("MULTIPLY", cell.line, cell.side)
    row_line = n.math("MULTIPLY", row_line, dashes(n, row_number, cell.tile["Across"], cell.pitch_u))
    column_line = n.math("MULTIPLY", column_line, dashes(n, column_number, cell.tile["Along"], cell.pitch_v))
    return {
        "Row line": n.math("MULTIPLY", row_line, along),
        "Row hue": row_hue,
        "Column line": n.math("MULTIPLY", column_line, across),
        "Column hue": column_hue,
        "Running line": n.math("MULTIPLY", cell.fill["Current"], n.math("MAXIMUM", along, across)),
        "Running hue": cell.look["Text"],
    }


def dashes(n: Nodes, number: Any, place: Any, pitch: Any) -> Any:
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
