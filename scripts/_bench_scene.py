# SPDX-License-Identifier: GPL-3.0-or-later
"""What scenes of three sizes of model take: building, memory, the file, a step of the clock, a frame.

Each scene is measured in a process of its own, so that its peak of memory is its own. Two ways to compare with: the
naive one, an object and a material with keys of its own for every cell; and one static mesh that covers the same
pixels, which is as fast as a frame can be.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from forward_pass.core.errors import UserError
from forward_pass.process.options import TraceOptions
from forward_pass.process.trace_prompt import trace_prompt
from scripts._memory import peak_bytes
from scripts._table import Column, table

NAIVE = 500  # cells: what one can wait for
STEPS = 48  # of the clock, all through the story
THROUGH = 5  # how often through it
SIZE, FRAMES = (480, 270), 6
IDS = tuple(37 * i % 50_257 for i in range(1, 33))
PROMPTS = {"nano-sort": "CBABBC", "tiny-shakespeare": "To be, or not to b"}
GPT2 = "GPT-2 small's size"
SHORT = {"nano-sort": "nano", "tiny-shakespeare": "shakespeare", GPT2: "gpt2"}
COLUMNS = tuple(
    Column(title, right=bool(title))
    for title in ("", "cells", "objects", "build", "peak", ".blend", "frame_set", "frame", "over static mesh")
)


@dataclass(frozen=True)
class Cost:
    """What one scene took: seconds to build it and for a frame, milliseconds for a step of the clock (the median over
    the story), bytes at the peak of memory (None where the system does not tell) and of the saved file; `frame` and
    `static` are 0 where nothing was rendered."""

    name: str
    cells: int
    objects: int
    build: float
    peak: int | None
    file: int
    step: float
    frame: float
    static: float

    def row(self) -> tuple[str, ...]:
        """A row of the table."""
        peak = "unknown" if self.peak is None else f"{self.peak / 2**30:.2f} GiB"
        rendered = (f"{self.frame:.2f} s", f"{self.frame / self.static:.2f} x") if self.static else ("", "")
        file = f"{self.file / 1e6:.1f} MB" if self.file else ""
        words = (f"{self.cells:,}", f"{self.objects:,}", f"{self.build:.2f} s", peak, file, f"{self.step:.2f} ms")
        return (self.name, *words, *rendered)

    def keys(self) -> dict[str, float | None]:
        """The numbers by the names that they are kept under."""
        short = SHORT.get(self.name, "naive")
        found: dict[str, float | None] = {
            f"{short}_build_s": self.build,
            f"{short}_peak_gib": None if self.peak is None else self.peak / 2**30,
            f"{short}_blend_mb": self.file / 1e6,
            f"{short}_frame_set_ms": self.step,
        }
        if self.static:
            found |= {f"{short}_frame_s": self.frame, f"{short}_frame_over_static_mesh": self.frame / self.static}
        return found


def measure_scenes(tiny: bool = False) -> Iterator[Cost]:
    """The costs of the scenes, one after another, and of the naive way. `tiny` takes small ones, for tests.

    Raises UserError where one cannot be measured.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, prompt in PROMPTS.items():
            if not tiny or name == "nano-sort":
                yield _child(name, trace_prompt(prompt, name, folder / f"{SHORT[name]}.trace.safetensors", "cpu"), tiny)
        yield _child(GPT2, _gpt2(folder, tiny), tiny)
        yield _child("naive", Path(str(30 if tiny else NAIVE)), tiny)


def report(costs: list[Cost]) -> dict[str, Any]:
    """What is written as JSON: every cost by name, and how many times a frame of the built-in model takes that of one
    static mesh."""
    found: dict[str, Any] = {}
    for cost in costs:
        found |= cost.keys()
    if costs:
        found["frame_over_static_mesh"] = found.get("nano_frame_over_static_mesh")
    if (power := growth(costs)) is not None:
        found["frame_set_exponent"] = power
    return found


def growth(costs: list[Cost]) -> float | None:
    """The power of the number of cells with which a step of the clock grows from the smallest scene to the largest;
    None for fewer than two."""
    scenes = sorted((cost for cost in costs if cost.name != "naive"), key=lambda cost: cost.cells)
    if len(scenes) < 2 or scenes[0].cells == scenes[-1].cells:
        return None
    return math.log(scenes[-1].step / scenes[0].step) / math.log(scenes[-1].cells / scenes[0].cells)


def lines(costs: list[Cost]) -> list[str]:
    """What people are told."""
    naive = next((cost for cost in costs if cost.name == "naive"), None)
    said = table(COLUMNS, [cost.row() for cost in costs], None)
    if (power := growth(costs)) is not None:
        said.append(f"a step of the clock grows with the number of cells to the power of {power:.2f}")
    if naive is not None:
        for cost in costs:
            if cost is not naive:
                each = naive.step / naive.cells * cost.cells
                said.append(f"{cost.name}: the naive way, were it to grow evenly, would take {each:,.0f} ms a step")
    return said


def _gpt2(folder: Path, tiny: bool) -> Path:
    """The trace of random weights of that size."""
    model = folder / "gpt2-random"
    words = [sys.executable, "-m", "forward_pass.tracer.overhead", str(model), "--make", *(["--tiny"] if tiny else [])]
    result = subprocess.run(words, capture_output=True, text=True)
    if result.returncode:
        said = result.stderr.strip().splitlines() or ["it did not say why"]
        raise UserError(f"The model of random weights could not be made: {said[-1].rstrip('.')}.")
    ids = IDS[:6] if tiny else IDS
    options = TraceOptions(ids=",".join(str(i % (50 if tiny else 50_257)) for i in ids))
    return trace_prompt(None, model, folder / "gpt2.trace.safetensors", "cpu", steps=1, options=options)


def _child(name: str, what: Path, tiny: bool) -> Cost:
    """A measurement in a process of its own."""
    with tempfile.TemporaryDirectory() as made:
        out = Path(made) / "cost.json"
        command = [sys.executable, str(Path(__file__).resolve()), name, str(what), str(out), str(int(tiny))]
        result = subprocess.run(command, capture_output=True, text=True)
        if not out.is_file():
            said = [line for line in result.stderr.strip().splitlines() if "EGL" not in line]
            raise UserError(f"The measurement failed: {(said or ['it did not say why'])[-1].rstrip('.')}.")
        return Cost(**json.loads(out.read_text(encoding="utf-8")))


# --- in the process of its own


def measure(name: str, path: Path, tiny: bool) -> Cost:
    """Builds the scene of the trace at `path`, saves it, steps through its story and renders a few frames of it and of
    the static mesh."""
    import bpy

    from forward_pass.core.layout import lay_out
    from forward_pass.core.story import tell
    from forward_pass.core.trace import Trace
    from forward_pass.scene.build import build_scene
    from forward_pass.scene.save import save_blend

    trace = Trace.open(path)
    layout = lay_out(trace)
    story = tell(trace, layout)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.data.scenes[0]
    started = time.perf_counter()
    for _ in build_scene(scene, trace, layout, story):
        pass
    build = time.perf_counter() - started
    blend = path.with_suffix(".blend")
    save_blend(blend)
    peak, file = peak_bytes(), blend.stat().st_size
    cells = sum(block.counts[0] * block.counts[1] for block in layout.blocks)
    objects, step = len(scene.objects), _step(scene, 1 if tiny else THROUGH)
    frame, static = _frames(scene, tiny)
    return Cost(name, cells, objects, build, peak, file, step, frame, static)


def measure_naive(cells: int) -> Cost:
    """The naive way: every cell a plane with a material of its own, shown and coloured by keys of its own."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene: Any = bpy.data.scenes[0]
    scene.frame_start, scene.frame_end = 1, 240
    started = time.perf_counter()
    for i in range(cells):
        mesh = bpy.data.meshes.new("cell")
        mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [], [(0, 1, 2, 3)])
        material: Any = bpy.data.materials.new("cell")
        mesh.materials.append(material)
        item: Any = bpy.data.objects.new("cell", mesh)
        item.location = (i % 32, i // 32, 0)
        scene.collection.objects.link(item)
        for frame in (1, 120, 240):
            item.scale = (1, 1, frame / 240)
            item.keyframe_insert("scale", frame=frame)
            material.diffuse_color = (frame / 240, 0, 0, 1)
            material.keyframe_insert("diffuse_color", frame=frame)
    build = time.perf_counter() - started
    return Cost("naive", cells, cells, build, peak_bytes(), 0, _step(scene), 0.0, 0.0)


def _step(scene: Any, often: int = THROUGH) -> float:
    """Milliseconds of a step of the clock: the median over the story, of the quietest of a few times through it."""
    frames = [round(1 + i * (scene.frame_end - 1) / (STEPS - 1)) for i in range(STEPS)]
    scene.frame_set(frames[0])
    through = []
    for _ in range(often):
        times = []
        for frame in frames[1:]:
            started = time.perf_counter()
            scene.frame_set(frame)
            times.append(time.perf_counter() - started)
        through.append(statistics.median(times))
    return 1000 * min(through)


def _frames(scene: Any, tiny: bool) -> tuple[float, float]:
    """Seconds a frame takes: of the scene, and of one static mesh that covers the same pixels."""
    count = 2 if tiny else FRAMES
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.render.resolution_percentage = 20 if tiny else 100
    scene.eevee.taa_render_samples = 1
    scene.frame_start = scene.frame_end // 2
    scene.frame_end = scene.frame_start + count - 1
    scene.frame_set(scene.frame_start)
    moving = animation(scene)
    _freeze(scene)
    return moving, animation(scene)


def animation(scene: Any) -> float:
    """The least seconds a frame of the animation takes, the first left out: it compiles the shaders."""
    import bpy

    times: list[float] = []

    def mark(*_: Any) -> None:
        times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = f"{folder}/"
        bpy.app.handlers.render_write.append(mark)
        try:
            bpy.ops.render.render(animation=True, scene=scene.name)
        finally:
            bpy.app.handlers.render_write.remove(mark)
    return min(b - a for a, b in pairwise(times))


def _freeze(scene: Any) -> None:
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

    camera = scene.camera
    inverse = np.array(camera.matrix_world.inverted())
    own = points @ inverse[:3, :3].T + inverse[:3, 3]
    wide, high = (camera.data.sensor_width / 2 / camera.data.lens * side for side in (1.0, SIZE[1] / SIZE[0]))
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


if __name__ == "__main__":
    name, what, out, tiny = sys.argv[1:]
    cost = measure_naive(int(what)) if name == "naive" else measure(name, Path(what), tiny == "1")
    Path(out).write_text(json.dumps(cost.__dict__), encoding="utf-8")
    sys.stdout.flush()
    # A process that imported bpy can hang when it ends in the ordinary way.
    os._exit(0)
