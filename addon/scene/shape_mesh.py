# SPDX-License-Identifier: GPL-3.0-or-later
"""The fourth level of detail: blocks whose numbers nobody has, as slabs with their sizes alone.

A model of 96 layers has thousands of blocks: those of one part (every W_Q) are one mesh. What looks like a value would
be invented, so a slab is one colour, and all that is drawn on it counts: lines along its axes every 16, 256, 4096
units, and edges in the colours of the axes that run along them. Lines keep their width on screen at every distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..core.layout import THICKNESS, Block
from .cell_group import HUES
from .compat import enable_nodes
from .groups import Groups
from .nodes import Nodes, named

SIZE = (
    "size"  # face attribute: how long its columns and its rows are together, in units, and which side of the slab it is
)
FACE, ALONG_COLUMNS, ALONG_ROWS = 0.0, 1.0, 2.0
EDGE = 1.3  # pixels that an edge is wide at least
WIDEST = 0.10  # share of a slab's shorter side that an edge is wide at most
LEAST = 0.012  # share that it is wide at least
STRIDE = 16  # units between the finest lines, and then this many of those
RISE = 0.9  # seconds in which a model comes and goes
FILL = (0.74, 0.50)  # how much of a slab's colour is its hue: without glow, and with it
# Corners of a slab: the face counter-clockwise, then the same behind it. Each quad with the axis that runs along it.
QUADS = (
    (0, 1, 2, 3, FACE),
    (0, 4, 5, 1, ALONG_COLUMNS),
    (1, 5, 6, 2, ALONG_ROWS),
    (2, 6, 7, 3, ALONG_COLUMNS),
    (3, 7, 4, 0, ALONG_ROWS),
)
PLACES = np.array([(0, 1), (1, 1), (1, 0), (0, 0)], np.float32)  # of the face's corners: share of columns, of rows


def shapes_mesh(name: str, blocks: Sequence[Block], thickness: float, material: bpy.types.Material) -> bpy.types.Mesh:
    """Blocks of one kind as one mesh: five faces each (nobody sees the sixth). Those on the floor are `thickness`
    thick, those that stand as thick as ever. ValueError for none."""
    if not blocks:
        raise ValueError("a mesh of shapes needs at least one block")
    points = np.stack([_corners(block, thickness) for block in blocks])  # [blocks, 8, 3]
    quads = np.array([quad[:4] for quad in QUADS], np.int32)  # [5, 4]
    count = len(blocks)
    corners = (quads[None] + 8 * np.arange(count, dtype=np.int32)[:, None, None]).reshape(-1)
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(8 * count)
    mesh.loops.add(len(corners))
    mesh.polygons.add(len(corners) // 4)
    attributes: Any = mesh.attributes
    attributes["position"].data.foreach_set("vector", points.astype(np.float32).ravel())
    mesh.loops.foreach_set("vertex_index", corners)
    mesh.polygons.foreach_set("loop_start", np.arange(0, len(corners), 4, dtype=np.int32))
    mesh.update(calc_edges=True)
    shapes = np.stack([np.linalg.norm(points[:, i] - points[:, 0], axis=1) for i in (1, 3)], axis=1)  # [blocks, 2]
    sides = np.array([quad[4] for quad in QUADS], np.float32)
    size = np.concatenate([np.repeat(shapes, len(QUADS), 0), np.tile(sides, count)[:, None]], axis=1)
    attributes.new(SIZE, "FLOAT_VECTOR", "FACE").data.foreach_set("vector", size.astype(np.float32).ravel())
    places = PLACES[None, None] * shapes[:, None, None]  # [blocks, 1, 4, 2]
    uv = np.broadcast_to(places, (count, len(QUADS), 4, 2)).astype(np.float32)
    mesh.uv_layers.new(name="cells", do_init=False).data.foreach_set("uv", uv.ravel())
    mesh.materials.append(material)
    return mesh


def _corners(block: Block, thickness: float) -> NDArray[np.float64]:
    """The eight corners of a slab, [8, 3]: lower left, lower right, upper right, upper left; then those behind."""
    first, second, third, fourth = (np.array(corner) for corner in block.corners())
    normal = np.array(block.normal)
    depth = thickness if normal[2] > 0.5 else THICKNESS
    face = np.stack([fourth, third, second, first])
    return np.concatenate([face, face - depth * normal])


def shape_material(groups: Groups) -> bpy.types.Material:
    """One material for all shapes; `pass_index` holds the hues of the block, of its rows and of its columns."""
    material = bpy.data.materials.new("FP Shape")
    n = Nodes(enable_nodes(material))
    look = n.group(groups.look)
    number = named(n.add("ShaderNodeObjectInfo").outputs, "Object Index")
    parts = [
        n.math("FLOORED_MODULO", n.math("FLOOR", n.math("DIVIDE", number, float(HUES**i))), float(HUES))
        for i in range(3)
    ]
    hue, row_hue, column_hue = (n.group(groups.palette, Number=part)["Color"] for part in parts)
    columns, rows, side = n.separate(named(n.attribute(SIZE).outputs, "Vector"))
    u, v, _w = n.separate(named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV"))
    # How many pixels a cell is, as it lies there.
    facing = n.add("ShaderNodeNewGeometry")
    slope = n.math("ABSOLUTE", n.vector("DOT_PRODUCT", facing.outputs["True Normal"], facing.outputs["Incoming"]))
    distance = named(n.add("ShaderNodeCameraData").outputs, "View Distance")
    pixel = n.math("MULTIPLY", distance, n.group(groups.view)["Pixel"])
    pixel = n.math("DIVIDE", pixel, n.math("SQRT", n.math("MAXIMUM", slope, 0.05)))

    base = n.blend(n.mix(look["Glow"], *FILL), look["Body"], hue)
    # A little light from behind, so that a slab is not a flat label.
    sheen = n.math("MULTIPLY_ADD", n.math("DIVIDE", v, n.math("MAXIMUM", rows, 1.0)), -0.22, 1.0)
    grid: Any = 0.0
    for power in range(1, 5):
        grid = n.math("MAXIMUM", grid, _lines(n, u, v, pixel, float(STRIDE**power)))
    color = n.blend(n.math("MULTIPLY", grid, 0.34), base, look["Gap"])
    short = n.math("MINIMUM", columns, rows)
    width = n.math("MAXIMUM", n.math("MULTIPLY", pixel, EDGE), n.math("MULTIPLY", short, LEAST))
    width = n.math("MINIMUM", width, n.math("MULTIPLY", short, WIDEST))
    for place, length, edge in ((v, rows, column_hue), (u, columns, row_hue)):
        inward = n.math("MINIMUM", place, n.math("SUBTRACT", length, place))
        color = n.blend(
            n.math("SUBTRACT", 1.0, n.smoothstep(n.math("SUBTRACT", inward, width), 0.0, pixel)), color, edge
        )
        # A line's own edge is lit as the middle is.
    lit = n.vector("SCALE", color, scale=sheen)
    rim = n.blend(0.55, look["Body"], n.blend(n.math("GREATER_THAN", side, 1.5), column_hue, row_hue))
    whole = n.blend(n.math("GREATER_THAN", side, 0.5), lit, n.vector("SCALE", rim, scale=0.72))
    _shine(n, groups, whole)
    return material


def floor_material(groups: Groups) -> bpy.types.Material:
    """What lies under shapes: as FP Floor, but with its time."""
    material = bpy.data.materials.new("FP Shape Floor")
    n = Nodes(enable_nodes(material))
    number = named(n.add("ShaderNodeObjectInfo").outputs, "Object Index")
    hue = n.group(groups.palette, Number=number)["Color"]
    amount = named(n.attribute("fp_size", "OBJECT").outputs, "Fac")
    _shine(n, groups, n.blend(amount, n.group(groups.backdrop)["Color"], hue))
    return material


def _shine(n: Nodes, groups: Groups, color: Any) -> None:
    """Emission of a colour from the object's `fp_start` on for `fp_duration` seconds, with slow ends. Outside of it, of
    the backdrop's: the same to the eye as nothing, without any transparency to sort."""
    start, duration = (named(n.attribute(name, "OBJECT").outputs, "Fac") for name in ("fp_start", "fp_duration"))
    since = n.math("SUBTRACT", n.group(groups.clock)["Time"], start)
    left = n.math("SUBTRACT", duration, since)
    shown = n.math("MULTIPLY", n.smoothstep(since, 0.0, RISE), n.smoothstep(left, 0.0, RISE))
    shown = n.math("MAXIMUM", shown, n.math("LESS_THAN", duration, 0.0005))
    output = n.add("ShaderNodeOutputMaterial")
    surface = n.emission(n.blend(shown, n.group(groups.backdrop)["Color"], color), 1.0)
    n.feed(named(output.inputs, "Surface"), surface)


def _lines(n: Nodes, u: Any, v: Any, pixel: Any, every: float) -> Any:
    """Lines every so many cells, 1 on them, as wide as a pixel or two; none where they would stand too close."""
    found: Any = 0.0
    for place in (u, v):
        away = n.math("MULTIPLY", n.math("PINGPONG", place, every / 2), 1.0)
        away = n.math("DIVIDE", away, pixel)  # in pixels
        found = n.math("MAXIMUM", found, n.math("SUBTRACT", 1.0, n.smoothstep(away, 0.4, 1.2)))
    return n.math("MULTIPLY", found, n.smoothstep(n.math("DIVIDE", every, pixel), 9.0, 30.0))
