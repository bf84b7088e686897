# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's fields of the act at work. Nothing of them is kept: they read and write the scene's markers and clock."""

from __future__ import annotations

import bpy
from bpy.props import FloatProperty, IntProperty

from ..scene.acts import SceneAct, act_markers, acts_of, set_length


def owner_of(settings: bpy.types.PropertyGroup) -> bpy.types.Scene:
    """The scene whose fields these are."""
    assert isinstance(settings.id_data, bpy.types.Scene)
    return settings.id_data


def get_act(settings: bpy.types.PropertyGroup) -> int:
    """The place among the timeline's markers of the act that the current frame is in; -1 for none."""
    scene = owner_of(settings)
    here = [marker for marker in act_markers(scene) if marker.frame <= scene.frame_current]
    return list(scene.timeline_markers).index(here[-1]) if here else -1


def go_to_act(settings: bpy.types.PropertyGroup, place: int) -> None:
    """Goes to the marker at that place."""
    scene = owner_of(settings)
    if 0 <= place < len(scene.timeline_markers):
        scene.frame_set(scene.timeline_markers[place].frame)


def current_act(scene: bpy.types.Scene) -> SceneAct | None:
    """The act that the current frame is in."""
    return next((act for act in reversed(acts_of(scene)) if act.first <= scene.frame_current), None)


def get_act_length(settings: bpy.types.PropertyGroup) -> float:
    """Seconds of the act at work."""
    scene = owner_of(settings)
    act = current_act(scene)
    return 0.0 if act is None else (act.last - act.first) * scene.render.fps_base / scene.render.fps


def set_act_length(settings: bpy.types.PropertyGroup, seconds: float) -> None:
    """Makes the act at work that long; one that is left out stays so."""
    scene = owner_of(settings)
    act = current_act(scene)
    if act is not None and act.on:
        set_length(scene, act.index, round(seconds * scene.render.fps / scene.render.fps_base))


class ActFields:
    """Which act is at work, and how long it is."""

    act: IntProperty(  # type: ignore[valid-type]
        name="Act",
        description="The act at work. Click one to go to its beginning",
        get=get_act,
        set=go_to_act,
        options={"SKIP_SAVE"},
    )
    act_length: FloatProperty(  # type: ignore[valid-type]
        name="Length",
        description="Seconds that this act takes. Moves the keys of the scene's clock, and all that comes later",
        get=get_act_length,
        set=set_act_length,
        min=0.05,
        soft_max=60.0,
        subtype="TIME_ABSOLUTE",
        options={"SKIP_SAVE"},
    )
