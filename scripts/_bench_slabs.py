# SPDX-License-Identifier: GPL-3.0-or-later
"""What a frame costs that is full of one matrix, by how many cells the matrix has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from forward_pass.core.errors import UserError
from scripts._bench_clock import animation
from scripts._bench_scene import FRAMES, SIZE

FEW, MANY = 64, 2048  # rows and columns
WIDE = 64.0  # Blender units, whatever the number of cells


@dataclass(frozen=True)
class Slabs:
    """Seconds a frame takes of one matrix that fills it, drawn as a slab: of a few cells, and of `cells` of them."""

    cells: int
    few: float
    many: float

    def line(self) -> str:
        """What people are told."""
        times = f"{self.many:.3f} s against {self.few:.3f} s, {self.many / self.few:.2f} x"
        return f"a frame of one slab of {self.cells:,} cells against one of {FEW * FEW:,}: {times}"

    def keys(self) -> dict[str, float]:
        """The numbers by the names that they are kept under."""
        return {
            "slab_cells": self.cells,
            "slab_frame_s": self.many,
            "slab_frame_few_cells_s": self.few,
            "slab_frame_over_few_cells": self.many / self.few,
        }


def measure_slabs(many: int = MANY, percent: int = 100) -> Slabs:
    """Both frames, in a process of their own, in that many percent of the size. UserError where they cannot be
    measured."""
    with tempfile.TemporaryDirectory() as made:
        out = Path(made) / "slabs.json"
        command = [sys.executable, str(Path(__file__).resolve()), str(many), str(percent), str(out)]
        result = subprocess.run(command, capture_output=True, text=True)
        if not out.is_file():
            said = [line for line in result.stderr.strip().splitlines() if "EGL" not in line]
            raise UserError(f"The measurement failed: {(said or ['it did not say why'])[-1].rstrip('.')}.")
        return Slabs(many * many, *json.loads(out.read_text(encoding="utf-8")))


# --- in the process of its own


def frame_of(side: int, percent: int) -> float:
    """Seconds for a frame that one slab of `side` rows and columns fills."""
    import bpy
    import numpy as np

    from forward_pass.core.layout import Block
    from forward_pass.core.theme import theme
    from forward_pass.core.values import Pooled
    from forward_pass.scene.clock import key_clock
    from forward_pass.scene.contract import plain_settings
    from forward_pass.scene.groups import make_groups
    from forward_pass.scene.materials import make_materials
    from forward_pass.scene.slabs import Atlas, make_slab

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene: Any = bpy.data.scenes[0]
    key_clock(scene, 10.0, 24.0)
    plain_settings(scene)
    step, span = WIDE / side, (0, side - 1)
    block = Block(
        "matrix", "matrix", (), span, span, "left", "weight", 0, 0, None, None, "w_up", "W", (0.0, 0.0, 0.0),
        (0.0, -step, 0.0), (step, 0.0, 0.0), ("channel",), ("neuron",), ("model",),
    )  # fmt: skip
    matrix = np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)
    atlas = Atlas({"matrix": (side, side)})
    materials = make_materials(make_groups(theme("midnight")), atlas.image)
    item = make_slab(block, Pooled(matrix, (1, 1)), (-3.0, 3.0), materials, atlas)
    atlas.finish()
    scene.collection.objects.link(item)
    camera: Any = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    # Near enough that the matrix is all there is in the frame.
    camera.location = (WIDE / 2, -WIDE / 2, WIDE * 0.8)
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.render.resolution_percentage = percent
    scene.eevee.taa_render_samples = 1
    scene.frame_end = scene.frame_start + FRAMES - 1
    return animation(scene)


if __name__ == "__main__":
    many, percent = map(int, sys.argv[1:3])
    seconds = [frame_of(side, percent) for side in (min(FEW, many), many)]
    Path(sys.argv[3]).write_text(json.dumps(seconds), encoding="utf-8")
    sys.stdout.flush()
    # A process that imported bpy can hang when it ends in the ordinary way.
    os._exit(0)
