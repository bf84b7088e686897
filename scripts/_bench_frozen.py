# SPDX-License-Identifier: GPL-3.0-or-later
"""One static mesh in the place of a scene, which covers the same pixels: as fast as a frame can be."""

from __future__ import annotations

from typing import Any


def freeze(scene: Any) -> None:
    """Put one mesh of one emitting material in the place of all that the camera has in its frame as it now stands, and
    stop everything."""
    import bpy
    import numpy as np

    graph = bpy.context.evaluated_depsgraph_get()
    points: list[Any] = []
    corners: list[Any] = []  # of triangles
    shift = 0
    for entry in graph.object_instances:
        item = entry.object
        if item.type not in ("MESH", "FONT") or item.hide_render or item.hide_viewport:
            continue
        mesh: Any = item.to_mesh()
        if mesh is not None and len(mesh.vertices):
            found = np.empty((len(mesh.vertices), 3), np.float32)
            mesh.vertices.foreach_get("co", found.ravel())
            mesh.calc_loop_triangles()
            triangles = np.empty((len(mesh.loop_triangles), 3), np.int32)
            mesh.loop_triangles.foreach_get("vertices", triangles.ravel())
            world = np.array(entry.matrix_world, np.float32)
            points.append(found @ world[:3, :3].T + world[:3, 3])
            corners.append(triangles + shift)
            shift += len(found)
        item.to_mesh_clear()
    camera = scene.camera
    kept = (camera.evaluated_get(graph).matrix_world.copy(), camera.data.evaluated_get(graph).lens)
    for item in list(scene.objects):
        if item != camera:
            bpy.data.objects.remove(item)
    for owner in (scene, camera, camera.data):
        owner.animation_data_clear()
    camera.matrix_world, camera.data.lens = kept
    whole = bpy.data.meshes.new("static")
    places, triangles = np.concatenate(points), np.concatenate(corners)
    seen = triangles[_in_view(scene, places)[triangles].any(1)]
    whole.from_pydata(places, [], seen)
    whole.materials.append(_emission())
    scene.collection.objects.link(bpy.data.objects.new("static", whole))


def _in_view(scene: Any, points: Any) -> Any:
    """Which of some points [n, 3] the camera has in its frame: Blender leaves out whole objects that it has not."""
    import numpy as np

    camera, picture = scene.camera, scene.render
    high_over_wide = picture.resolution_y / picture.resolution_x
    inverse = np.array(camera.matrix_world.inverted())
    own = points @ inverse[:3, :3].T + inverse[:3, 3]
    wide, high = (camera.data.sensor_width / 2 / camera.data.lens * side for side in (1.0, high_over_wide))
    depth = -own[:, 2]
    return (depth > 0) & (abs(own[:, 0]) < wide * depth) & (abs(own[:, 1]) < high * depth)


def _emission() -> Any:
    """A plain material that emits, as those of the scenes do."""
    import bpy

    from forward_pass.scene.compat import enable_nodes

    material = bpy.data.materials.new("static")
    tree = enable_nodes(material)
    emission, output = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])
    return material
