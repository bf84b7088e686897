# SPDX-License-Identifier: GPL-3.0-or-later
"""The light that runs through the model: over the residual stream, and over the floor of every section as it passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import bpy
import numpy as np

from ..core.layout import Layout
from ..core.pulse import LightWay, light_way, places
from ..core.story import Pulse
from ..core.theme import PALETTE
from .cell_group import object_one
from .clock import drive
from .compat import enable_nodes
from .groups import Groups
from .nodes import Nodes, named

AT = "fp_pulse"  # how far the light has come: a property of what it shines on
ALONG, BRIGHT = "along", "level"  # attributes of its points: where the light passes them, and how bright it is there
HEAD, TRAIL = 0.012, 0.13  # of the way: how far it shines ahead, and after how much of it a third is left
GLOW, FLOOR = 4.0, 0.18  # half the width of the glow in widths of the stream; brightness on the floor of a section
ABOVE = 0.12  # units over what it shines on

Point = tuple[float, float, float]


def make_pulse(
    scene: bpy.types.Scene, layout: Layout, pulses: Sequence[Pulse], groups: Groups
) -> Iterator[bpy.types.Object]:
    """What the light is seen on, one object; none where there is no light or no stream for it to run along."""
    way = light_way(layout) if pulses else None
    if way is None:
        return
    sheet = _Sheet()
    _on_stream(sheet, way)
    for plate, first, last in way.sections:
        (x0, y0), (x1, y1), z = plate.low, plate.high, plate.z + ABOVE
        sheet.quad(((x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)), (first, last, last, first), (FLOOR,) * 4)
    item = bpy.data.objects.new("pulse", sheet.mesh(_material(groups)))
    item.pass_index = PALETTE.index("token")
    item.hide_select = True  # it lies over the floor, mostly unseen
    item[AT] = -1.0
    keys = places(pulses)
    ways = ["CONSTANT" if stays else "LINEAR" for _second, _share, stays in keys]
    drive(item, f'["{AT}"]', -1, scene, [(second, share) for second, share, _stays in keys], ways)
    yield item


@dataclass
class _Sheet:
    """Quads that do not share points, with two numbers at each."""

    points: list[Point] = field(default_factory=list)
    along: list[float] = field(default_factory=list)
    bright: list[float] = field(default_factory=list)

    def quad(self, corners: Sequence[Point], along: Sequence[float], bright: Sequence[float]) -> None:
        self.points += corners
        self.along += along
        self.bright += bright

    def mesh(self, material: bpy.types.Material) -> bpy.types.Mesh:
        mesh = bpy.data.meshes.new("pulse")
        mesh.from_pydata(self.points, [], [tuple(range(i, i + 4)) for i in range(0, len(self.points), 4)])
        for name, values in ((ALONG, self.along), (BRIGHT, self.bright)):
            numbers: Any = mesh.attributes.new(name, "FLOAT", "POINT")
            numbers.data.foreach_set("value", np.array(values, np.float32))
        mesh.materials.append(material)
        return mesh


def _on_stream(sheet: _Sheet, way: LightWay) -> None:
    """The stream itself, bright, and a glow that fades to both sides of it."""
    half = way.width / 2
    across = ((-half * GLOW, -half), (-half, half), (half, half * GLOW))
    for (a, first), (b, last) in pairwise(way.points):
        step = np.array(b) - np.array(a)
        length = float(np.hypot(step[0], step[1]))
        side = np.array([-step[1], step[0], 0.0]) / max(length, 1e-9)
        for (low, high), levels in zip(across, ((0.0, 0.4), (1.0, 1.0), (0.4, 0.0)), strict=True):
            corners = [
                np.array(end) + out * side + (0, 0, ABOVE) for end, out in ((a, low), (b, low), (b, high), (a, high))
            ]
            placed = [(float(x), float(y), float(z)) for x, y, z in corners]
            sheet.quad(placed, (first, last, last, first), (levels[0], levels[0], levels[1], levels[1]))


def _material(groups: Groups) -> bpy.types.Material:
    """Light in the hue of the tokens: a sharp front, and a trail that dies away behind it."""
    material = bpy.data.materials.new("FP Pulse")
    n = Nodes(enable_nodes(material))
    passed = n.math("SUBTRACT", object_one(n, AT), named(n.attribute(ALONG).outputs, "Fac"))
    front = n.smoothstep(passed, -HEAD, 0.0)
    trail = n.math("EXPONENT", n.math("DIVIDE", n.math("MAXIMUM", passed, 0.0), -TRAIL))
    bright = n.math("MULTIPLY", named(n.attribute(BRIGHT).outputs, "Fac"), n.math("MULTIPLY", front, trail))
    hue = n.group(groups.palette, Number=named(n.add("ShaderNodeObjectInfo").outputs, "Object Index"))["Color"]
    strength = n.math("MULTIPLY_ADD", n.group(groups.look)["Glow"], 0.35, 1.0)
    output = n.add("ShaderNodeOutputMaterial")
    n.feed(named(output.inputs, "Surface"), n.emission(hue, strength, bright))
    material.use_backface_culling = False
    material.surface_render_method = "BLENDED"
    return material
