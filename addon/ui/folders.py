# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of the add-on's own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy

ADDON = (__package__ or "").rpartition(".")[0]  # "bl_ext.<repository>.forward_pass" inside Blender


def user_folder(name: str) -> Path:
    """A folder that the user may write to and that outlives this session and an update, where Blender gives one."""
    try:
        return Path(bpy.utils.extension_path_user(ADDON, path=name, create=True))
    except ValueError:  # registered from a checkout, not installed as an extension
        return Path(bpy.app.tempdir or tempfile.gettempdir())


def environment_folder() -> Path:
    """Where the private Python environment is, or would be."""
    return user_folder("python") / "environment"
