# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a block of the generated scene: it counts up through its true partial sums."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.errors import UserError
from ..scene.partial_sums import PARTIAL_SUMS, can_count_up, show_partial_sums
from .drawing import translated
from .polls import can_change
from .properties import scene_of


class FORWARDPASS_OT_partial_sums(bpy.types.Operator):
    """Let the selected result of a multiply count up through its true partial sums, instead of cell by cell"""

    bl_idname = "forward_pass.partial_sums"
    bl_label = "Count Up Partial Sums"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """The active object must be such a result that does not count up yet."""
        if not can_change(cls, context):
            return False
        block = context.active_object
        if block is None or not can_count_up(block):
            cls.poll_message_set("Select the result of a multiply that is drawn cell by cell")
            return False
        if PARTIAL_SUMS in block.modifiers:
            cls.poll_message_set("It counts up already")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """Finds its operands by their numbers."""
        block = context.active_object
        assert block is not None
        try:
            found = show_partial_sums(scene_of(context), block)
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        line = translated("Counts up: {left} times {right}")
        self.report({"INFO"}, line.format(left=found.left, right=found.right))
        return {"FINISHED"}


def draw_block(menu: Any, context: bpy.types.Context) -> None:
    """The line in an object's menu, of a block that can do so: Blender's search looks through the menus."""
    if context.active_object is not None and can_count_up(context.active_object):
        menu.layout.separator()
        menu.layout.operator(FORWARDPASS_OT_partial_sums.bl_idname)


CLASSES = (FORWARDPASS_OT_partial_sums,)


def register() -> None:
    """Adds the line."""
    bpy.types.VIEW3D_MT_object_context_menu.append(draw_block)


def unregister() -> None:
    """Takes it back."""
    bpy.types.VIEW3D_MT_object_context_menu.remove(draw_block)
