# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in a process of its own, with plain Blender: renders small pictures of a saved scene.

    python take_pictures.py SCENE.blend JOBS.json FOLDER

JOBS is a list of {"name", "second" of story time, "without": [beginnings of names of objects that are left out]};
each makes FOLDER/NAME.png, and FOLDER/views.json says where the camera of each stood: the matrix [4, 4] that takes a
point of the world to the frame.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.modules["forward_pass"] = None  # type: ignore[assignment]  # whoever imports it fails

import bpy
import numpy as np

SIZE = (320, 180)


def take(scene: Any, job: dict[str, Any], folder: Path) -> list[list[float]]:
    frame = 1 + job["second"] * scene.render.fps / scene.render.fps_base
    scene.frame_set(int(frame), subframe=frame - int(frame))
    left_out = [i for i in scene.objects if i.name.startswith(tuple(job["without"])) and not i.hide_render]
    for item in left_out:
        item.hide_render = True
        item.animation_data_clear()  # drivers show overlays again
    scene.render.filepath = str(folder / f"{job['name']}.png")
    bpy.ops.render.render(write_still=True)
    camera = scene.camera.evaluated_get(bpy.context.evaluated_depsgraph_get())
    projection = camera.calc_matrix_camera(bpy.context.evaluated_depsgraph_get(), x=SIZE[0], y=SIZE[1])
    for item in left_out:
        item.hide_render = False
    return np.array(projection @ camera.matrix_world.inverted()).tolist()


def main(blend: str, jobs: Path, folder: Path) -> None:
    bpy.ops.wm.open_mainfile(filepath=blend)
    scene: Any = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.eevee.taa_render_samples = 1
    scene.render.dither_intensity = 0.0
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    views = {job["name"]: take(scene, job, folder) for job in json.loads(jobs.read_text(encoding="utf-8"))}
    (folder / "views.json").write_text(json.dumps(views), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # some versions hang at exit
