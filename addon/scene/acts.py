# SPDX-License-Identifier: GPL-3.0-or-later
"""The acts of a built scene: where each begins, how long it lasts, and leaving one out.

All of it is keys of the one clock and the timeline's markers, so that it holds without the add-on, and keys that were
moved by hand stay where they are within their act.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ..core.retime import Stretch
from .clock import PATH

NAMES = "fp_acts"  # the acts' names in order, a line each: other markers are the creator's own
OFF = "fp_acts_off"  # number of an act that is left out -> the frames that it had
LEFT_OUT = 1  # frames that an act keeps when it is left out: the clock must get from its beginning to its end


@dataclass(frozen=True)
class SceneAct:
    """An act by its number, from frame `first` to before frame `last`; `on` unless it is left out."""

    index: int
    name: str
    first: int
    last: int
    on: bool


def name_acts(scene: bpy.types.Scene) -> None:
    """Notes which markers are acts, where that is not noted: those that are there now."""
    if NAMES not in scene.keys():  # noqa: SIM118
        markers = sorted(scene.timeline_markers, key=lambda marker: marker.frame)
        scene[NAMES] = "\n".join(marker.name for marker in markers)


def act_markers(scene: bpy.types.Scene) -> list[bpy.types.TimelineMarker]:
    """The markers of the acts, in order; an act whose marker was removed is not among them."""
    markers = sorted(scene.timeline_markers, key=lambda marker: marker.frame)
    if NAMES not in scene.keys():  # noqa: SIM118
        return markers
    found = []
    for name in str(scene[NAMES]).split("\n"):
        marker = next((marker for marker in markers if marker.name == name), None)
        if marker is not None:
            found.append(marker)
            markers.remove(marker)
    return sorted(found, key=lambda marker: marker.frame)


def acts_of(scene: bpy.types.Scene) -> tuple[SceneAct, ...]:
    """The acts in order."""
    markers = act_markers(scene)
    ends = [marker.frame for marker in markers[1:]] + [scene.frame_end]
    off = scene.get(OFF, {})
    return tuple(
        SceneAct(i, marker.name, marker.frame, max(end, marker.frame), str(i) not in off)
        for i, (marker, end) in enumerate(zip(markers, ends, strict=True))
    )


def set_length(scene: bpy.types.Scene, index: int, frames: int) -> None:
    """Makes an act `frames` long (1 or more); the later ones move along."""
    act = acts_of(scene)[index]
    curve = clock_curve(scene)
    if curve is None or act.last <= act.first:
        return
    stretch = Stretch(act.first, act.last, max(frames, LEFT_OUT))
    for frame in (act.first, act.last):
        _key_at(curve, frame)
    for point in curve.keyframe_points:
        for part in (point.handle_left, point.handle_right, point.co):
            part.x = stretch(part.x)
    curve.update()
    for marker in scene.timeline_markers:
        marker.frame = round(stretch(marker.frame))
    current = round(stretch(scene.frame_current))
    scene.frame_end = round(stretch(scene.frame_end))
    scene.frame_set(min(max(current, scene.frame_start), scene.frame_end))


def switch_act(scene: bpy.types.Scene, index: int, on: bool) -> None:
    """Leaves an act out, or takes it in again as long as it was. What it would have shown is there when it is left
    out."""
    act = acts_of(scene)[index]
    if act.on == on:
        return
    off = dict(scene.get(OFF, {}))
    frames = LEFT_OUT if not on else int(off.pop(str(index)))
    if not on:
        off[str(index)] = act.last - act.first
    scene[OFF] = off
    set_length(scene, index, frames)


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


def _key_at(curve: Any, frame: int) -> None:
    """A key at that frame, where the curve passes it; as linear as the clock is."""
    if not any(abs(point.co.x - frame) < 1e-3 for point in curve.keyframe_points):
        point = curve.keyframe_points.insert(frame, curve.evaluate(frame), options={"FAST"})
        point.interpolation = "LINEAR"
        curve.update()
