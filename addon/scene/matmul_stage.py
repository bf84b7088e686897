# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage for multiplies in a scene of their own: the backdrop, a camera that sees them whole, plain colours."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ..core.camera import fit
from ..core.matmul import ARRANGEMENTS
from ..core.theme import theme as find_theme
from .contract import plain_settings
from .furniture import make_world
from .groups import make_groups

VIEWS = {  # of every arrangement: azimuth, elevation, lens
    "box": (30.0, 38.0, 70.0),
    "corner": (0.0, 0.0, 70.0),
    "row": (0.0, 0.0, 70.0),
}


def make_matmul_stage(
    scene: bpy.types.Scene,
    empty: bpy.types.Object,
    *,
    theme: str = "midnight",
    size: tuple[int, int] = (1280, 720),
    view: tuple[float, float, float] | None = None,
    margin: float = 0.06,
) -> bpy.types.Object:
    """Give a scene with a multiply its backdrop, settings and camera; returns the camera.

    The camera sees everything that the multiply shows now, with that share of the frame left free on every side.
    `view` is azimuth and elevation in degrees and the lens in millimetres: by default what suits the arrangement.
    """
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    plain_settings(scene)
    make_world(scene, make_groups(find_theme(theme)))
    if scene.camera is None:
        data = bpy.data.cameras.new("Multiply Camera")
        data.sensor_width = 36.0
        data.clip_end = 10_000.0
        scene.camera = bpy.data.objects.new(data.name, data)
        scene.collection.objects.link(scene.camera)
    fold = float(empty["fp_fold"])
    nearest = min(ARRANGEMENTS, key=lambda name: abs(ARRANGEMENTS[name] - fold))
    azimuth, elevation, lens = view or VIEWS[nearest]
    scene.camera.data.lens = lens
    # What faces the camera moves as the camera does: after a few turns both have settled.
    for _turn in range(3):
        pose = fit(_points(empty), azimuth, elevation, lens, size[0] / size[1], margin)
        axes: Any = (pose.right, pose.up, tuple(-x for x in pose.forward))
        world = Matrix(axes).transposed().to_4x4()
        world.translation = pose.location
        scene.camera.matrix_world = world
        scene.camera.data.clip_start = pose.distance * 0.05
        bpy.context.view_layer.update()
    return scene.camera


def _points(empty: bpy.types.Object) -> Any:
    """The corners of what every object of a multiply shows, [n, 3]; shadows are left out."""
    graph = bpy.context.evaluated_depsgraph_get()
    found = []
    for item in empty.children_recursive:
        if item.type != "MESH":
            continue
        shown: Any = item.evaluated_get(graph)
        mesh = shown.data
        points = np.empty(3 * len(mesh.vertices), np.float32)
        mesh.attributes["position"].data.foreach_get("vector", points)
        points = points.reshape(-1, 3)
        if "fp_shadow" in mesh.attributes:
            shadow = np.empty(3 * len(mesh.vertices), np.float32)
            mesh.attributes["fp_shadow"].data.foreach_get("vector", shadow)
            points = points[~shadow.reshape(-1, 3).any(1)]
        world = np.array(shown.matrix_world)
        found.append(points @ world[:3, :3].T + world[:3, 3])
    return np.concatenate(found)
