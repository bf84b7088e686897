# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to an act of the generated scene: left out, taken in again, moved."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty

from ..scene.acts import acts_of, move_act, switch_act
from .act_fields import current_act
from .polls import can_change
from .properties import scene_of


class FORWARDPASS_OT_switch_act(bpy.types.Operator):
    """Leave this act out of the video, or take it in again. What it would have shown is there all the same"""

    bl_idname = "forward_pass.switch_act"
    bl_label = "Switch Act"
    bl_options = {"REGISTER", "UNDO"}

    act: IntProperty(name="Act", description="Its number, counted from 0", min=0)  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be acts."""
        return can_change(cls, context)

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """By keys of the scene's clock."""
        scene = scene_of(context)
        acts = acts_of(scene)
        if self.act >= len(acts):
            self.report({"WARNING"}, f"There is no act {self.act}")
            return {"CANCELLED"}
        act = acts[self.act]
        if act.on and sum(one.on for one in acts) == 1:
            self.report({"WARNING"}, "One act has to stay")
            return {"CANCELLED"}
        switch_act(scene, act.index, not act.on)
        return {"FINISHED"}


class FORWARDPASS_OT_move_act(bpy.types.Operator):
    """Move an act earlier or later. What it shows stays as it was: the clock of the scene jumps to it and back"""

    bl_idname = "forward_pass.move_act"
    bl_label = "Move Act"
    bl_options = {"REGISTER", "UNDO"}

    direction: EnumProperty(  # type: ignore[valid-type]
        name="Direction",
        description="Where it goes in the list of acts",
        items=(("UP", "Up", "Before the act that is before it"), ("DOWN", "Down", "After the act that is after it")),
    )
    act: IntProperty(  # type: ignore[valid-type]
        name="Act",
        description="Its place in the list, counted from 0; -1 is the act at work",
        default=-1,
        min=-1,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be another act to pass."""
        if not can_change(cls, context):
            return False
        if len(acts_of(scene_of(context))) < 2:
            cls.poll_message_set("There is only one act")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """By keys of the scene's clock."""
        scene = scene_of(context)
        acts = acts_of(scene)
        act = current_act(scene) if self.act < 0 else dict(enumerate(acts)).get(self.act)
        if act is None:
            self.report({"WARNING"}, "No act is here" if self.act < 0 else f"There is no act {self.act}")
            return {"CANCELLED"}
        to = act.index + (-1 if self.direction == "UP" else 1)
        if not 0 <= to < len(acts):
            self.report({"INFO"}, "It is the first act" if to < 0 else "It is the last act")
            return {"CANCELLED"}
        move_act(scene, act.index, to)
        return {"FINISHED"}


CLASSES = (FORWARDPASS_OT_switch_act, FORWARDPASS_OT_move_act)
