# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to what runs and to what it left to say: stopped, taken away, copied, shown."""

from __future__ import annotations

from typing import Any

import bpy

from .diagnostics import report, write_log
from .drawing import translated
from .help import show_text
from .modal import redraw
from .session import SESSION


class FORWARDPASS_OT_cancel(bpy.types.Operator):
    """Stop what Forward Pass is doing and take away what is half done"""

    bl_idname = "forward_pass.cancel"
    bl_label = "Cancel Forward Pass"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be something to stop."""
        if not SESSION.running:
            cls.poll_message_set("Nothing is running")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """Returns at once; the child gets a few seconds to go."""
        SESSION.cancel()
        redraw()
        return {"FINISHED"}


class FORWARDPASS_OT_dismiss(bpy.types.Operator):
    """Take the error away"""

    bl_idname = "forward_pass.dismiss"
    bl_label = "Dismiss Forward Pass Error"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """It was read."""
        SESSION.dismiss()
        redraw()
        return {"FINISHED"}


class FORWARDPASS_OT_copy_log(bpy.types.Operator):
    """Copy what a report needs: versions, engine, the error, and the last lines that the model's process said"""

    bl_idname = "forward_pass.copy_log"
    bl_label = "Copy Forward Pass Diagnostics"

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """To the clipboard."""
        context.window_manager.clipboard = report(context)
        self.report({"INFO"}, translated("Copied the diagnostics"))
        return {"FINISHED"}


class FORWARDPASS_OT_open_log(bpy.types.Operator):
    """Show all that the model's process said, in the text editor"""

    bl_idname = "forward_pass.open_log"
    bl_label = "Show Forward Pass Log"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Something must have run."""
        if SESSION.job is None:
            cls.poll_message_set("Nothing ran yet")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """As a text of this file."""
        show_text(context, write_log(), wrap=True)
        return {"FINISHED"}


CLASSES = (
    FORWARDPASS_OT_cancel,
    FORWARDPASS_OT_dismiss,
    FORWARDPASS_OT_copy_log,
    FORWARDPASS_OT_open_log,
)
