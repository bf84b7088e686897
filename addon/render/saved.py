# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene on its way to another Blender: saved here, opened there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core.errors import UserError


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
    """Saves `scene` with all that it uses, and nothing else of the open file, at `blend`; paths in it are absolute.

    Not as "Save Copy" does it, which takes seconds for a preview of the file. Raises `UserError`.
    """
    for one in scene.objects:
        if one.mode == "EDIT":
            one.update_from_editmode()
    try:
        bpy.data.libraries.write(str(blend), {scene}, path_remap="ABSOLUTE")
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
