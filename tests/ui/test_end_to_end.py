# SPDX-License-Identifier: GPL-3.0-or-later
"""The button with nothing pretended: a prompt becomes a scene, twice."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.layout import lay_out
from forward_pass.core.script import read_script
from forward_pass.core.trace import Trace
from forward_pass.process.python import VARIABLE
from forward_pass.scene.partial_sums import PARTIAL_SUMS
from forward_pass.ui import block_panel
from forward_pass.ui.folders import user_folder
from tests.ui.conftest import inventory

pytestmark = [
    pytest.mark.blender,
    pytest.mark.slow,
    pytest.mark.usefixtures("addon"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed in this Python"),
]


def test_from_a_prompt_to_a_scene_and_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, sys.executable)
    bpy.context.scene.forward_pass.device = "cpu"
    assert bpy.ops.forward_pass.generate() == {"FINISHED"}
    scene, first = bpy.context.scene, inventory()
    trace = Trace.open(Path(user_folder("traces")) / "CBABBC.trace.safetensors")
    assert scene["fp_trace"] == f"CBABBC.trace.safetensors {trace.sha256}"
    blocks = {item["fp_tensor"] for item in scene.objects if "fp_tensor" in item}
    assert blocks == {block.tensor for block in lay_out(trace).blocks}
    assert read_script(scene["fp_script"]).acts[0].name == "Overview"

    scene.forward_pass.prompt = "AAABBB"
    assert bpy.ops.forward_pass.generate() == {"FINISHED"}
    again = bpy.context.scene
    assert again["fp_trace"].startswith("AAABBB.trace.safetensors ")
    assert again.collection.children.keys() == ["Forward Pass"]
    assert {name for kind, name in inventory() if kind == "COLLECTION"} == {n for k, n in first if k == "COLLECTION"}
    assert not [name for _kind, name in inventory() if name.startswith("~")]
    # What the first scene held is gone with it, and themes are not there twice.
    assert [tree.name for tree in bpy.data.node_groups if "Cell" in tree.name and "." in tree.name] == []
    assert {name for kind, name in inventory() if kind == "WORLD"} == {n for k, n in first if k == "WORLD"}

    bpy.context.view_layer.objects.active = scores = again.objects["s0.l0.h0.scores"]
    assert block_panel.FORWARDPASS_PT_block.poll(bpy.context)
    assert bpy.ops.forward_pass.partial_sums() == {"FINISHED"}
    assert PARTIAL_SUMS in scores.modifiers and scores.parent["fp_sweep"] == "outer"
    assert not bpy.ops.forward_pass.partial_sums.poll()  # it does so already
    bpy.context.view_layer.objects.active = again.objects["s0.l0.h0.pattern"]
    assert not bpy.ops.forward_pass.partial_sums.poll()  # it is no result of a multiply
    bpy.context.view_layer.objects.active = again.objects["s1.l0.h0.scores"]  # a later token's row
    with pytest.raises(RuntimeError, match="are the product of no two blocks here"):
        bpy.ops.forward_pass.partial_sums()


def test_a_prompt_that_the_model_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, sys.executable)
    bpy.context.scene.forward_pass.prompt = "ABD"
    before = inventory()
    with pytest.raises(RuntimeError, match="D"):
        bpy.ops.forward_pass.generate()
    assert inventory() == before
