# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera and its rig: target, orbit and boom follow the clock; the camera's own channels stay free for people."""

from __future__ import annotations

import math

import bpy

from ..core.names import Showing, view_height
from ..core.shots import Key
from .clock import drive

NEAR = 0.06  # clip start as a share of the distance: nearer, depth ties make blocks flicker
FAR, BEYOND = 100_000.0, 12.0  # clip end, in units, and in the largest distance where that is more
NAMES, VIEW = "fp_names", "fp_view"  # of the camera's data, read by the names' material
OVERLAY = 1.4  # where the overlays float, in clip starts


def make_camera(
    scene: bpy.types.Scene,
    track: tuple[Key, ...],
    size: tuple[int, int],
    collection: bpy.types.Collection,
    names: Showing | None = None,
) -> tuple[bpy.types.Object, bpy.types.Object]:
    """The camera on its rig, and the empty that holds the overlays.

    Overlay children live in frame heights: (0, 0) is the middle of the frame, y = 0.5 its top.
    """
    rig = bpy.data.objects.new("Camera Rig", None)
    boom = bpy.data.objects.new("Camera Boom", None)
    data = bpy.data.cameras.new("Camera")
    camera = bpy.data.objects.new("Camera", data)
    overlay = bpy.data.objects.new("Overlays", None)
    for item, parent in ((rig, None), (boom, rig), (camera, boom), (overlay, camera)):
        item.parent = parent
        collection.objects.link(item)
    for empty in (rig, boom, overlay):
        empty.empty_display_size = 0.01
    scene.camera = camera
    data.sensor_width = data.sensor_height = 36.0
    data.sensor_fit = "AUTO"
    data.clip_end = max(FAR, BEYOND * max(key.distance for key in track))
    width, height = size

    seconds = [key.second for key in track]
    for axis in range(3):
        drive(rig, "location", axis, scene, [(k.second, k.target[axis]) for k in track])
    drive(rig, "rotation_euler", 0, scene, [(k.second, math.radians(90.0 - k.elevation)) for k in track])
    drive(rig, "rotation_euler", 2, scene, [(k.second, math.radians(k.azimuth)) for k in track])
    drive(boom, "location", 2, scene, [(k.second, k.distance) for k in track])
    drive(data, "lens", -1, scene, [(k.second, k.lens) for k in track])
    drive(data, "clip_start", -1, scene, [(k.second, k.distance * NEAR) for k in track])

    heights = [36.0 / k.lens * height / max(width, height) for k in track]
    depths = [k.distance * NEAR * OVERLAY for k in track]
    # In depth too: what lies one behind the other there must stay so in numbers of any size.
    for axis in range(3):
        drive(overlay, "scale", axis, scene, [(s, h * d) for s, h, d in zip(seconds, heights, depths, strict=True)])
    drive(overlay, "location", 2, scene, [(s, -d) for s, d in zip(seconds, depths, strict=True)])
    # Room for captions and cards: a shift of the lens moves what is seen, and the overlays have to follow it.
    longer = max(width, height)
    drive(data, "shift_x", -1, scene, [(k.second, -k.side * width / longer) for k in track])
    drive(data, "shift_y", -1, scene, [(k.second, -k.lift * height / longer) for k in track])
    for axis, shifts in ((0, [k.side * width / height for k in track]), (1, [k.lift for k in track])):
        ways = [(s, -shift * h * d) for s, shift, h, d in zip(seconds, shifts, heights, depths, strict=True)]
        drive(overlay, "location", axis, scene, ways)
    if names is not None:
        _tell_names(data, scene, track, size, names)
    return camera, overlay


def _tell_names(
    data: bpy.types.Camera, scene: bpy.types.Scene, track: tuple[Key, ...], size: tuple[int, int], names: Showing
) -> None:
    """What the names in the world read: where the bit of the camera's pose is, how much is shown of them (nothing
    in the middle of a move), and how many units high the picture is where the camera looks."""
    data[NAMES], data[VIEW] = [0.0, 1.0, 1.0], 1.0
    path = f'["{NAMES}"]'
    for i in (0, 1):
        drive(data, path, i, scene, [(second, float(place[i])) for second, place in names.places], "CONSTANT")
    drive(data, path, 2, scene, list(names.shown))
    aspect = size[0] / size[1]
    drive(data, f'["{VIEW}"]', -1, scene, [(k.second, view_height(k, aspect)) for k in track])
