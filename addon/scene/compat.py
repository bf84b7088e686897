# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that asks which Blender this is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy


def eevee() -> Any:
    """The id of the EEVEE engine."""
    return "BLENDER_EEVEE_NEXT" if bpy.app.version < (5, 0, 0) else "BLENDER_EEVEE"


def enable_nodes(owner: Any) -> bpy.types.NodeTree:
    """The empty node tree of a material or world. From 5.0 on they always have one, before it is switched on."""
    if owner.node_tree is None or bpy.app.version < (5, 0, 0):
        owner.use_nodes = True
    owner.node_tree.nodes.clear()
    return owner.node_tree


def key_curve(
    owner: bpy.types.ID, path: str, index: int, keys: Sequence[tuple[float, float]], interpolation: str
) -> None:
    """An ordinary F-curve on `owner`: `keys` are (frame, value). Replaces the curve that was there."""
    data = owner.animation_data_create()
    if data.action is None:
        data.action = bpy.data.actions.new(f"{owner.name} keys")
    action = data.action
    if data.action_slot is None:
        data.action_slot = action.slots.new(id_type=owner.id_type, name=owner.name)
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip: Any = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    curves = strip.channelbag(data.action_slot, ensure=True).fcurves
    old = curves.find(path, index=index)
    if old is not None:
        curves.remove(old)
    curve = curves.new(path, index=index)
    curve.keyframe_points.add(len(keys))
    for point, (frame, value) in zip(curve.keyframe_points, keys, strict=True):
        point.co = (frame, value)
        point.interpolation = interpolation
    curve.update()


def set_modifier_input(modifier: Any, identifier: str, value: Any) -> None:
    """Set an input of a geometry nodes modifier, by the identifier of its socket."""
    if bpy.app.version < (5, 2, 0):
        modifier[identifier] = value
    else:
        getattr(modifier.properties.inputs, identifier).value = value


def modifier_input(modifier: Any, identifier: str) -> Any:
    """An input of a geometry nodes modifier."""
    if bpy.app.version < (5, 2, 0):
        return modifier[identifier]
    return getattr(modifier.properties.inputs, identifier).value
