# SPDX-License-Identifier: GPL-3.0-or-later
"""One scene of the sample trace, built once and saved, and what another process finds in the saved file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.story import Story, tell
from forward_pass.core.trace import Trace

HERE = Path(__file__).resolve().parent
RECIPE = '{"prompt": "CBABBC", "theme": "midnight"}'
SIZE, FPS = (1280, 720), 24.0


@dataclass(frozen=True)
class Built:
    """A saved scene and what it was made of."""

    path: Path
    trace: Trace
    layout: Layout
    story: Story
    progress: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Found:
    """What `look_inside.py` found in a saved scene."""

    words: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @cached_property
    def objects(self) -> dict[str, dict[str, Any]]:
        """Every object of the scene by name."""
        return self.words["objects"]

    @cached_property
    def blocks(self) -> dict[str, dict[str, Any]]:
        """Properties of every block by the object's name."""
        return {name: item["properties"] for name, item in self.objects.items() if "fp_tensor" in item["properties"]}

    @cached_property
    def operations(self) -> dict[int, list[str]]:
        """Names of the empties of every operation."""
        found: dict[int, list[str]] = {}
        for name, item in self.objects.items():
            if item["type"] == "EMPTY" and "fp_operation" in item["properties"]:
                found.setdefault(item["properties"]["fp_operation"], []).append(name)
        return found

    def moment(self, second: float) -> dict[str, Any]:
        """Clock and camera at one of the seconds that were asked for."""
        return min(self.words["moments"], key=lambda moment: abs(moment["second"] - second))


@pytest.fixture(scope="session")
def sample(root: Path) -> Path:
    """The trace that all of these tests draw."""
    return root / "tests" / "data" / "CBABBC.trace.safetensors"


@pytest.fixture(scope="session")
def built(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """The scene of the sample trace, as the scripts build it, saved."""
    bpy = pytest.importorskip("bpy")
    from forward_pass.scene.build import build_scene
    from forward_pass.scene.save import save_blend

    trace = Trace.open(sample)
    layout = lay_out(trace, SIZE[0] / SIZE[1])
    story = tell(trace, layout)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    progress = tuple(build_scene(bpy.context.scene, trace, layout, story, recipe=RECIPE, size=SIZE, fps=FPS))
    path = tmp_path_factory.mktemp("scene") / "sample.blend"
    save_blend(path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    yield Built(path, trace, layout, story, progress)


def run_outside(script: str, *arguments: object) -> None:
    """Run one of this folder's scripts in a process that has Blender and NumPy but none of this project's code."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-s", str(HERE / script), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, cwd=HERE)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]


@pytest.fixture(scope="session")
def seconds(built: Built) -> tuple[float, ...]:
    """Where the clock and the camera are looked at: each shot when the camera arrives and when it leaves."""
    story = built.story
    ends = [*(shot.start for shot in story.shots[1:]), story.duration]
    return (0.0, *(s for shot, end in zip(story.shots, ends, strict=True) for s in (shot.start + shot.move, end)))


@pytest.fixture(scope="session")
def found(built: Built, seconds: tuple[float, ...]) -> Found:
    """What another process finds in the saved scene."""
    out, arrays = built.path.with_suffix(".json"), built.path.with_suffix(".npz")
    run_outside("look_inside.py", built.path, out, arrays, *seconds)
    with np.load(arrays) as file:
        return Found(json.loads(out.read_text(encoding="utf-8")), dict(file))
