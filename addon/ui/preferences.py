# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: which Python runs the models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy
from bpy.props import CollectionProperty, StringProperty

from ..process.environment import is_half_made, is_ready, python_of
from ..process.python import VARIABLE, PythonInfo
from .drawing import draw_progress, short, write_lines
from .folders import ADDON, environment_folder
from .progress import SETTING_UP
from .remedies import draw_error
from .session import SESSION


class ForwardPassRecentModel(bpy.types.PropertyGroup):
    """A model that ran here: its folder, or its name on the hub."""

    name: StringProperty()  # type: ignore[valid-type]


class ForwardPassPreferences(bpy.types.AddonPreferences):
    """Shown under Edit > Preferences > Add-ons > Forward Pass."""

    bl_idname = ADDON

    python: StringProperty(  # type: ignore[valid-type]
        name="Python",
        description="A Python program that has torch, such as .venv/bin/python of a checkout. "
        f"Empty: the variable {VARIABLE}, then the add-on's own environment, then what is found",
        subtype="FILE_PATH",
    )
    recent: CollectionProperty(type=ForwardPassRecentModel)  # type: ignore[valid-type]

    def draw(self, context: bpy.types.Context) -> None:
        """The path, a button that tries it, what came of that, and the environment of the add-on's own."""
        layout = self.layout
        layout.label(text="The built-in models need nothing. Others, and graphics cards, need a Python with torch:")
        row = layout.row(align=True)
        row.use_property_split = True
        row.prop(self, "python", placeholder="Found by itself")
        row.operator("forward_pass.test_python", text="Test", icon="CHECKMARK")
        draw_found(layout, context)
        draw_environment(layout)
        if SESSION.job is not None and SESSION.job.progress.title == SETTING_UP:
            draw_error(layout, context, ways=False)  # they are the buttons above


def draw_found(layout: Any, context: bpy.types.Context) -> None:
    """What the last test found, a line for each thing; or the sentence why there is none."""
    info = SESSION.found
    if info is None:
        if SESSION.python:
            write_lines(layout.column(align=True), context, SESSION.python, icon="INFO")
        return
    box = layout.box().column(align=True)
    for name, fact in facts_of(info):
        split = box.split(factor=0.25)
        split.label(text=name)
        split.label(text=fact, translate=False)


def facts_of(info: PythonInfo) -> list[tuple[str, str]]:
    """What a Python is, for people."""
    return [
        ("Python", f"{'.'.join(map(str, info.version))}  {short(info.path)}"),
        ("torch", info.torch or "–"),
        ("Devices", ", ".join(info.devices)),
        ("transformers", info.transformers or "–"),
    ]


def draw_environment(layout: Any) -> None:
    """The environment of the add-on's own: made, half made, or to be made."""
    job, folder = SESSION.job, environment_folder()
    if job is not None and job.running and job.progress.title == SETTING_UP:
        draw_progress(layout)
        return
    row = layout.row()
    if is_ready(folder):
        row.label(text="The add-on's own environment is ready", icon="CHECKMARK")
        row.operator("forward_pass.remove_environment", text="Remove", icon="TRASH")
    else:
        half = is_half_made(folder)
        text = "Its own environment is half made" if half else "Or let the add-on make one of its own"
        row.label(text=text, icon="INFO" if half else "BLANK1")
        row.operator("forward_pass.set_up", text="Go On Setting Up…" if half else "Set Up…", icon="IMPORT")
        if half:
            row.operator("forward_pass.remove_environment", text="", icon="TRASH")
    if not bpy.app.online_access and not is_ready(folder):
        layout.operator("forward_pass.allow_online", icon="INTERNET")


def preferences(context: bpy.types.Context) -> ForwardPassPreferences | None:
    """The add-on's preferences; None where it is registered without being enabled, as in tests."""
    addon = context.preferences.addons.get(ADDON)
    return None if addon is None else addon.preferences


def chosen_python(context: bpy.types.Context) -> Path | None:
    """The Python that the user chose, else that of the add-on's own environment; None where neither is there, or the
    variable chooses one."""
    found = preferences(context)
    path = found.python.strip() if found is not None else ""
    if path:
        return Path(bpy.path.abspath(path))
    own = environment_folder()
    return python_of(own) if is_ready(own) and not os.environ.get(VARIABLE, "").strip() else None


CLASSES = (ForwardPassRecentModel, ForwardPassPreferences)
