# SPDX-License-Identifier: GPL-3.0-or-later
"""The empty that drives a multiply: its properties, and the node groups through which modifiers read them."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.matmul import ARRANGEMENTS, CELL_STYLES, STYLES
from .matmul_nodes import Socket, geometry_tree

SWEEP_AT = "fp_sweep_at"
PROPERTIES = {
    SWEEP_AT: (0.0, 1.0, "How far the multiply is: 0 nothing, 1 done"),
    "fp_style": (1, 5, "1 dot, 2 row, 3 column, 4 outer, 5 all"),
    "fp_first": (0, 1_000_000, "The step at which the sweep begins, from 0: cells of earlier ones stay empty"),
    "fp_fold": (0.0, 2.0, "0 box, 1 corner, 2 row, and anything between"),
    "fp_fan": (0.0, 1.0, "0: the boxes of all heads stand on each other, 1: side by side"),
    "fp_cells": (0, 2, "0 flat, 1 bars, 2 cubes"),
    "fp_labels": (0.0, 1.0, "How much of names and braces is seen"),
    "fp_formula": (0.0, 1.0, "How much of the running sum in numbers is seen"),
}
# Socket of the groups: property of the empty. What stands still while a sweep runs is not worked out anew for it.
MOVING = {"Sweep": SWEEP_AT, "Style": "fp_style", "First": "fp_first", "Formula": "fp_formula"}
STANDING = {"Fold": "fp_fold", "Fan": "fp_fan", "Cells": "fp_cells", "Labels": "fp_labels"}


def make_empty(
    name: str, where: bpy.types.Collection, style: str, arrangement: str, cell_style: str
) -> bpy.types.Object:
    """The empty in `where`, with its properties at the beginning of a sweep and what the scene contract asks of it."""
    empty = bpy.data.objects.new(name, None)
    empty.empty_display_size = 1.0
    values: dict[str, float | int] = {
        SWEEP_AT: 0.0,
        "fp_style": STYLES[style],
        "fp_first": 0,
        "fp_fold": ARRANGEMENTS[arrangement],
        "fp_fan": 0.0,
        "fp_cells": CELL_STYLES[cell_style],
        "fp_labels": 1.0,
        "fp_formula": 1.0,
    }
    for key, value in values.items():
        low, high, description = PROPERTIES[key]
        empty[key] = value
        ui: Any = empty.id_properties_ui(key)  # type: ignore[func-returns-value]
        ui.update(min=low, max=high, description=description)
    empty["fp_operation"], empty["fp_kind"], empty["fp_sweep"] = -1, "matmul", style
    empty["fp_start"], empty["fp_duration"] = 0.0, 0.0
    where.objects.link(empty)
    return empty


def numbers_tree(empty: bpy.types.Object, part: tuple[float, float], properties: dict[str, str]) -> Any:
    """The node group through which a multiply's modifiers read properties of the empty: socket to property."""
    outputs = [Socket(name, "Float", PROPERTIES[key][2]) for name, key in properties.items()]
    tree, n, _into, out = geometry_tree(f"numbers of {empty.name}", "What drives this multiply", (), outputs)
    for name, key in properties.items():
        value = n.add("ShaderNodeValue", name=name, label=key)
        value.outputs[0].default_value = float(empty[key])
        _follow(tree, f'nodes["{name}"].outputs[0].default_value', empty, key)
        socket = value.outputs[0]
        if name == "Sweep":
            start, end = part
            socket = n.math("DIVIDE", n.math("SUBTRACT", socket, start), end - start, clamp=True)
        n.feed(out[name], socket)
    return tree


def _follow(owner: Any, path: str, empty: bpy.types.Object, key: str) -> None:
    """A driver that needs no permission: the sum of one property."""
    driver = owner.driver_add(path).driver
    driver.type = "SUM"
    variable = driver.variables.new()
    variable.type = "SINGLE_PROP"
    target = variable.targets[0]
    target.id_type, target.id, target.data_path = "OBJECT", empty, f'["{key}"]'
