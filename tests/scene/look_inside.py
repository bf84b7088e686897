# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in a process of its own, with plain Blender and NumPy: opens a saved scene and writes down what is in it.

    python look_inside.py SCENE.blend OUT.json OUT.npz SECONDS...

The JSON holds properties, collections, drivers, keyframes and, for each of SECONDS of story time, the clock and the
camera. The arrays hold each block's numbers ("value:NAME"), the middle of each of its cells in the world ("cells:NAME",
[cells, 3]) and the corners of the box around it as it is rendered ("box:NAME", [2, 3]); of a slab also the numbers as
its material reads them ("drawn:NAME").
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

sys.modules["forward_pass"] = None  # type: ignore[assignment]  # whoever imports it fails

import bpy
import numpy as np

LINE = 13  # the number of the slots' colour


def plain(value: Any) -> Any:
    """An ID property as JSON has it."""
    if hasattr(value, "to_dict"):
        return {key: plain(entry) for key, entry in value.to_dict().items()}
    if hasattr(value, "to_list"):
        return plain(value.to_list())
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value.name if isinstance(value, bpy.types.ID) else value


def properties(owner: Any) -> dict[str, Any]:
    return {key: plain(owner[key]) for key in owner.keys() if key.startswith("fp_")}  # noqa: SIM118


def tree(collection: bpy.types.Collection) -> dict[str, Any]:
    return {
        "objects": [item.name for item in collection.objects],
        "children": {child.name: tree(child) for child in collection.children},
    }


def numbers(item: Any) -> dict[str, np.ndarray]:
    """What is drawn of a block."""
    mesh = item.data
    world = np.array(item.matrix_world)
    shown = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    corners = np.array(shown.bound_box) @ world[:3, :3].T + world[:3, 3]  # [8, 3]
    box = np.stack([corners.min(0), corners.max(0)])
    if item["fp_detail"] in ("slab", "pooled"):
        return {**slab(item), "box": box}
    count = len(mesh.polygons)
    value = np.empty(count, np.float32)
    mesh.attributes["value"].data.foreach_get("value", value)
    assert mesh.attributes["value"].domain == "FACE"
    middle = np.empty(3 * count, np.float32)
    mesh.polygons.foreach_get("center", middle)
    cells = middle.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]
    return {"value": value, "cells": cells, "box": box}


def slab(item: Any) -> dict[str, np.ndarray]:
    """A slab's numbers as its image says them ("value"), as its material reads them ("drawn"), and its cells."""
    mesh = item.data
    down, across, top, left = item.get("fp_pool", (1, 1, 0, 0))
    r1, c1 = (count / size for count, size in zip(item["fp_shape"], (down, across), strict=True))
    assert (top, left) == (0, 0)
    rows, columns = math.ceil(r1), math.ceil(c1)
    image = bpy.data.images[item["fp_image"]]
    assert tuple(image.size) == (columns, rows) and image.is_float and image.packed_file is not None
    assert image.colorspace_settings.name == "Non-Color"
    place, atlas = (uv(mesh, name) for name in ("cells", "atlas"))  # [corners, 2]
    vertices = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", vertices)
    world = np.array(item.matrix_world)
    points = np.array([vertex.co for vertex in mesh.vertices])[vertices] @ world[:3, :3].T + world[:3, 3]
    r, c = np.divmod(np.arange(rows * columns), columns)
    middles = np.c_[np.minimum(c + 0.5, (c + c1) / 2), np.minimum(r + 0.5, (r + r1) / 2)]  # the last may be smaller
    picture = next(node.image for node in mesh.materials[0].node_tree.nodes if node.type == "TEX_IMAGE")
    pixels = red(picture)
    x, y = (carried(place, atlas, middles) * picture.size).T
    drawn = pixels[picture.size[1] - 1 - np.floor(y).astype(int), np.floor(x).astype(int)]
    return {"value": red(image).ravel(), "drawn": drawn, "cells": carried(place, points, middles)}


def uv(mesh: Any, name: str) -> np.ndarray:
    found = np.empty(2 * len(mesh.loops), np.float32)
    mesh.uv_layers[name].data.foreach_get("uv", found)
    return found.reshape(-1, 2).astype(np.float64)


def carried(source: np.ndarray, target: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where the one straight map that takes every corner of `source` to that of `target` takes `points`."""
    flat = np.c_[source, np.ones(len(source))]
    way, *_ = np.linalg.lstsq(flat, target, rcond=None)
    assert np.allclose(flat @ way, target, rtol=0, atol=1e-5 * np.abs(target).max())
    return np.c_[points, np.ones(len(points))] @ way


def red(image: Any) -> np.ndarray:
    """The red channel, [rows, columns], from the top."""
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(height, width, 4)[::-1, :, 0]


def everything() -> list[Any]:
    """All datablocks of the file, and the node trees inside them."""
    found: list[Any] = []
    for datablock in bpy.data.user_map():
        found.append(datablock)
        inner = getattr(datablock, "node_tree", None)
        if inner is not None and inner not in found:
            found.append(inner)
    return found


def drivers() -> list[dict[str, Any]]:
    found = []
    for datablock in everything():
        data = getattr(datablock, "animation_data", None)
        for curve in data.drivers if data else ():
            targets = [t for variable in curve.driver.variables for t in variable.targets]
            found.append(
                {
                    "owner": datablock.name,
                    "path": curve.data_path,
                    "index": curve.array_index,
                    "type": curve.driver.type,
                    "valid": curve.is_valid and curve.driver.is_valid,
                    "variables": [variable.type for variable in curve.driver.variables],
                    "targets": [[type(t.id).__name__, t.data_path] for t in targets],
                }
            )
    return found


def keyed() -> list[list[Any]]:
    """Owner, path and keys of every ordinary F-curve."""
    found = []
    for datablock in everything():
        data = getattr(datablock, "animation_data", None)
        if data is None:
            continue
        assert not data.nla_tracks
        if data.action is None:
            continue
        for layer in data.action.layers:
            for strip in layer.strips:
                for bag in strip.channelbags:
                    for curve in bag.fcurves:
                        keys = [[*point.co, point.interpolation] for point in curve.keyframe_points]
                        found.append([datablock.name, curve.data_path, keys])
    return found


def moment(scene: bpy.types.Scene, second: float) -> dict[str, Any]:
    """The clock and the camera at a second of story time."""
    frame = 1 + second * scene.render.fps / scene.render.fps_base
    scene.frame_set(int(frame), subframe=frame - int(frame))
    graph = bpy.context.evaluated_depsgraph_get()
    camera: Any = scene.camera.evaluated_get(graph)
    projection = camera.calc_matrix_camera(graph, x=scene.render.resolution_x, y=scene.render.resolution_y)
    clock: Any = bpy.data.node_groups["FP Clock"]
    (source,) = [node for node in clock.nodes if node.type == "ATTRIBUTE"]
    assert source.attribute_type == "VIEW_LAYER"
    evaluated: Any = scene.evaluated_get(graph)
    return {
        "second": second,
        "fp_time": scene["fp_time"],
        "shader": evaluated[source.attribute_name],
        "world": np.array(camera.matrix_world).tolist(),
        "view": np.array(projection @ camera.matrix_world.inverted()).tolist(),
        "clip": [camera.data.clip_start, camera.data.clip_end],
        "rotation": list(camera.matrix_world.to_euler()),
        "overlays": np.array(bpy.data.objects["Overlays"].evaluated_get(graph).matrix_world).tolist(),
    }


def overlays() -> dict[str, list[float]]:
    """What hangs on the overlay empty, in its units: left, right, bottom, top, start, duration. Everything of one kind
    and one window of time has a box; of the running text every slot has one too."""
    found = {}
    for item in bpy.data.objects["Overlays"].children:
        if item.data is None or "ink" not in item.data.attributes:
            continue  # nameplates, which follow their blocks, and charts, looked at one by one in test_effects
        corners, faces, ink, hue = merged(item)
        for number, window in enumerate(np.unique(ink[:, :2], axis=0)):
            mine = np.isin(faces, np.flatnonzero((ink[:, :2] == window).all(1)))
            found[f"{item.name} {number}"] = [*box(corners[mine]), *window.tolist()]
        for face in np.flatnonzero((hue == LINE) & item.name.startswith("token")):
            found[f"{item.name} slot {face}"] = [*box(corners[faces == face]), 0.0, 0.0]
    return found


def merged(item: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The places [corners, 2] of what was merged, the face of each corner, and the attributes of the faces."""
    mesh = item.data
    vertices, firsts = np.empty(len(mesh.loops), np.int32), np.empty(len(mesh.polygons), np.int32)
    points, ink, hue = np.empty(3 * len(mesh.vertices), np.float32), np.empty(3 * len(firsts), np.float32), None
    mesh.loops.foreach_get("vertex_index", vertices)
    mesh.polygons.foreach_get("loop_start", firsts)
    mesh.vertices.foreach_get("co", points)
    mesh.attributes["ink"].data.foreach_get("vector", ink)
    hue = np.empty(len(firsts), np.float32)
    mesh.attributes["hue"].data.foreach_get("value", hue)
    faces = np.repeat(np.arange(len(firsts)), np.diff([*firsts, len(vertices)]))
    return points.reshape(-1, 3)[vertices, :2] + np.array(item.location)[:2], faces, ink.reshape(-1, 3), hue


def box(points: np.ndarray) -> list[float]:
    (left, bottom), (right, top) = points.min(0).tolist(), points.max(0).tolist()
    return [left, right, bottom, top]


def leftovers(scratch: Path) -> list[str]:
    """What of the file's own bytes names the add-on. Blender's header and file names are not asked about."""
    bpy.ops.wm.save_as_mainfile(filepath=str(scratch), copy=True, compress=False)
    content = scratch.read_bytes()
    scratch.unlink()
    return [name for name in ("forward_pass", "bl_ext") if name.encode() in content]


def look(blend: str, out: Path, arrays: Path, seconds: list[float]) -> None:
    bpy.ops.wm.open_mainfile(filepath=blend)
    scene: Any = bpy.context.scene
    items: list[Any] = list(scene.objects)
    blocks = [item for item in items if "fp_tensor" in item]
    found = {
        "version": list(bpy.app.version),
        "scene": properties(scene),
        "fps": scene.render.fps / scene.render.fps_base,
        "frames": [scene.frame_start, scene.frame_end],
        "markers": [[marker.name, marker.frame] for marker in scene.timeline_markers],
        "collections": tree(scene.collection),
        "objects": {
            item.name: {
                "type": item.type,
                "parent": item.parent.name if item.parent else None,
                "collections": [collection.name for collection in item.users_collection],
                "selectable": not item.hide_select,
                "properties": properties(item),
                "attributes": sorted(item.data.attributes.keys()) if item.type == "MESH" else [],
            }
            for item in items
        },
        "everything": [[type(entry).__name__, entry.name] for entry in bpy.data.user_map()],
        "fonts": [[f.name, f.packed_file is not None or f.filepath == "<builtin>"] for f in bpy.data.fonts],
        "fonts of texts": sorted(
            {curve.font.name for curve in bpy.data.curves if isinstance(curve, bpy.types.TextCurve)}
        ),
        "libraries": [library.filepath for library in bpy.data.libraries],
        "texts": [text.name for text in bpy.data.texts],
        "handlers": [name for name in dir(bpy.app.handlers) if name.endswith(("pre", "post")) and _foreign(name)],
        "drivers": drivers(),
        "keyed": keyed(),
        "leftovers": leftovers(out.with_name("uncompressed.blend")),
        "moments": [moment(scene, second) for second in seconds],
        "overlays": overlays(),
        "autorun": bpy.context.preferences.filepaths.use_scripts_auto_execute,
    }
    scene.frame_set(1)
    np.savez(arrays, **{f"{kind}:{item.name}": entry for item in blocks for kind, entry in numbers(item).items()})
    out.write_text(json.dumps(found), encoding="utf-8")


def _foreign(name: str) -> bool:
    """Whether a handler of that name is there that is not Blender's own."""
    handlers = getattr(bpy.app.handlers, name)
    return any("bl_ext" in handler.__module__ or "forward_pass" in handler.__module__ for handler in handlers)


if __name__ == "__main__":
    look(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), [float(second) for second in sys.argv[4:]])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # some versions hang at exit
