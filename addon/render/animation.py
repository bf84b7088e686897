# SPDX-License-Identifier: GPL-3.0-or-later
"""Many frames in one call of Blender's: between frames of one animation it keeps the scene evaluated, which is nearly
half the time of a frame."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from .pace import Pace
from .pictures import frame_path
from .settings import changed

PARTIAL = "partial_"  # a picture has this name until it is whole


def render_animation(
    scene: bpy.types.Scene,
    pictures: range,
    pace: Pace,
    folder: Path,
    scratch: Path,
    written: Callable[[int], None],
) -> None:
    """Renders `pictures` of `scene`, with the settings that it has and its frames cut as `pace` wants it, into
    `folder`; `written` is told of each.

    Blender reads # and {} in an output path as its own, so it writes into `scratch`, a plain path, and a picture is
    brought over when it is whole. What goes wrong within `written` or in bringing it over is raised at the end: an
    exception in a callback of Blender's is lost. Raises RuntimeError where Blender cannot render, OSError.
    """
    wrong: list[BaseException] = []

    def bring(*_: Any) -> None:
        part = scene.frame_current
        picture = pace.picture(part)
        beside = folder / f".{PARTIAL}{picture:06d}.png"
        try:
            shutil.move(scratch / f"{PARTIAL}{part:06d}.png", beside)
            os.replace(beside, frame_path(folder, picture))
            written(picture)
        except BaseException as error:
            wrong.append(error)

    bpy.app.handlers.render_write.append(bring)
    try:
        with (
            changed(
                (scene, "frame_start", pace.part(pictures[0])),
                (scene, "frame_end", pace.part(pictures[-1])),
                (scene, "frame_step", pace.step * pictures.step),
                (scene.render, "filepath", str(scratch / f"{PARTIAL}######")),
                (scene.render, "use_file_extension", True),
                (scene.render, "use_overwrite", True),
                (scene.render, "use_placeholder", False),
            ),
            bpy.context.temp_override(scene=scene),
        ):
            bpy.ops.render.render(animation=True)
    finally:
        bpy.app.handlers.render_write.remove(bring)
    if wrong:
        raise wrong[0]
