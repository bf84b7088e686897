# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene of sizes alone, built small and read back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from forward_pass.core.pull_back import frame_height, seen_at
from forward_pass.core.story_scale import ScalePlan, tell_scale

bpy = pytest.importorskip("bpy")
from forward_pass.scene.acts import acts_of
from forward_pass.scene.clock import clock_curve

pytestmark = pytest.mark.blender
SIZE, FPS = (320, 180), 10.0


@pytest.fixture(scope="module")
def plan() -> ScalePlan:
    return tell_scale(["nano-sort", "gpt2-medium"], aspect=SIZE[0] / SIZE[1])


@pytest.fixture(scope="module")
def scene(plan: ScalePlan) -> Iterator[Any]:
    from forward_pass.scene.scale import build_scale

    bpy.ops.wm.read_factory_settings(use_empty=True)
    made = bpy.context.scene
    steps = list(build_scale(made, plan, size=SIZE, fps=FPS))
    shares = [share for _what, share in steps]
    assert shares == sorted(shares) and shares[-1] == 1.0
    # A window lives between the steps: no model is built in one.
    told = [what for what, _share in steps]
    assert all(told.count(standing.model.name) > 10 for standing in plan.standings)
    yield made
    bpy.ops.wm.read_factory_settings(use_empty=True)


def shapes(scene: Any, name: str) -> list[Any]:
    return [item for item in bpy.data.collections[name].objects if item.get("fp_detail") == "shape"]


def test_all_blocks_are_there_in_few_objects(scene, plan):
    assert len(scene.objects) < 300
    for standing in plan.standings:
        items = shapes(scene, standing.model.name)
        assert sum(item["fp_count"] for item in items) == len(standing.layout.blocks)
        assert not any("value" in item.data.attributes or item.get("fp_image") for item in items)
        model = bpy.data.objects[standing.model.name]
        assert model["fp_parameters"] == str(standing.layout.parameters) and model["fp_source"]


def test_slabs_are_as_large_as_their_matrices_and_stand_in_their_models(scene, plan):
    bpy.context.view_layer.update()
    for standing in plan.standings:
        points = []
        for item in shapes(scene, standing.model.name):
            faces = np.array([vertex.co for vertex in item.data.vertices]).reshape(-1, 8, 3)
            blocks = [b for b in standing.layout.blocks if f"{standing.model.name} {b.part}" == item.name.split(".")[0]]
            sizes = {tuple(np.round(np.linalg.norm([b.row_step, b.column_step], axis=1) * b.shape, 1)) for b in blocks}
            across = np.linalg.norm(faces[:, 1] - faces[:, 0], axis=1)
            down = np.linalg.norm(faces[:, 3] - faces[:, 0], axis=1)
            assert len(faces) == item["fp_count"]
            assert set(zip(down.round(1).tolist(), across.round(1).tolist(), strict=True)) <= sizes
            points.append(faces.reshape(-1, 3) @ np.array(item.matrix_world)[:3, :3].T + item.matrix_world.translation)
        face = np.concatenate(points)
        assert face[:, :2].min(0) == pytest.approx(standing.box.low[:2], abs=1.0)
        assert face[:, :2].max(0) == pytest.approx(standing.box.high[:2], abs=1.0)


def test_signs_keep_their_size_on_screen_and_the_camera_sees_to_the_end(scene, plan):
    camera = scene.camera.data
    for key in (plan.keys[0], plan.keys[len(plan.keys) // 2], plan.keys[-1]):
        scene.frame_set(1 + round(key.second * FPS))
        second = scene["fp_time"]
        nearest = min(plan.keys, key=lambda k: abs(k.second - second))
        if abs(nearest.second - second) > 0.02:
            continue
        assert camera.clip_start < 0.1 * nearest.distance * 1.1 and camera.clip_end > 5 * nearest.distance
        for sign in plan.signs:
            foot = bpy.data.objects[f"sign {sign.name}"]
            depth = float(seen_at([sign.foot], nearest, plan.aspect)[0, 2])
            assert foot.scale.x == pytest.approx(frame_height(nearest, max(depth, 1e-3), plan.aspect), rel=0.05)


def test_nothing_needs_permission_to_play(scene):
    drivers = [
        curve.driver
        for item in [*bpy.data.objects, *bpy.data.cameras]
        if item.animation_data
        for curve in item.animation_data.drivers
    ]
    assert drivers and all(driver.type == "SUM" for driver in drivers)


def test_what_a_model_comes_and_goes_with_is_the_clock(scene, plan):
    for standing, (start, end) in zip(plan.standings, plan.seen, strict=True):
        for item in shapes(scene, standing.model.name):
            assert item["fp_start"] == pytest.approx(start) and item["fp_duration"] == pytest.approx(end - start)


def test_its_acts_are_those_of_any_film(scene, plan):
    """So that the panel lists them and can move them: named in order, each with a key of the clock where it begins."""
    assert [act.name for act in acts_of(scene)] == [act.name for act in plan.story.acts] and len(plan.story.acts) > 1
    keys = {round(point.co.x) for point in clock_curve(scene).keyframe_points}
    assert {act.first for act in acts_of(scene)} <= keys
    assert scene["fp_acts"].split("\n") == [act.name for act in plan.story.acts]
