# SPDX-License-Identifier: GPL-3.0-or-later
"""The one clock: `scene["fp_time"]`, seconds of story time, keyframed; everything else reads it.

Materials read it through the node group "FP Clock", as an attribute of the scene that is rendered: a driver there would
make Blender go through every object at every frame. Object channels read it through drivers whose own curve maps story
seconds to the channel's value, so retiming the clock retimes the video. A driver of type
SUM needs no script permission: a saved scene plays without the add-on and with auto-run off. The clock runs evenly and
has a key where each act begins: moved along the frames, it takes what happens and what is read there with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import bpy

from ..core.retime import NEAR, Key
from .compat import key_curve
from .nodes import Nodes, named

PROPERTY = "fp_time"
PATH = f'["{PROPERTY}"]'
GROUP = "FP Clock"
STYLE = (  # of a key, besides where it and its handles are
    "interpolation",
    "easing",
    "handle_left_type",
    "handle_right_type",
    "type",
    "back",
    "amplitude",
    "period",
)


def key_clock(scene: bpy.types.Scene, duration: float, fps: float, starts: Iterable[float] = ()) -> None:
    """Give the scene its clock: frame 1 is second 0, running evenly for `duration` seconds, with keys at `starts`."""
    last = 1 + round(duration * fps)
    scene[PROPERTY] = 0.0
    frames = sorted({1, last, *(frame for start in starts if 1 < (frame := 1 + round(start * fps)) < last)})
    key_curve(scene, PATH, 0, [(float(frame), (frame - 1) / fps) for frame in frames], "LINEAR")
    scene.frame_start, scene.frame_end = 1, last


def clock_curve(scene: bpy.types.Scene) -> Any:
    """The F-curve of the clock; None where somebody removed it."""
    data = scene.animation_data
    if data is None or data.action is None or data.action_slot is None:
        return None
    for layer in data.action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(data.action_slot)  # type: ignore[attr-defined]
            curve = None if bag is None else bag.fcurves.find(PATH)
            if curve is not None:
                return curve
    return None


def key_at(curve: Any, frame: float) -> None:
    """A key at that frame, where the curve passes it; as linear as the clock is."""
    if not any(abs(point.co.x - frame) < NEAR for point in curve.keyframe_points):
        point = curve.keyframe_points.insert(frame, curve.evaluate(frame), options={"FAST"})
        point.interpolation = "LINEAR"
        curve.update()


def keys_of(curve: Any) -> list[Key]:
    """All keys of an F-curve, in order."""
    return [
        Key(
            tuple(point.co),
            tuple(point.handle_left),
            tuple(point.handle_right),
            {name: getattr(point, name) for name in STYLE},
        )
        for point in curve.keyframe_points
    ]


def put_keys(curve: Any, keys: Sequence[Key]) -> None:
    """Gives an F-curve these keys and no others."""
    points = curve.keyframe_points
    while len(points) > len(keys):
        points.remove(points[len(points) - 1], fast=True)
    points.add(len(keys) - len(points))
    for point, key in zip(points, keys, strict=True):
        for name, value in key.style.items():
            setattr(point, name, value)
        point.co, point.handle_left, point.handle_right = key.at, key.left, key.right
    curve.update()


def follow_clock(curve: Any, scene: bpy.types.Scene) -> None:
    """Make a driver's input the story time."""
    driver = curve.driver
    driver.type = "SUM"
    variable = driver.variables.new()
    variable.type = "SINGLE_PROP"
    variable.targets[0].id_type = "SCENE"
    variable.targets[0].id = scene
    variable.targets[0].data_path = PATH


def drive(
    owner: bpy.types.ID,
    path: str,
    index: int,
    scene: bpy.types.Scene,
    keys: Sequence[tuple[float, float]],
    interpolation: str | Sequence[str] = "LINEAR",
) -> None:
    """Drive a channel of `owner` by the clock: `keys` are (story second, value), in order.

    `index` is the channel of an array property, or -1 for a single value; `interpolation` is that after every key, or
    after each of them.
    """
    curve = owner.driver_add(path, index) if index >= 0 else owner.driver_add(path)
    follow_clock(curve, scene)
    # Blender 4.5 starts a driver with a generator modifier, 5.0 with two keyframes: both stand for "as it is".
    for modifier in list(curve.modifiers):
        curve.modifiers.remove(modifier)
    points = curve.keyframe_points
    while len(points) > len(keys):
        points.remove(points[len(points) - 1])
    points.add(len(keys) - len(points))
    ways = [interpolation] * len(keys) if isinstance(interpolation, str) else interpolation
    for point, (second, value), way in zip(points, keys, ways, strict=True):
        point.co = (second, value)
        point.interpolation = way
    curve.update()


def clock_group() -> bpy.types.NodeTree:
    """The shader node group with one output, "Time": the story time of the scene that is rendered."""
    tree = bpy.data.node_groups.new(GROUP, "ShaderNodeTree")
    tree.description = "Story time in seconds, from the scene's property fp_time"
    tree.interface.new_socket("Time", in_out="OUTPUT", socket_type="NodeSocketFloat")
    nodes = Nodes(tree)
    nodes.feed(named(nodes.add("NodeGroupOutput").inputs, "Time"), nodes.scene_value(PROPERTY))
    return tree
