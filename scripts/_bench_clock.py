# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a scene takes in Blender: for a step of the clock, and for a frame."""

from __future__ import annotations

import statistics
import tempfile
import time
from itertools import pairwise
from typing import Any

STEPS = 48  # of the clock, all through the story
THROUGH = 5  # how often through it


def step(scene: Any, often: int = THROUGH) -> float:
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
