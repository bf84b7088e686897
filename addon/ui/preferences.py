# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: which Python runs the models."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ..process.python import VARIABLE
from .session import SESSION

ADDON = (__package__ or "").rpartition(".")[0]  # "bl_ext.<repository>.forward_pass" inside Blender


class ForwardPassPreferences(bpy.types.AddonPreferences):
    """Shown under Edit > Preferences > Add-ons > Forward Pass."""

    bl_idname = ADDON

    python: StringProperty(  # type: ignore[valid-type]
        name="Python",
        description="A Python program that has torch, such as .venv/bin/python of a checkout. "
        f"Empty: the variable {VARIABLE}, then what is found",
        subtype="FILE_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        """The path, a button that tries it, and what came of that."""
        layout = self.layout
        layout.use_property_split = True
        row = layout.row(align=True)
        row.prop(self, "python", placeholder="Found by itself")
        row.operator("forward_pass.test_python", text="Test", icon="CHECKMARK")
        if SESSION.python:
            layout.label(text=SESSION.python, icon="INFO")


def preferences(context: bpy.types.Context) -> ForwardPassPreferences | None:
    """The add-on's preferences; None where it is registered without being enabled, as in tests."""
    addon = context.preferences.addons.get(ADDON)
    return None if addon is None else addon.preferences


def chosen_python(context: bpy.types.Context) -> Path | None:
    """The Python that the user chose; None where none is."""
    found = preferences(context)
    path = found.python.strip() if found is not None else ""
    return Path(bpy.path.abspath(path)) if path else None


CLASSES = (ForwardPassPreferences,)
