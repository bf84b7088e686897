# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes of earlier versions, brought up to this one when their file is opened. They play without that; what is added
is what the panel needs."""

from __future__ import annotations

import bpy

from .acts import name_acts
from .contract import VERSION
from .theme_assets import KEPT, add_theme_assets
from .themes import look_of


def update_scene(scene: bpy.types.Scene) -> bool:
    """Adds what a scene lacks; whether this version knows such scenes. One of a later version is left as it is."""
    if int(scene["fp_version"]) > VERSION:
        return False
    if scene.library is None and scene.is_editable:
        name_acts(scene)
        if KEPT not in scene.keys() and scene.get("fp_theme"):  # noqa: SIM118
            look_of(scene)["fp_theme"] = scene["fp_theme"]
            add_theme_assets(scene)
    return True
