# SPDX-License-Identifier: GPL-3.0-or-later
"""The materials of what is written and drawn over the model: texts, lines, the legend's bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ..core.names import LEAST_SCALE, TARGET
from .cell_group import object_one
from .groups import Groups
from .merge import HUE, INK
from .nodes import Nodes, named
from .surfaces import finish, gone, new_material

ANCHOR, SHOTS, MOST = "fp_anchor", "fp_shots", "fp_most"  # of a name: see scene.labels
NAMES, VIEW = 'camera.data["fp_names"]', 'camera.data["fp_view"]'  # which names are shown, how large: scene.camera


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


def ink_material(groups: Groups, name: str, fade: bool) -> bpy.types.Material:
    """Text and lines in a colour of the palette (`pass_index`), shown during the object's window of time.

    With `fade`, labels that are too small or too large on screen go: their height is the object property `fp_size`.
    """
    material, n = new_material(name)
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
    finish(n, material, ink.hue, 1.0, alpha, gone(n, ink.there))
    material.surface_render_method = "BLENDED"
    return material


def name_material(groups: Groups) -> bpy.types.Material:
    """Names in the world, each in the poses of the camera whose bits it has, at about one size on screen. Under a
    camera that tells nothing of poses all names are there as they lie."""
    material, n = new_material("FP Label")
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
    finish(n, material, ink.hue, 1.0, shown, n.vector("SCALE", away, scale=n.math("SUBTRACT", scale, 1.0)))
    material.surface_render_method = "BLENDED"
    return material


def halo_material(groups: Groups) -> bpy.types.Material:
    """The background's own colour behind overlay text, so that it reads over anything."""
    material, n = new_material("FP Halo")
    ink = _read_ink(n, groups)
    edge = n.group(groups.backdrop)["Edge"]
    finish(n, material, edge, 1.0, n.math("MULTIPLY", ink.shown, 0.85), gone(n, ink.there))
    material.surface_render_method = "BLENDED"
    return material


def legend_material(groups: Groups) -> bpy.types.Material:
    """The legend's bar: the diverging map from left to right."""
    material, n = new_material("FP Legend")
    u, _v, _w = n.separate(named(n.add("ShaderNodeUVMap", uv_map="cells").outputs, "UV"))
    signed = n.group(groups.diverging, Place=u)["Color"]
    positive = n.group(groups.sequential, Place=n.math("SQRT", u))["Color"]
    ink = _read_ink(n, groups)
    color = n.blend(ink.size, signed, positive)
    finish(n, material, color, 1.0, ink.shown, gone(n, ink.there))
    material.surface_render_method = "BLENDED"
    return material
