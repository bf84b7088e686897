# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep `outer` in a model's scene: a block counts up through true partial sums, and the file keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forward_pass.core import matmul
from forward_pass.core.errors import UserError
from forward_pass.core.values import Values
from tests.scene.conftest import FPS, Built

bpy = pytest.importorskip("bpy")
from forward_pass.scene.partial_sums import PARTIAL_SUMS, show_partial_sums

pytestmark = pytest.mark.blender
SCORES, HIDDEN, MIX = "s0.l0.h0.scores", "s0.l0.hidden", "s0.l0.h1.mix"


@pytest.fixture(scope="module")
def scene(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The sample's scene with sums in three of its blocks, saved and opened again."""
    bpy.ops.wm.open_mainfile(filepath=str(built.path))
    for name in (SCORES, HIDDEN, MIX):
        show_partial_sums(bpy.context.scene, bpy.data.objects[name])
    path = tmp_path_factory.mktemp("sums") / "sums.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    yield bpy.context.scene
    bpy.ops.wm.read_factory_settings(use_empty=True)


def numbers(name: str, attribute: str = "value") -> np.ndarray:
    """What a block shows now, [cells]."""
    item = bpy.data.objects[name].evaluated_get(bpy.context.evaluated_depsgraph_get())
    found = np.empty(len(item.data.attributes[attribute].data), np.float32)
    item.data.attributes[attribute].data.foreach_get("value", found)
    return found[: int(np.prod(item["fp_shape"]))]  # the sides of its body come after its cells


def own(built: Built, name: str) -> np.ndarray:
    """The numbers of a block in the trace, [rows, columns]."""
    return Values(built.trace, built.layout).matrix(name)


def at(scene: Any, name: str, share: float) -> float:
    """Goes to the frame nearest to that share of a block's time; returns the share there."""
    item = bpy.data.objects[name]
    scene.frame_set(round(1 + (item["fp_start"] + share * item["fp_duration"]) * FPS))
    return ((scene.frame_current - 1) / FPS - item["fp_start"]) / item["fp_duration"]


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_block_holds_the_sums_that_are_reached(scene: Any, built: Built, share: float) -> None:
    left, right = own(built, "s0.l0.h0.q"), own(built, "s0.l0.h0.k_flat")
    wanted = matmul.partial_sums(left, right, "outer", at(scene, SCORES, share))
    assert np.abs(wanted - left @ right).max() > 0.1  # there is something left to add
    for attribute in ("value", "finite"):
        np.testing.assert_allclose(numbers(SCORES, attribute).reshape(wanted.shape), wanted, atol=2e-3)


def test_a_bias_comes_last(scene: Any, built: Built) -> None:
    """It is added in the last tenth of the time: halfway through that half of it is missing, and nothing else."""
    bias, whole = own(built, "s0.l0.b_up"), own(built, HIDDEN)
    missing = 10 * (1 - at(scene, HIDDEN, 0.95))
    assert 0.3 < missing < 0.7
    np.testing.assert_allclose(numbers(HIDDEN).reshape(whole.shape), whole - missing * bias, atol=1e-3)


@pytest.mark.parametrize("name", [SCORES, HIDDEN, MIX])
def test_before_and_after_it_is_the_block_that_it_was(scene: Any, built: Built, name: str) -> None:
    for share in (-0.5, 1.5):
        at(scene, name, share)
        assert np.array_equal(numbers(name), own(built, name).ravel())


def test_the_scene_says_so_and_lights_up_what_is_added(scene: Any) -> None:
    item = bpy.data.objects[SCORES]
    assert item["fp_play"][0] == 4.0 and item.parent["fp_sweep"] == "outer"
    sides = {name: bpy.data.objects[name]["fp_use"][2] for name in ("s0.l0.h0.q", "s0.l0.h0.k_flat")}
    assert sides == {"s0.l0.h0.q": 1.0, "s0.l0.h0.k_flat": 0.0}  # columns of L, rows of R
    # W_up is used again for every later token, row by row: its light stays as it was.
    assert bpy.data.objects["s0.l0.w_up"]["fp_use"][2] == 1.0
    drivers = [curve.driver.type for tree in bpy.data.node_groups if tree.animation_data
               for curve in tree.animation_data.drivers if tree.name.startswith("partial sums")]  # fmt: skip
    assert drivers == ["SUM"] * 3


def test_asked_twice_nothing_is_added(scene: Any) -> None:
    item = bpy.data.objects[SCORES]
    before = len(item.data.attributes), len(bpy.data.node_groups)
    show_partial_sums(scene, item)
    assert (len(item.data.attributes), len(bpy.data.node_groups)) == before
    assert [modifier.name for modifier in item.modifiers].count(PARTIAL_SUMS) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("s1.l0.h0.scores", "product of no two blocks"),  # its keys are many blocks, one for each token
        ("s0.l0.norm", "no result of a multiply"),
        ("s0.l0.w_up", "no result of a multiply"),
    ],
)
def test_what_has_no_sums_is_refused_and_stays(scene: Any, name: str, said: str) -> None:
    item = bpy.data.objects[name]
    before = [modifier.name for modifier in item.modifiers], list(item["fp_play"])
    with pytest.raises(UserError, match=said):
        show_partial_sums(scene, item)
    assert ([modifier.name for modifier in item.modifiers], list(item["fp_play"])) == before


def test_another_scene_is_refused(scene: Any) -> None:
    """Without a clock, or with one and without the block."""
    other, block = bpy.data.scenes.new("other"), bpy.data.objects["s0.l1.h0.scores"]
    with pytest.raises(UserError, match="other has no clock"):
        show_partial_sums(other, block)
    other["fp_time"] = 0.0
    with pytest.raises(UserError, match="not in the scene other"):
        show_partial_sums(other, block)
    assert PARTIAL_SUMS not in block.modifiers
