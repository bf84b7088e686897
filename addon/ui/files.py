# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces as files: File > Import, and dropping one into the 3D viewport."""

from __future__ import annotations

from typing import Any

import bpy


class FORWARDPASS_FH_trace(bpy.types.FileHandler):
    """What may be dropped, and where."""

    bl_label = "Forward Pass Trace"
    bl_import_operator = "forward_pass.import_trace"
    bl_file_extensions = ".safetensors"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Into the 3D viewport: that is where the scene will show."""
        return context.area is not None and context.area.type == "VIEW_3D"


def draw_import(menu: Any, context: bpy.types.Context) -> None:
    """The line in the menu."""
    menu.layout.operator("forward_pass.import_trace", text="Forward Pass Trace (.safetensors)")


CLASSES = (FORWARDPASS_FH_trace,)


def register() -> None:
    """Adds the line."""
    bpy.types.TOPBAR_MT_file_import.append(draw_import)


def unregister() -> None:
    """Takes it back."""
    bpy.types.TOPBAR_MT_file_import.remove(draw_import)
