# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in a process of its own, with plain Blender and NumPy: edits a saved scene as a creator would by hand.

    python edit_inside.py SCENE.blend OUT.json BLOCK ACT FRAMES HEAD

Moves the block BLOCK by ten units, the clock's key of the act number ACT by FRAMES frames, hides the collection HEAD,
makes all cells bars, saves, opens the file again, and writes down what is to be seen there.
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

MOVE = 10.0


def clock(scene: Any) -> Any:
    """The curve of the clock."""
    action = scene.animation_data.action
    return action.layers[0].strips[0].channelbags[0].fcurves.find('["fp_time"]')


def looks(scene: Any, block: str, frames: list[int]) -> dict[str, Any]:
    """Where a block is and what its cells are when all is filled, its height, and the clock and camera at `frames`."""
    moments = []
    for frame in frames:
        scene.frame_set(frame)
        eye = scene.camera.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.translation
        moments.append([scene["fp_time"], *eye])
    scene.frame_set(scene.frame_end)
    graph = bpy.context.evaluated_depsgraph_get()
    shown = bpy.data.objects[block].evaluated_get(graph)
    mesh = shown.to_mesh()
    points = np.array([shown.matrix_world @ vertex.co for vertex in mesh.vertices])
    value = np.array([entry.value for entry in bpy.data.objects[block].data.attributes["value"].data])
    seen = sorted({entry.object.name for entry in graph.object_instances})
    box = [points.min(0).tolist(), points.max(0).tolist()]
    return {"moments": moments, "box": box, "value": value.tolist(), "seen": seen}


def edit(path: str, out: Path, block: str, act: int, frames: int, head: str) -> None:
    bpy.ops.wm.open_mainfile(filepath=path, use_scripts=False)
    scene: Any = bpy.context.scene
    points = clock(scene).keyframe_points
    at = [round(points[i].co.x) for i in (act - 1, act, act + 1)]
    asked = [*at, at[1] + frames]
    before = looks(scene, block, asked)
    bpy.data.objects[block].location.x += MOVE
    points[act].co.x += frames
    bpy.data.collections[head].hide_viewport = True
    style: Any = next(tree for tree in bpy.data.node_groups if tree.name == "FP Cells style")
    style.nodes["Style for all"].integer = 2
    kept = str(out.with_suffix(".blend"))
    bpy.ops.wm.save_as_mainfile(filepath=kept)
    bpy.ops.wm.open_mainfile(filepath=kept, use_scripts=False)
    out.write_text(json.dumps({"before": before, "after": looks(bpy.context.scene, block, asked)}), encoding="utf-8")


if __name__ == "__main__":
    edit(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
    sys.stdout.flush()
    # A process that imported bpy can hang when it ends in the ordinary way.
    os._exit(0)
