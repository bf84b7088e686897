# SPDX-License-Identifier: GPL-3.0-or-later
"""Viewports that draw only what is in the scene while another is built.

Whatever is made, Blender draws every window anew. Grid, gizmos and other overlays are more than half of a 3D
viewport's share of that where no graphics card does the work, and tell nothing meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator

import bpy


class CalmViewports:
    """The overlays and gizmos that were hidden in the 3D viewports of a scene's windows, to be shown again."""

    def __init__(self, scene: bpy.types.Scene) -> None:
        # By address: a viewport that is closed meanwhile is not looked at again.
        self._overlays: set[int] = set()
        self._gizmos: set[int] = set()
        for space in _viewports(scene):
            if space.overlay.show_overlays:
                self._overlays.add(space.as_pointer())
                space.overlay.show_overlays = False
            if space.show_gizmo:
                self._gizmos.add(space.as_pointer())
                space.show_gizmo = False

    def end(self) -> None:
        """Shows again what was hidden, whatever scene the viewports show now."""
        for space in _viewports(None):
            address = space.as_pointer()
            if address in self._overlays:
                space.overlay.show_overlays = True
            if address in self._gizmos:
                space.show_gizmo = True
        self._overlays, self._gizmos = set(), set()


def _viewports(scene: bpy.types.Scene | None) -> Iterator[bpy.types.SpaceView3D]:
    """The 3D viewports of the windows that show that scene, or of all screens."""
    windows = [window for manager in bpy.data.window_managers for window in manager.windows if window.scene == scene]
    for screen in bpy.data.screens if scene is None else [window.screen for window in windows]:
        for area in screen.areas:
            if isinstance(area.spaces.active, bpy.types.SpaceView3D):
                yield area.spaces.active
