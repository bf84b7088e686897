# SPDX-License-Identifier: GPL-3.0-or-later
"""How a window shows a generated scene. Nothing of it is the scene's, and nothing is done without a window."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import bpy


def show_scene(context: bpy.types.Context) -> None:
    """Looks through the camera, and at the whole timeline with the acts on it."""
    look_through_camera(context)
    for area in _areas(context, "DOPESHEET_EDITOR"):
        region = next(region for region in area.regions if region.type == "WINDOW")
        with context.temp_override(area=area, region=region):
            bpy.ops.action.view_all()


def look_through_camera(context: bpy.types.Context) -> None:
    """Sets the largest 3D viewport up to show the scene as it will be rendered."""
    areas = _areas(context, "VIEW_3D")
    if not areas:
        return
    area = max(areas, key=lambda area: area.width * area.height)
    space = area.spaces.active
    assert isinstance(space, bpy.types.SpaceView3D)
    space.region_3d.view_perspective = "CAMERA"
    space.shading.type = "RENDERED"
    space.overlay.show_overlays = False
    regions = {region.type: region for region in area.regions}
    with context.temp_override(area=area, region=regions["WINDOW"]):
        bpy.ops.view3d.view_center_camera()
    left, right = _covered(regions)
    view = space.region_3d
    # Blender draws the frame `scale` = (sqrt(2) + zoom / 50) ** 2 / 4 times as large, and moves it by
    # 2 * scale * offset of the region's width.
    scale = (1.0 - left - right) * (math.sqrt(2.0) + view.view_camera_zoom / 50.0) ** 2 / 4.0
    view.view_camera_zoom = 50.0 * (2.0 * math.sqrt(scale) - math.sqrt(2.0))
    view.view_camera_offset = ((right - left) / (4.0 * scale), 0.0)


def _covered(regions: Mapping[Any, bpy.types.Region]) -> tuple[float, float]:
    """How much of the view the toolbar and the sidebar lie over, in shares of its width: nothing where they are hidden
    or, by the preferences, beside it."""
    view, tools, sidebar = regions["WINDOW"], regions["TOOLS"], regions["UI"]
    left = tools.x + tools.width - view.x if tools.width > 1 else 0
    right = view.x + view.width - sidebar.x if sidebar.width > 1 else 0
    return max(left, 0) / view.width, max(right, 0) / view.width


def _areas(context: bpy.types.Context, kind: str) -> list[bpy.types.Area]:
    """The window's areas of that type."""
    if context.screen is None or bpy.app.background:
        return []
    return [area for area in context.screen.areas if area.type == kind]
