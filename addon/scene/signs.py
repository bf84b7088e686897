# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs on poles that keep their size on screen, however far the camera goes."""

from __future__ import annotations

from typing import Any

import bpy
from mathutils import Matrix

from ..core.pull_back import frame_height, seen_at
from ..core.scale_signs import Sign
from ..core.story_scale import ScalePlan
from .clock import drive
from .materials import Materials
from .merge import Line, Piece, Shape, Shapes, merge
from .overlay import rounded
from .text import during, width_of

POLE = 0.0022  # width of a pole


def add_signs(
    scene: bpy.types.Scene,
    plan: ScalePlan,
    camera: bpy.types.Object,
    collection: bpy.types.Collection,
    materials: Materials,
    font: bpy.types.VectorFont | None,
    shapes: Shapes,
) -> None:
    """Add all signs: each an empty that faces the camera and whose unit is the frame's height, with its pole and its
    words under it. Both follow the clock."""
    for sign in plan.signs:
        foot = bpy.data.objects.new(f"sign {sign.name}", None)
        foot.empty_display_size = 0.02
        foot.location = sign.foot
        facing: Any = foot.constraints.new("COPY_ROTATION")
        facing.target = camera
        collection.objects.link(foot)
        depths = [(key, float(seen_at([sign.foot], key, plan.aspect)[0, 2])) for key in plan.keys]
        # Behind the camera a sign is nowhere; a size of its own keeps its matrix sound.
        sizes = [(key.second, frame_height(key, max(depth, 1e-3), plan.aspect)) for key, depth in depths]
        for axis in range(3):
            drive(foot, "scale", axis, scene, sizes)
        for item in _parts(scene, sign, materials, font, shapes):
            item.parent = foot
            collection.objects.link(item)


def _parts(
    scene: bpy.types.Scene, sign: Sign, materials: Materials, font: bpy.types.VectorFont | None, shapes: Shapes
) -> list[bpy.types.Object]:
    """The pole, and what it carries, in frame heights above its foot."""
    size = sign.size
    square = Shape.polygon([(-POLE / 2, 0.0, 0.0), (POLE / 2, 0.0, 0.0), (POLE / 2, 1.0, 0.0), (-POLE / 2, 1.0, 0.0)])
    shaft = during(
        Piece(f"pole {sign.name}", square, "secondary", materials.overlay), sign.start, sign.end - sign.start
    )
    pole = merge(shaft.name, [(shaft, Matrix.Identity(4))], materials.overlay, shapes)
    drive(pole, "scale", 1, scene, sign.rises, "BEZIER")
    name, count = width_of(sign.name, size), width_of(sign.count, size)
    gap, width = 0.45 * size, name + count + 1.2 * size
    height = 0.95 * size
    back = rounded(f"sign {sign.name} back", width, height, 0.2 * size, "pill", materials.halo)
    words = merge(
        back.name,
        [(during(back, sign.start, sign.end - sign.start), Matrix.Translation((width / 2, 0.0, -1e-4)))],
        materials.halo,
        shapes,
    )
    texts = [
        (Piece(sign.name, Line(sign.name, size, font, "LEFT"), "text", materials.overlay), 0.35 * size),
        (Piece(sign.count, Line(sign.count, size, font, "LEFT"), "token", materials.overlay), 0.35 * size + name + gap),
    ]
    pieces = [
        (during(piece, sign.start, sign.end - sign.start), Matrix.Translation((x, 0.0, 0.0))) for piece, x in texts
    ]
    letters = merge(f"sign {sign.name} words", pieces, materials.overlay, shapes)
    for item in (words, letters):
        drive(item, "location", 1, scene, sign.rises, "BEZIER")
    letters.location.z = 1e-3
    return [pole, words, letters]
