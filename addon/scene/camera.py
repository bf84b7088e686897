# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera and its rig: target, orbit and boom follow the clock; the camera's own channels stay free for people."""

from __future__ import annotations

import math

import bpy

from ..core.shots import Key
from .clock import drive

NEAR = 0.06  # clip start as a share of the distance: nearer, depth ties make blocks flicker
FAR, BEYOND = 100_000.0, 12.0  # clip end, in units, and in the largest distance where that is more
OVERLAY = 1.4  # where the overlays float, in clip starts


def make_camera(
    scene: bpy.types.Scene,
    track: tuple[Key, ...],
    size: tuple[int, int],
    collection: bpy.types.Collection,
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
    # Room for the captions: a shift of the lens lifts what is seen, and the overlays have to follow it.
    drive(data, "shift_y", -1, scene, [(k.second, -k.lift * height / max(width, height)) for k in track])
    lifts = [k.lift for k in track]
    shift = [(s, -lift * h * d) for s, lift, h, d in zip(seconds, lifts, heights, depths, strict=True)]
    drive(overlay, "location", 1, scene, shift)
    return camera, overlay
