# SPDX-License-Identifier: GPL-3.0-or-later
"""An error in the panel: a sentence, and the ways out of it as buttons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy
from bpy.props import EnumProperty

from ..core.errors import REMEDIES
from .drawing import translated, write_lines
from .properties import ForwardPassSettings, scene_of, settings_of
from .run_fields import HUB
from .session import SESSION

Change = Callable[[ForwardPassSettings], None]


@dataclass(frozen=True)
class Way:
    """A button: its words and icon, and the operator behind it; or a change of the panel's fields, after which the
    scene is generated again."""

    words: str
    icon: str
    operator: str = ""
    change: Change | None = None


def _set(**values: Any) -> Change:
    def change(settings: ForwardPassSettings) -> None:
        for name, value in values.items():
            setattr(settings, name, value)

    return change


WAYS = {
    "cpu": Way("Run on the CPU", "SYSTEM", change=_set(device="cpu")),
    "half": Way("Use Half Precision", "MOD_DECIM", change=_set(dtype="bfloat16")),
    "online": Way("Download It", "IMPORT", change=_set(online=True, model=HUB)),
    "code": Way("Run Its Code", "SCRIPT", change=_set(remote_code=True)),
    "set_up": Way("Set Up…", "IMPORT", operator="forward_pass.set_up"),
    "python": Way("Choose a Python…", "PREFERENCES", operator="forward_pass.show_preferences"),
}


class FORWARDPASS_OT_remedy(bpy.types.Operator):
    """Change this, and generate the scene again"""

    bl_idname = "forward_pass.remedy"
    bl_label = "Try Again Another Way"
    bl_options = {"INTERNAL"}

    remedy: EnumProperty(items=[(name, name, words) for name, words in REMEDIES.items()])  # type: ignore[valid-type]

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        """What this one changes."""
        words = REMEDIES[properties.remedy]
        return translated("{what}, and try again").format(what=translated(f"{words[0].upper()}{words[1:]}"))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        """Somebody else's code is only run where a person says so twice."""
        if self.remedy == "code":
            return context.window_manager.invoke_confirm(
                self,
                event,
                title=translated("Run the code that comes with the model?"),
                message=translated("It may do anything that you may do."),
                icon="WARNING",
            )
        return self._again(context, "INVOKE_DEFAULT")

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """After the question, and from a script."""
        return self._again(context, "EXEC_DEFAULT" if bpy.app.background else "INVOKE_DEFAULT")

    def _again(self, context: bpy.types.Context, how: str) -> set[Any]:
        change = WAYS[self.remedy].change
        if change is not None:
            change(settings_of(scene_of(context)))
        SESSION.dismiss()
        bpy.ops.forward_pass.generate(how)  # type: ignore[attr-defined]
        return {"FINISHED"}


def draw_error(layout: Any, context: bpy.types.Context, ways: bool = True) -> None:
    """What went wrong and what to do, until it is dismissed; with `ways` the buttons that do it."""
    error = SESSION.error
    if error is None:
        return
    box = layout.box().column()
    head = box.row()
    message = head.column(align=True)
    message.alert = True
    write_lines(message, context, error.message, icon="ERROR", beside=2)
    head.operator("forward_pass.dismiss", text="", icon="X", emboss=False)
    buttons = box.column(align=True)
    buttons.enabled = not SESSION.running
    for remedy in error.remedies if ways else ():
        if remedy in ("online", "set_up") and not bpy.app.online_access:
            buttons.operator("forward_pass.allow_online", icon="INTERNET")
        elif remedy in WAYS:
            draw_way(buttons, remedy)
    write_lines(box.column(align=True), context, error.hint)  # below: however long it is, the buttons are in sight


def draw_way(layout: Any, remedy: str) -> None:
    """The button of one remedy."""
    way = WAYS[remedy]
    if way.operator:
        layout.operator(way.operator, text=way.words, icon=way.icon)
    else:
        layout.operator("forward_pass.remedy", text=way.words, icon=way.icon).remedy = remedy


CLASSES = (FORWARDPASS_OT_remedy,)
