# SPDX-License-Identifier: GPL-3.0-or-later
"""The light of what stands, on the floor before it: a little from the beginning, most while numbers come out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np

from ..core.glow import LEVELS, patches
from ..core.layout import Block
from ..core.story import Fill
from .groups import Groups
from .merge import HUE
from .nodes import named
from .surfaces import finish, new_material

LEVEL, TIMES = "level", "times"  # attributes of its points: how bright it is there; when the fence fills, and how long
EMPTY, FULL, WORKING = 0.06, 0.12, 0.30  # how much of the floor it covers: always, from its start on, while it fills
FADE, AFTERGLOW = 0.3, 1.6  # seconds


def make_glow(blocks: Iterable[Block], fills: Iterable[Fill], groups: Groups) -> list[bpy.types.Object]:
    """All of it as one object; none where nothing stands."""
    found = list(patches(blocks, {fill.block: fill for fill in fills}))
    if not found:
        return []
    points = np.concatenate([patch.corners.reshape(-1, 3) for patch in found])
    mesh = bpy.data.meshes.new("glow")
    mesh.from_pydata(points.tolist(), [], np.arange(len(points)).reshape(-1, 4).tolist())
    each = np.size(LEVELS)
    numbers = {
        LEVEL: np.tile(np.ravel(LEVELS), len(found)),
        HUE: np.repeat([float(patch.hue) for patch in found], each),
        TIMES: np.repeat([(patch.start, patch.duration, 0.0) for patch in found], each, axis=0),
    }
    attributes: Any = mesh.attributes
    for name, values in numbers.items():
        kind, key = ("FLOAT_VECTOR", "vector") if values.ndim > 1 else ("FLOAT", "value")
        attributes.new(name, kind, "POINT").data.foreach_set(key, values.astype(np.float32).ravel())
    mesh.materials.append(_material(groups))
    item = bpy.data.objects.new(mesh.name, mesh)
    item.hide_select = True  # it lies over the floor, mostly unseen
    return [item]


def _material(groups: Groups) -> bpy.types.Material:
    """The hue of what stands, over the floor."""
    material, n = new_material("FP Glow")
    start, duration, _none = n.separate(named(n.attribute(TIMES).outputs, "Vector"))
    since = n.math("SUBTRACT", n.group(groups.clock)["Time"], start)
    begun = n.math("DIVIDE", since, FADE, clamp=True)
    past = n.math("DIVIDE", n.math("SUBTRACT", since, duration), AFTERGLOW, clamp=True)
    working = n.math("SUBTRACT", 1.0, past)
    bright = n.math("MULTIPLY", n.math("MULTIPLY_ADD", working, WORKING, FULL), begun)
    level = named(n.attribute(LEVEL).outputs, "Fac")
    falls = n.math("MULTIPLY", n.math("MULTIPLY", level, level), level)
    alpha = n.math("MULTIPLY", falls, n.math("ADD", bright, EMPTY))
    hue = n.group(groups.palette, Number=named(n.attribute(HUE).outputs, "Fac"))["Color"]
    finish(n, material, hue, 1.0, alpha)
    material.surface_render_method = "BLENDED"
    return material
