# SPDX-License-Identifier: GPL-3.0-or-later
"""The shader node groups that the materials share: colours, the grid of cells, the sweep, time windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

from ..core.theme import PALETTE, STOPS, Theme
from .clock import clock_group
from .digits import digits_slices
from .focus import focus_group
from .nodes import Nodes, named, new_group
from .slices import Slices, at_once
from .text import FADE, load_font
from .themes import BACKDROP, DIVERGING, LOOK, LOOK_COLORS, PALETTE_GROUP, RAMP, SEQUENTIAL, paint

Tree = bpy.types.NodeTree
OUTER_FADE = 0.2  # of the time that a block fills: how long its cells fade in where they count up


@dataclass(frozen=True)
class Groups:
    """Every shared group of one scene."""

    theme: Theme  # that it was made in: what can change later is read from the groups
    clock: Tree
    view: Tree
    look: Tree
    backdrop: Tree
    palette: Tree
    diverging: Tree
    sequential: Tree
    tile: Tree
    fill: Tree
    use: Tree
    window: Tree
    focus: Tree
    digits: Tree


def make_groups(theme: Theme) -> Groups:
    """Make the groups in a theme."""
    return at_once(group_slices(theme))


def group_slices(theme: Theme) -> Slices[Groups]:
    """As `make_groups`, in slices."""
    clock = clock_group()
    view = _view()
    palette = _palette()
    yield
    digits = yield from digits_slices(load_font())
    makers: dict[str, Callable[[], Tree]] = {
        "look": lambda: _look(palette),
        "backdrop": _backdrop,
        "diverging": lambda: _map(DIVERGING),
        "sequential": lambda: _map(SEQUENTIAL),
        "tile": lambda: _tile(view),
        "fill": fill_group,
        "use": _use,
        "window": lambda: _window(clock),
        "focus": lambda: focus_group(clock, made["backdrop"], made["look"]),
    }
    made: dict[str, Tree] = {}
    for name, make in makers.items():
        made[name] = make()
        yield
    groups = Groups(theme=theme, clock=clock, view=view, palette=palette, digits=digits, **made)
    paint([groups.look, groups.backdrop, groups.palette, groups.diverging, groups.sequential], theme)
    return groups


def _view() -> Tree:
    """The size of a pixel at distance one, from the camera's lens (36 mm sensor on the long side) and the picture."""
    tree, n, _, out = new_group("FP View", (), (("Pixel", "Float"), ("Frame", "Float")))
    width, height = (n.scene_value(f"render.resolution_{axis}") for axis in "xy")
    lens = n.math("MAXIMUM", n.scene_value("camera.data.lens"), 1.0)
    long_side = n.math("MAXIMUM", n.math("MAXIMUM", width, height), 1.0)
    pixel = n.math("DIVIDE", n.math("DIVIDE", 36.0, lens), long_side)
    n.feed(out["Pixel"], pixel)
    n.feed(out["Frame"], n.math("MULTIPLY", pixel, height))
    return tree


def _backdrop() -> Tree:
    """A radial gradient fixed to the frame: the same behind everything, so there is no horizon. Edge is the colour of
    the frame's corners."""
    tree, n, _, out = new_group(BACKDROP, (), (("Color", "Color"), ("Edge", "Color")))
    centre, edge = n.color("Centre"), n.color("Edge")
    n.feed(out["Color"], gradient(n, centre, edge))
    n.feed(out["Edge"], edge)
    return tree


def gradient(n: Nodes, centre: Any, edge: Any) -> Any:
    """A colour by its place in the frame."""
    window = named(n.add("ShaderNodeTexCoord").outputs, "Window")
    x, y, _z = n.separate(window)
    centred = n.vector("MULTIPLY", n.vector("SUBTRACT", n.combine(x, y), (0.5, 0.55, 0.0)), (1.0, 0.9, 0.0))
    distance = n.vector("LENGTH", centred)
    return n.blend(n.smoothstep(distance, 0.10, 0.72), centre, edge)


def _palette() -> Tree:
    """A colour of the theme by its number in PALETTE."""
    tree, n, into, out = new_group(PALETTE_GROUP, (("Number", "Float"),), (("Color", "Color"),))
    count = len(PALETTE)
    at = n.math("DIVIDE", n.math("ADD", into["Number"], 0.5), float(count))
    n.feed(out["Color"], n.ramp(at, [(0.0, 0.0, 0.0)] * count, "CONSTANT", RAMP))
    return tree


def _look(palette: Tree) -> Tree:
    """Every colour of a theme that is neither in the palette nor in a map, and how much it glows."""
    names = tuple(LOOK_COLORS)
    inks = ("Text", "Line", "Weight")
    tree, n, _, out = new_group(
        LOOK,
        (),
        (*((name, "Color") for name in (*names, *inks)), ("Glow", "Float")),
        "Colours of cells, bodies and lines; Glow is 1 where light means active, 0 where colours are mixed",
    )
    for name in names:
        n.feed(out[name], n.color(name))
    for name in inks:
        n.feed(out[name], n.group(palette, Number=float(PALETTE.index(name.lower())))["Color"])
    n.feed(out["Glow"], n.add("ShaderNodeValue", name="Glow", label="Glow").outputs[0])
    return tree


def _map(name: str) -> Tree:
    """A colour map: 0 to 1 in, colour out."""
    tree, n, into, out = new_group(name, (("Place", "Float"),), (("Color", "Color"),))
    n.feed(out["Color"], n.ramp(into["Place"], [(0.0, 0.0, 0.0)] * STOPS, name=RAMP))
    return tree


def _tile(view: Tree) -> Tree:
    """One cell's rounded tile, from the place in the block measured in cells.

    Mask is 1 on the tile and 0 in the gap, Near is 1 where single cells can be told apart and 0 far away,
    Shade is the baked bevel, Rim the tile's edge, Across and Along are the place in the cell, -0.5 to 0.5.
    """
    tree, n, into, out = new_group(
        "FP Tile",
        (("Cells", "Vector"), ("Pitch U", "Float"), ("Pitch V", "Float")),
        (
            ("Mask", "Float"),
            ("Near", "Float"),
            ("Shade", "Float"),
            ("Rim", "Float"),
            ("Column", "Float"),
            ("Row", "Float"),
            ("Across", "Float"),
            ("Along", "Float"),
            ("Pixels", "Float"),
        ),
        "Rounded tiles with a baked bevel that fade into a plain surface where they are small on screen",
    )
    u, v, _w = n.separate(into["Cells"])
    column, row = n.math("FLOOR", u), n.math("FLOOR", v)
    short = n.math("MINIMUM", into["Pitch U"], into["Pitch V"])
    half_u = n.math("DIVIDE", into["Pitch U"], short)
    half_v = n.math("DIVIDE", into["Pitch V"], short)
    across = n.math("SUBTRACT", n.math("FRACT", u), 0.5)
    along = n.math("SUBTRACT", 0.5, n.math("FRACT", v))
    x, y = n.math("MULTIPLY", across, half_u), n.math("MULTIPLY", along, half_v)
    place = n.combine(x, y)

    geometry = n.add("ShaderNodeNewGeometry")
    facing = n.math("ABSOLUTE", n.vector("DOT_PRODUCT", geometry.outputs["True Normal"], geometry.outputs["Incoming"]))
    distance = named(n.add("ShaderNodeCameraData").outputs, "View Distance")
    pixel = n.group(view)["Pixel"]
    foreshortened = n.math("MULTIPLY", short, n.math("SQRT", n.math("MAXIMUM", facing, 0.04)))
    pixels = n.math("DIVIDE", foreshortened, n.math("MULTIPLY", distance, pixel))
    near = n.smoothstep(pixels, 1.3, 3.6)
    soft = n.math("DIVIDE", 0.6, n.math("MAXIMUM", pixels, 1.0))

    gap, radius, bevel = 0.045, 0.14, 0.16
    half = n.combine(n.math("MULTIPLY_ADD", half_u, 0.5, -gap), n.math("MULTIPLY_ADD", half_v, 0.5, -gap))
    size = n.vector("ABSOLUTE", place)
    beyond = n.vector("ADD", n.vector("SUBTRACT", size, half), (radius, radius, 0.0))
    edge = n.math("SUBTRACT", n.vector("LENGTH", n.vector("MAXIMUM", beyond, (0.0, 0.0, 0.0))), radius)
    tile = n.math("SUBTRACT", 1.0, n.smoothstep(edge, n.math("MULTIPLY", soft, -1.0), soft))

    slope = n.vector("MAXIMUM", n.vector("ADD", n.vector("SUBTRACT", size, half), (bevel, bevel, 0.0)), (0.0, 0.0, 0.0))
    slope = n.vector("MULTIPLY", n.vector("SCALE", slope, scale=1 / bevel), n.vector("SIGN", place))
    lit = n.vector("DOT_PRODUCT", n.vector("MULTIPLY", slope, n.vector("ABSOLUTE", slope)), (-0.45, 0.8, 0.0))
    n.feed(out["Mask"], n.mix(near, 0.9, tile))
    n.feed(out["Near"], near)
    n.feed(out["Shade"], n.math("MULTIPLY_ADD", n.math("MULTIPLY", lit, near), 0.41, 1.0))
    n.feed(out["Rim"], n.math("MULTIPLY", n.smoothstep(n.vector("LENGTH", slope), 0.45, 0.9), near))
    for name, socket in (("Column", column), ("Row", row), ("Across", x), ("Along", y), ("Pixels", pixels)):
        n.feed(out[name], socket)
    return tree


def _progress(n: Nodes, time: Any, start: Any, duration: Any) -> Any:
    """How far a window of time is, 0 to 1."""
    length = n.math("MAXIMUM", duration, 0.001)
    return n.math("DIVIDE", n.math("SUBTRACT", time, start), length, clamp=True)


def hastening(n: Nodes, share: Any) -> Any:
    """How far along a worked row its sweep is, 0 to 1, at a share of its time (see core.haste)."""
    return n.math("MULTIPLY", share, share)


def fill_group() -> Tree:
    """When a cell gets its value: Reveal 0 to 1, Front glows just behind the sweep, Current marks the running cell.

    Style 1 dot, 2 row, 3 column, 4 outer, 5 all (as PLAY_STYLES in scene.blocks); Focus is the row worked first,
    during Share of the duration, faster and faster, or -1.
    """
    sockets = ("Time", "Start", "Duration", "Row", "Column", "Rows", "Columns", "Style", "Focus", "Share")
    tree, n, into, out = new_group(
        "FP Fill",
        tuple((name, "Float") for name in sockets),
        (("Reveal", "Float"), ("Front", "Float"), ("Current", "Float"), ("Done", "Float"), ("Progress", "Float")),
    )
    progress = _progress(n, into["Time"], into["Start"], into["Duration"])
    in_row = n.math("DIVIDE", n.math("ADD", into["Column"], 0.5), into["Columns"])
    by_row = n.math("DIVIDE", n.math("ADD", into["Row"], n.math("MULTIPLY", in_row, 0.6)), into["Rows"])
    by_cell = n.math("DIVIDE", n.math("ADD", into["Row"], in_row), into["Rows"])
    dot = n.math("COMPARE", into["Style"], 1.0, 0.1)
    by_column = n.math("COMPARE", into["Style"], 3.0, 0.1)
    whole = n.math("GREATER_THAN", into["Style"], 3.5)
    order = n.mix(dot, by_row, by_cell)
    order = n.mix(by_column, order, in_row)
    focused = n.math("GREATER_THAN", into["Focus"], -0.5)
    mine = n.math("MULTIPLY", focused, n.math("COMPARE", into["Row"], into["Focus"], 0.1))
    share = n.math("MULTIPLY", into["Share"], focused)
    others = n.math("MULTIPLY_ADD", order, n.math("SUBTRACT", 1.0, share), share)
    place = n.mix(mine, others, n.math("MULTIPLY", n.math("SQRT", in_row), share))
    place = n.mix(whole, place, 0.0)
    # The front is as wide as a cell of the focus row is where the sweep is fastest, or a third of a row of the others.
    width = n.mix(
        mine, n.math("DIVIDE", 0.6, into["Rows"]), n.math("DIVIDE", n.math("MULTIPLY", share, 0.5), into["Columns"])
    )
    # Partial sums are there to be read while they grow.
    fade = n.mix(n.math("COMPARE", into["Style"], 4.0, 0.1), 1.0, OUTER_FADE)
    width = n.math("MAXIMUM", n.math("MINIMUM", n.mix(whole, width, fade), 1.0), 0.002)
    # Nothing before the window, everything after it: the last cell ends with the window.
    ahead = n.math("SUBTRACT", progress, n.math("MULTIPLY", place, n.math("SUBTRACT", 1.0, width)))
    reveal = n.smoothstep(ahead, 0.0, width)
    running = n.math("MULTIPLY", n.math("GREATER_THAN", progress, 0.0), n.math("LESS_THAN", progress, 1.0))
    decay = n.math("EXPONENT", n.math("DIVIDE", n.math("MAXIMUM", ahead, 0.0), n.math("MULTIPLY", width, -2.5)))
    front = n.math("MULTIPLY", n.math("MULTIPLY", decay, reveal), running)
    # White ring on the one cell being summed: the focus row's column under the sweep.
    worked = hastening(n, n.math("DIVIDE", progress, n.math("MAXIMUM", share, 0.001)))
    at = n.math("FLOOR", n.math("MULTIPLY", worked, into["Columns"]))
    here = n.math("MULTIPLY", mine, n.math("COMPARE", into["Column"], at, 0.1))
    n.feed(out["Reveal"], reveal)
    n.feed(out["Front"], front)
    n.feed(out["Current"], n.math("MULTIPLY", here, running))
    n.feed(out["Done"], n.math("GREATER_THAN", progress, 0.999))
    n.feed(out["Progress"], progress)
    return tree


def _use() -> Tree:
    """How much a cell is in play as an operand. Side 0: rows, lit one after another (the focus row alone during
    Share); side 1: columns, lit as the sweep passes. With a Period the window repeats Count times."""
    window, place = ("Start", "Duration", "Period", "Count"), ("Row", "Column", "Rows", "Columns")
    sockets = ("Time", *window, *place, "Side", "Focus", "Share")
    tree, n, into, out = new_group(
        "FP Use", tuple((name, "Float") for name in sockets), (("Active", "Float"), ("Line", "Float"))
    )
    since = n.math("SUBTRACT", into["Time"], into["Start"])
    turn = n.math("FLOOR", n.math("DIVIDE", since, n.math("MAXIMUM", into["Period"], 0.001)))
    turn = n.math("MAXIMUM", n.math("MINIMUM", turn, n.math("SUBTRACT", into["Count"], 1.0)), 0.0)
    since = n.math("SUBTRACT", since, n.math("MULTIPLY", turn, into["Period"]))
    length = n.math("MAXIMUM", into["Duration"], 0.001)
    q = n.math("DIVIDE", since, length)
    running = n.math("MULTIPLY", n.math("GREATER_THAN", q, 0.0), n.math("LESS_THAN", q, 1.0))
    running = n.math("MULTIPLY", running, n.math("GREATER_THAN", into["Duration"], 0.0005))
    focused = n.math("GREATER_THAN", into["Focus"], -0.5)
    share = n.math("MULTIPLY", into["Share"], focused)
    first = n.math("MULTIPLY", focused, n.math("LESS_THAN", q, share))
    rest = n.math("DIVIDE", n.math("SUBTRACT", q, share), n.math("MAXIMUM", n.math("SUBTRACT", 1.0, share), 0.001))

    passing = n.math("FLOOR", n.math("MULTIPLY", rest, into["Rows"]))
    row = n.mix(first, passing, into["Focus"])
    lit_row = n.math("COMPARE", into["Row"], row, 0.1)

    worked = hastening(n, n.math("DIVIDE", q, n.math("MAXIMUM", share, 0.001)))
    inside = n.mix(first, n.math("FRACT", n.math("MULTIPLY", rest, 1.0)), worked)
    at = n.math("MULTIPLY", inside, into["Columns"])
    behind = n.math("SUBTRACT", at, into["Column"])
    lit_column = n.math("MULTIPLY", n.math("GREATER_THAN", behind, 0.0), n.math("LESS_THAN", behind, 1.0))
    fading = n.math("EXPONENT", n.math("MULTIPLY", n.math("MAXIMUM", n.math("SUBTRACT", behind, 1.0), 0.0), -0.5))
    trail = n.math("MULTIPLY", n.math("GREATER_THAN", behind, 0.0), fading)
    # While all rows pass, every column is at work at once.
    lit_columns = n.mix(n.math("MAXIMUM", first, n.math("SUBTRACT", 1.0, focused)), 0.55, trail)

    side = into["Side"]
    n.feed(out["Active"], n.math("MULTIPLY", n.mix(side, lit_row, lit_columns), running))
    sharp = n.math("MULTIPLY", n.mix(side, lit_row, lit_column), running)
    n.feed(out["Line"], n.math("MULTIPLY", sharp, n.mix(side, 1.0, first)))
    return tree


def _window(clock: Tree) -> Tree:
    """1 from Start for Duration, with a short fade at both ends; always 1 where Duration is 0."""
    tree, n, into, out = new_group("FP Window", (("Start", "Float"), ("Duration", "Float")), (("Shown", "Float"),))
    time = n.group(clock)["Time"]
    since = n.math("SUBTRACT", time, into["Start"])
    left = n.math("SUBTRACT", into["Duration"], since)
    shown = n.math("MULTIPLY", n.smoothstep(since, 0.0, FADE), n.smoothstep(left, 0.0, FADE))
    n.feed(out["Shown"], n.math("MAXIMUM", shown, n.math("LESS_THAN", into["Duration"], 0.0005)))
    return tree
