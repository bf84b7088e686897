# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep `outer` in a model's own scene: a block that counts up through the true partial sums of its cells.

A material knows the numbers of its own block alone, so the sums are worked out once and kept as face attributes of the
block, one for each product; a modifier goes through them by the scene's clock.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.partial_sums import Product, find_product
from .blocks import PLAY_STYLES, level_of
from .cell_group import AGAIN, PLAY, USE
from .clock import PROPERTY, drive
from .matmul_faces import GEOMETRY
from .matmul_nodes import GeoNodes, geometry_tree

PARTIAL_SUMS = "Partial Sums"  # the modifier
BIAS_SHARE = 0.1  # of the time in which a block fills, for its bias
COUNT = "Products added"


def show_partial_sums(scene: bpy.types.Scene, block: bpy.types.Object) -> Product:
    """Lets a block fill in the order of k: at every moment its cells hold the sums of the first products, and its bias
    comes last. The operands are found by their numbers among the blocks of its layer; where nothing else uses them,
    their columns and rows light up in the same order. Removing the modifier takes the sums back.

    Raises UserError where the scene has no clock, or not this block, or where the product of no two blocks is this one.
    """
    if PROPERTY not in scene.keys():  # noqa: SIM118
        raise UserError(f"The scene {scene.name} has no clock.", "Choose a generated scene.", 2)
    if scene.objects.get(block.name) != block:
        raise UserError(f"{block.name} is not in the scene {scene.name}.", "Give the scene that it is in.", 2)
    if not can_count_up(block):
        raise UserError(f"{block.name} is no result of a multiply that is drawn cell by cell.", "Choose another.", 2)
    # Of blocks with the same numbers the one that is in play meanwhile: a fold copies what it turns.
    beside = sorted((item for item in scene.objects if _beside(item, block)), key=lambda item: not _used(item, block))
    blocks = {item.name: item for item in beside}
    found = find_product(_numbers(block), {name: _numbers(item) for name, item in blocks.items()})
    if found is None:
        hint = "Choose one whose operands are drawn whole: later tokens' rows and elided blocks are not."
        raise UserError(f"The numbers of {block.name} are the product of no two blocks here.", hint, 2)
    if PARTIAL_SUMS not in block.modifiers:
        _keep(block, found.sums)
        _count_up(scene, block, len(found.sums) - 1, found.bias is not None)
    _in_order_of_k(block, blocks[found.left], blocks[found.right])
    return found


def can_count_up(block: bpy.types.Object) -> bool:
    """Whether that is the result of a multiply, drawn cell by cell."""
    operation = block.parent
    multiplied = operation is not None and operation.get("fp_kind") == "matmul"
    return bool(multiplied and block.get("fp_role") == "out" and block.get("fp_detail") == "cells")


def _beside(item: bpy.types.Object, block: bpy.types.Object) -> bool:
    """Whether that is another block of cells, of the same layer of the same run."""
    same = all(item.get(key) == block.get(key) for key in ("fp_layer", "fp_run"))
    return same and item != block and item.get("fp_detail") == "cells"


def _used(item: bpy.types.Object, block: bpy.types.Object) -> bool:
    """Whether that is first in play as an operand while the block fills."""
    start, duration, _side, _share = item[USE]
    return duration > 0 and start < block["fp_start"] + block["fp_duration"] and start + duration > block["fp_start"]


def _numbers(item: bpy.types.Object) -> NDArray[np.float32]:
    """What is drawn, [rows, columns]."""
    rows, columns = item["fp_shape"]
    values = np.empty(rows * columns, np.float32)
    item.data.attributes["value"].data.foreach_get("value", values)
    return values.reshape(rows, columns)


def _keep(block: bpy.types.Object, sums: NDArray[np.float32]) -> None:
    """The sums [n, i, j] and how the block looks with each of them from afar, as attributes of its mesh."""
    attributes: Any = block.data.attributes
    for name, domain, numbers in (
        ("sum", "FACE", sums),
        ("sum level", "POINT", [level_of(matrix, block["fp_high"]) for matrix in sums]),
    ):
        for i, matrix in enumerate(numbers):
            attributes.new(f"{name} {i}", "FLOAT", domain).data.foreach_set("value", matrix.ravel())


def _count_up(scene: bpy.types.Scene, block: bpy.types.Object, last: int, biased: bool) -> None:
    """The modifier that shows the sum which the story's time has reached, before those that give cells a body."""
    tree, n, into, out = geometry_tree(
        f"partial sums of {block.name}", "Counts up through the sums of a multiply", (GEOMETRY,), (GEOMETRY,)
    )
    node = n.add("ShaderNodeValue", name=COUNT, label=COUNT)
    added = node.outputs[0]
    below = n.math("FLOOR", added)
    shown = into["Geometry"]
    for kept, domain, names in (("sum", "FACE", ("value", "finite")), ("sum level", "POINT", ("level",))):
        first, next_one = _kept(n, kept, below), _kept(n, kept, n.math("ADD", below, 1.0))
        value = n.mix(n.math("SUBTRACT", added, below), first, next_one)
        for name in names:
            shown = n.store(shown, name, value, domain)
    running = n.math("MULTIPLY", n.math("GREATER_THAN", added, 0.0), n.less(added, float(last)))
    n.feed(out["Geometry"], n.choose(running, shown, into["Geometry"]))
    modifier: Any = block.modifiers.new(PARTIAL_SUMS, "NODES")
    modifier.node_group = tree
    block.modifiers.move(len(block.modifiers) - 1, 0)
    start, duration = block["fp_start"], block["fp_duration"]
    keys = [(start, 0.0), (start + duration, float(last))]
    if biased:
        keys.insert(1, (start + (1 - BIAS_SHARE) * duration, last - 1.0))
    drive(tree, f'nodes["{COUNT}"].outputs[0].default_value', -1, scene, keys)


def _kept(n: GeoNodes, name: str, number: Any) -> Any:
    """The field of the attribute of that name and number."""
    text = n.one("FunctionNodeValueToString", "String", {"Value": number, "Decimals": 0})
    join = n.add("GeometryNodeStringJoin")
    start = n.add("FunctionNodeInputString")
    start.string = f"{name} "
    for part in (text, start.outputs[0]):  # linked last comes first
        n.tree.links.new(part, join.inputs["Strings"])
    return n.one("GeometryNodeInputNamedAttribute", "Attribute", {"Name": join.outputs[0]}, data_type="FLOAT")


def _in_order_of_k(block: bpy.types.Object, left: bpy.types.Object, right: bpy.types.Object) -> None:
    """Says in the block and its operation that the sweep is `outer`, and lights up columns of L and rows of R."""
    block[PLAY] = [PLAY_STYLES["outer"], -1.0, 0.0, block[PLAY][3]]
    if block.parent is not None and block.parent.get("fp_sweep") is not None:
        block.parent["fp_sweep"] = "outer"
    for item, side in ((left, 1.0), (right, 0.0)):
        if _used(item, block) and item[AGAIN][1] == 0:
            item[USE] = [*list(item[USE])[:2], side, 0.0]
            item[PLAY] = [item[PLAY][0], -1.0, *list(item[PLAY])[2:]]
    block.update_tag()
