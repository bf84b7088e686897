# SPDX-License-Identifier: GPL-3.0-or-later
"""What scenes of three sizes of model take: building, memory, the file, a step of the clock, a frame.

Each scene is measured in a process of its own, so that its peak of memory is its own. Two ways to compare with: the
naive one, an object and a material with keys of its own for every cell; and one static mesh that covers the same
pixels, which is as fast as a frame can be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from forward_pass.core.errors import UserError
from forward_pass.process.options import TraceOptions
from forward_pass.process.trace_prompt import trace_prompt
from scripts._bench_clock import THROUGH, animation, step
from scripts._bench_cost import GPT2, SHORT, Cost
from scripts._bench_frozen import freeze
from scripts._memory import peak_bytes

NAIVE = 500  # cells: what one can wait for
SIZE, FRAMES = (480, 270), 6  # pixels of a picture, and pictures
IDS = tuple(37 * i % 50_257 for i in range(1, 33))  # 32 tokens out of GPT-2's vocabulary
PROMPTS = {"nano-sort": "CBABBC", "tiny-shakespeare": "To be, or not to b"}


def measure_scenes(tiny: bool = False) -> Iterator[Cost]:
    """The costs of the scenes, one after another, and of the naive way. `tiny` takes small ones, for tests.

    Raises UserError where one cannot be measured.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, prompt in PROMPTS.items():
            if tiny and name != "nano-sort":
                continue
            yield _child(name, trace_prompt(prompt, name, folder / f"{SHORT[name]}.trace.safetensors", "cpu"), tiny)
        yield _child(GPT2, _gpt2(folder, tiny), tiny)
        yield _child("naive", Path(str(30 if tiny else NAIVE)), tiny)


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
    objects, clock = len(scene.objects), step(scene, 1 if tiny else THROUGH)
    frame, static = _frames(scene, tiny)
    return Cost(name, cells, objects, build, peak, file, clock, frame, static)


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
    return Cost("naive", cells, cells, build, peak_bytes(), 0, step(scene), 0.0, 0.0)


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
    freeze(scene)
    return moving, animation(scene)


if __name__ == "__main__":
    name, what, out, tiny = sys.argv[1:]
    cost = measure_naive(int(what)) if name == "naive" else measure(name, Path(what), tiny == "1")
    Path(out).write_text(json.dumps(cost.__dict__), encoding="utf-8")
    sys.stdout.flush()
    # A process that imported bpy can hang when it ends in the ordinary way.
    os._exit(0)
