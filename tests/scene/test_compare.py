# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs in one scene, read back: whose numbers stand where, and what the second shares with the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from forward_pass.core.story_compare import ComparePlan, tell_compare
from tests.core.two_runs import run_of

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> ComparePlan:
    folder = tmp_path_factory.mktemp("runs")
    first, second = (run_of(prompt, folder / f"{prompt}.safetensors", steps=1) for prompt in ("CBABBC", "ABCABC"))
    return tell_compare(first, second)


@pytest.fixture(scope="module")
def scene(plan: ComparePlan) -> Iterator[Any]:
    from forward_pass.scene.compare import build_compare

    bpy.ops.wm.read_factory_settings(use_empty=True)
    made = bpy.context.scene
    steps = list(build_compare(made, plan, size=(320, 180), fps=10.0))
    shares = [share for _what, share in steps]
    assert shares == sorted(shares) and shares[-1] == 1.0
    # A window lives between the steps: the names of a run are not written in one.
    assert [what for what, _share in steps].count("labels") > 20
    yield made
    bpy.ops.wm.read_factory_settings(use_empty=True)


def blocks(scene: Any, run: int) -> list[Any]:
    return [item for item in scene.objects if item.get("fp_run") == run]


def test_every_block_of_both_runs_is_there_with_its_own_numbers(scene, plan):
    for number, side in enumerate(plan.sides, 1):
        items = {item.name: item for item in blocks(scene, number)}
        assert set(items) == {block.key for block in side.layout.blocks}
        for block in side.layout.blocks[:: max(1, len(side.layout.blocks) // 40)]:
            values = items[block.key].data.attributes["value"].data
            found = np.empty(len(values), np.float32)
            values.foreach_get("value", found)
            assert np.array_equal(found.reshape(block.shape), side.values.matrix(block.key), equal_nan=True)
            assert items[block.key]["fp_tensor"] == block.tensor
    assert scene["fp_trace"] != scene["fp_trace_2"]


def test_collections_nest_under_the_name_of_each_run(scene):
    root = bpy.data.collections["Forward Pass"]
    assert {"1 CBABBC", "2 ABCABC", "labels", "stage"} <= {child.name for child in root.children}


def test_cells_that_captions_speak_of_are_outlined_in_their_time(scene, plan):
    item = bpy.data.objects["differences"]
    ink = np.array([face.vector for face in item.data.attributes["ink"].data])
    starts = {round(float(start), 3) for start in ink[:, 0]}
    assert starts == {round(mark.start, 3) for mark in plan.marks}
    assert len(item.data.polygons) == 9 * len(plan.marks)


def test_the_running_multiply_stands_under_both_running_texts(scene):
    def up_and_down(item: Any) -> tuple[float, float]:
        """Its lowest and highest point, in frame heights, where all overlays hang."""
        heights = [corner[1] for corner in item.bound_box]
        moved = item.parent.location.y if item.parent.name != "Overlays" else 0.0
        return min(heights) + moved, max(heights) + moved

    chips = [up_and_down(item) for item in scene.objects if item.name.startswith("token overlay")]
    (multiply,) = (up_and_down(item) for item in scene.objects if item.name == "shapes halo")
    assert len({round(low, 3) for low, _high in chips}) >= 2  # two lines
    assert multiply[1] < min(low for low, _high in chips)


def test_one_clock_and_no_script_drives_both(scene):
    drivers = [
        curve.driver
        for item in [*bpy.data.objects, *bpy.data.cameras]
        if item.animation_data
        for curve in item.animation_data.drivers
    ]
    assert drivers and all(driver.type == "SUM" for driver in drivers)
    assert "fp_script" in scene
