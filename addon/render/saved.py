# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene on its way to another Blender: saved here, opened there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core.errors import UserError
from .quiet import quiet
from .settings import changed


@dataclass(frozen=True)
class SavedScene:
    """The scene of that name in the file `blend`. `scripts`: whether Python in its drivers may run."""

    blend: str
    scene: str
    scripts: bool = False


def saved_scene(scene: bpy.types.Scene, blend: Path) -> SavedScene:
    """`scene` of the open file, which is saved at `blend`. What may run here may run there."""
    return SavedScene(str(blend.resolve()), scene.name, not bpy.app.autoexec_fail)


def save_copy(scene: bpy.types.Scene, blend: Path) -> SavedScene:
    """Saves the open file, of which `scene` is wanted, at `blend`, with paths that hold from there; the open file stays
    what it is. Raises `UserError`."""
    preferences = bpy.context.preferences
    assert preferences is not None  # every Blender has them
    # A preview of the file, which nobody will see, would take longer than the file.
    plain = changed(
        (preferences.filepaths, "file_preview_type", "NONE"), (preferences, "is_dirty", preferences.is_dirty)
    )
    try:
        with plain, quiet():
            bpy.ops.wm.save_as_mainfile(
                filepath=str(blend), copy=True, relative_remap=True, compress=False, check_existing=False
            )
    except (RuntimeError, OSError) as error:
        reason = str(error).strip().splitlines()[-1].removeprefix("Error: ").rstrip(".")
        raise UserError(f"The scene could not be saved to be rendered: {reason}.", "Check free disk space.") from error
    return saved_scene(scene, blend)


def open_saved(saved: SavedScene) -> bpy.types.Scene:
    """Opens its file in the place of the open one. Raises `UserError`."""
    try:
        bpy.ops.wm.open_mainfile(filepath=saved.blend, load_ui=False, use_scripts=saved.scripts)
        return bpy.data.scenes[saved.scene]
    except (RuntimeError, KeyError) as error:
        raise UserError(f"The scene {saved.blend} cannot be opened.", "It may be damaged: make it again.") from error
