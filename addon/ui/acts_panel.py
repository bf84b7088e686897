# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel "Acts": the list of them, to go to, switch, move and retime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ..scene.acts import acts_of
from .act_fields import current_act
from .drawing import ScenePanel
from .properties import scene_of, settings_of

if TYPE_CHECKING:
    from bpy.types import Context


class FORWARDPASS_UL_acts(bpy.types.UIList):
    """The acts among the timeline's markers."""

    bl_idname = "FORWARDPASS_UL_acts"
    use_filter_show = False

    def draw_item(
        self, context: Context, layout: Any, data: Any, item: Any, icon: Any, active: Any, name: Any, *_: Any
    ) -> None:
        """A switch, when it begins, its name: how long it is stands below the list, so that the name has room."""
        act = next((act for act in acts_of(data) if (act.first, act.name) == (item.frame, item.name)), None)
        if act is None:
            return
        row = layout.row(align=True)
        box = "CHECKBOX_HLT" if act.on else "CHECKBOX_DEHLT"
        row.operator("forward_pass.switch_act", text="", icon=box, emboss=False).act = act.index
        row = row.row()
        row.active = act.on
        fps = data.render.fps / data.render.fps_base
        row.label(text=f"{minutes(max(act.first - 1, 0) / fps)}  {act.name}", translate=False)

    def filter_items(self, context: Context, data: Any, name: str) -> Any:
        """Only acts, in their order."""
        markers = list(data.timeline_markers)
        acts = {(act.first, act.name): act.index for act in acts_of(data)}
        shown = [self.bitflag_filter_item if (m.frame, m.name) in acts else 0 for m in markers]
        order = sorted(range(len(markers)), key=lambda i: markers[i].frame)
        places = [0] * len(markers)
        for place, i in enumerate(order):
            places[i] = place
        return shown, places


class FORWARDPASS_PT_acts(ScenePanel):
    """The chapters of the generated scene."""

    bl_label = "Acts"

    def draw(self, context: Context) -> None:
        """Play, the list, and the length of the act at work with arrows to move it."""
        layout, scene, playing = self.layout, scene_of(context), context.screen.is_animation_playing
        row = layout.row(align=True)
        row.operator("screen.animation_play", text="Pause" if playing else "Play", icon="PAUSE" if playing else "PLAY")
        row.operator("forward_pass.look", text="", icon="CAMERA_DATA")
        settings = settings_of(scene)
        layout.template_list(
            FORWARDPASS_UL_acts.bl_idname, "", scene, "timeline_markers", settings, "act", rows=6, maxrows=12
        )
        act = current_act(scene)
        if act is None:
            return
        row = layout.row(align=True)
        length = row.row()
        length.active = act.on
        length.prop(settings, "act_length")
        row.operator("forward_pass.move_act", text="", icon="TRIA_UP").direction = "UP"
        row.operator("forward_pass.move_act", text="", icon="TRIA_DOWN").direction = "DOWN"


def minutes(seconds: float) -> str:
    """`1:05`."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"
