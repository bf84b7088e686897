# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cells of a block look like: flat, or standing out of it as bars or cubes, as a geometry nodes modifier.

The modifier "FP Cells style" stands on every block of cells and does nothing while the style is flat. All follow the
value "Style for all" inside its node group; a block whose own input "Style" is not 0 goes its own way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

from ..core.errors import UserError
from .cell_materials import RISE, SIZE
from .compat import set_modifier_input
from .matmul_nodes import GeoNodes, Socket, geometry_tree
from .nodes import named

STYLE = "FP Cells style"
FOR_ALL = "Style for all"
STYLES = {"as all": 0, "flat": 1, "bars": 2, "cubes": 3}
HEIGHT = 2.0  # of a bar at the colour map's end, in shorter sides of a cell
WIDTH = 0.86  # of a bar, and of the largest cube, as a share of the cell
LEAST = 0.04  # height of a bar for zero
INSIDE = 0.9  # of the cell's face is on a top: the tile without the gap around it


def check_style(style: str) -> None:
    """UserError with the styles that there are, where it is none."""
    if style not in STYLES or style == "as all":
        raise UserError(f"There is no cell style called {style!r}.", "Styles: flat, bars, cubes.", 2)


def set_style(scene: bpy.types.Scene, style: str, blocks: Iterable[bpy.types.Object] | None = None) -> None:
    """Show the cells of those blocks `flat`, as `bars` or as `cubes`, or `as all` are; without blocks, set what all
    are. UserError for a style that there is not, and where no block has cells that stand by themselves."""
    if blocks is None or style != "as all":
        check_style(style)
    items = scene.objects if blocks is None else blocks
    found: list[Any] = [m for item in items for m in item.modifiers if _is_style(m)]
    if not found:
        raise UserError("None of these blocks can change the style of its cells.", "Choose blocks of cells.", 2)
    if blocks is None:
        for tree in {modifier.node_group for modifier in found}:
            tree.nodes[FOR_ALL].integer = STYLES[style]
        return
    for modifier in found:
        set_modifier_input(modifier, _inputs(modifier.node_group)["Style"], STYLES[style])
        modifier.id_data.update_tag()


def _is_style(modifier: Any) -> bool:
    return modifier.type == "NODES" and modifier.node_group is not None and FOR_ALL in modifier.node_group.nodes


def _inputs(tree: bpy.types.NodeTree) -> dict[str, str]:
    """Identifiers of a group's inputs, by name."""
    items: Any = tree.interface.items_tree
    return {s.name: s.identifier for s in items if s.item_type == "SOCKET" and s.in_out == "INPUT"}


def add_styles(blocks: Iterable[tuple[bpy.types.Object, bool]], tree: bpy.types.NodeTree) -> None:
    """Give blocks of cells the modifier; with each whether it is seen from behind."""
    inputs = _inputs(tree)
    for item, turned in blocks:
        modifier: Any = item.modifiers.new(STYLE, "NODES")
        modifier.node_group = tree
        set_modifier_input(modifier, inputs["High"], item["fp_high"])
        if turned:
            set_modifier_input(modifier, inputs["Turned"], True)


def style_group(material: bpy.types.Material, plate: bpy.types.Material) -> bpy.types.NodeTree:
    """The node group, with the material of bars and cubes and that of the plate they stand on.

    For any grid of quads with the face attribute `finite` and the UV map `cells`, counted in cells. High is the number
    that is drawn at full size; 0 stands for the largest there is. Faces that are not of the first material stay.
    """
    tree, n, into, out = geometry_tree(
        STYLE,
        "Cells flat, as bars or as cubes. Inside: Style for all (1 flat, 2 bars, 3 cubes)",
        (
            Socket("Geometry", "Geometry", "A grid of cells"),
            Socket("Style", "Int", "0 as all, 1 flat, 2 bars, 3 cubes", 0, 0, 3),
            Socket("High", "Float", "The number that is drawn at full size; 0: the largest there is", 0.0),
            Socket("Height", "Float", "Height of the highest bar, in shorter sides of a cell", HEIGHT),
            Socket("Turned", "Bool", "The block is seen from behind", False),
        ),
        (Socket("Geometry", "Geometry", ""),),
    )
    for_all = n.add("FunctionNodeInputInt", name=FOR_ALL, label=FOR_ALL)
    for_all.integer = STYLES["flat"]
    own = n.math("GREATER_THAN", into["Style"], 0.5)
    number = n.mix(own, for_all.outputs[0], into["Style"])
    cubes = n.math("GREATER_THAN", number, 2.5)
    # The geometry that is not chosen is not made.
    relief = _relief(n, into, cubes, material, plate)
    n.feed(out["Geometry"], n.choose(n.math("GREATER_THAN", number, 1.5), relief, into["Geometry"]))
    return tree


def _relief(
    n: GeoNodes, into: dict[str, Any], cubes: Any, material: bpy.types.Material, ground: bpy.types.Material
) -> Any:
    """The block as a plate on which each cell's bar or cube stands. Absent cells have none."""
    first = n.less(n.add("GeometryNodeInputMaterialIndex").outputs[0], 0.5)
    absent = n.math("COMPARE", n.named_number("state"), 1.0, 0.1)
    whole = _faces(n, "SeparateGeometry", into["Geometry"], first)
    plate = _faces(n, "DeleteGeometry", into["Geometry"], n.math("MULTIPLY", first, absent))
    plate = n.paint(plate, ground, first)

    pitch_u, pitch_v = _pitch(n, whole)
    short = n.math("MINIMUM", pitch_u, pitch_v)
    size = n.math("ABSOLUTE", n.named_number("finite"))
    most = _statistic(n, whole, "FACE", "FLOAT", size)
    high = n.mix(n.math("GREATER_THAN", into["High"], 0.0), most, into["High"])
    share = n.math("DIVIDE", size, n.math("MAXIMUM", high, 1e-12), clamp=True)
    edge = n.math("MULTIPLY", n.math("MAXIMUM", n.math("SQRT", share), 0.12), n.math("MULTIPLY", short, WIDTH))
    bar = n.math("MULTIPLY", n.math("MAXIMUM", share, LEAST), n.math("MULTIPLY", short, into["Height"]))
    scale = n.combine(
        n.mix(cubes, n.math("MULTIPLY", pitch_u, WIDTH), edge),
        n.mix(cubes, n.math("MULTIPLY", pitch_v, WIDTH), edge),
        n.math("MULTIPLY", n.mix(cubes, bar, edge), n.math("MULTIPLY_ADD", into["Turned"], -2.0, 1.0)),
    )
    present = _faces(n, "DeleteGeometry", whole, absent)
    points = n.one("GeometryNodeMeshToPoints", "Points", {"Mesh": present}, mode="FACES")
    points = n.store(points, "fp_place", n.named_number("cells", "FLOAT_VECTOR"), "POINT", "FLOAT_VECTOR")
    points = _without(n, points, "cells")
    points = n.store(points, SIZE, n.mix(cubes, WIDTH, n.math("DIVIDE", edge, short)), "POINT")
    boxes = {"Points": points, "Instance": _box(n), "Scale": scale}
    items = n.one("GeometryNodeInstanceOnPoints", "Instances", boxes)
    items = n.one("GeometryNodeRealizeInstances", "Geometry", {"Geometry": items})
    place = n.vector("ADD", *(n.named_number(name, "FLOAT_VECTOR") for name in ("fp_place", "fp_offset")))
    items = n.store(items, "cells", place, "CORNER", "FLOAT2")
    items = n.paint(_without(n, items, "fp_place", "fp_offset"), material)
    return n.join(plate, items)


def _faces(n: GeoNodes, kind: str, geometry: Any, selection: Any) -> Any:
    """Separate or delete the faces that are selected."""
    inputs = {"Geometry": geometry, "Selection": selection}
    result = "Selection" if kind == "SeparateGeometry" else "Geometry"
    return n.one(f"GeometryNode{kind}", result, inputs, domain="FACE")


def _without(n: GeoNodes, geometry: Any, *names: str) -> Any:
    for name in names:
        geometry = n.one("GeometryNodeRemoveAttribute", "Geometry", {"Geometry": geometry, "Name": name})
    return geometry


def _statistic(n: GeoNodes, geometry: Any, domain: str, kind: str, value: Any) -> Any:
    """The largest value of a field."""
    node = n.add("GeometryNodeAttributeStatistic", data_type=kind, domain=domain)
    n.feed(named(node.inputs, "Geometry"), geometry)
    n.feed(next(s for s in node.inputs if s.name == "Attribute" and s.enabled), value)
    return next(s for s in node.outputs if s.name == "Max" and s.enabled)


def _pitch(n: GeoNodes, whole: Any) -> tuple[Any, Any]:
    """How long a cell is along the columns and along the rows: the size of all by their number."""
    box = n.add("GeometryNodeBoundBox")
    n.feed(named(box.inputs, "Geometry"), whole)
    x, y, _z = n.separate(n.vector("SUBTRACT", named(box.outputs, "Max"), named(box.outputs, "Min")))
    counts = _statistic(n, whole, "CORNER", "FLOAT_VECTOR", n.named_number("cells", "FLOAT_VECTOR"))
    columns, rows, _w = n.separate(counts)
    return n.math("DIVIDE", x, n.math("MAXIMUM", columns, 1.0)), n.math("DIVIDE", y, n.math("MAXIMUM", rows, 1.0))


def _box(n: GeoNodes) -> Any:
    """A box on the unit square, without its bottom. Its top shows the cell's face; its sides show one place of the
    cell, which is free of digits and lines."""
    cube = named(n.add("GeometryNodeMeshCube").outputs, "Mesh")
    cube = n.move(cube, offset=(0.0, 0.0, 0.5))
    _x, _y, up = n.separate(n.add("GeometryNodeInputNormal").outputs[0])
    cube = _faces(n, "DeleteGeometry", cube, n.less(up, -0.5))
    x, y, z = n.separate(n.position())
    cube = n.store(cube, RISE, z, "POINT")
    top = n.math("GREATER_THAN", n.on("FACE", up), 0.5)
    face = n.combine(n.math("MULTIPLY", x, INSIDE), n.math("MULTIPLY", y, -INSIDE))
    cube = n.store(cube, "fp_offset", n.line((0.28, 0.28, 0.0), face, top), "CORNER", "FLOAT_VECTOR")
    flat = {"Geometry": cube, "Shade Smooth": False}
    return n.one("GeometryNodeSetShadeSmooth", "Geometry", flat, domain="FACE")
