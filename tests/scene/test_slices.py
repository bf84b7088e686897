# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in slices: what is made is the same however it is cut, and no part of a build is one giant slice."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.layout import lay_out
from forward_pass.core.story import tell
from forward_pass.core.trace import Trace
from forward_pass.scene.build import build_scene
from forward_pass.scene.slices import aside, at_once

pytestmark = pytest.mark.blender


def test_what_is_made_aside_is_returned_and_was_made_in_a_thread() -> None:
    before = sys.getswitchinterval()
    assert at_once(aside(lambda: threading.current_thread().name)) == "forward-pass-aside"
    assert sys.getswitchinterval() == before


def test_what_fails_aside_fails_here() -> None:
    before = sys.getswitchinterval()

    def fail() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        at_once(aside(fail))
    assert sys.getswitchinterval() == before


def test_who_leaves_early_leaves_no_trace_of_the_thread() -> None:
    before, go = sys.getswitchinterval(), threading.Event()
    work = aside(go.wait)
    next(work)
    assert sys.getswitchinterval() < before
    work.close()
    assert sys.getswitchinterval() == before
    go.set()


def test_no_slice_of_a_build_makes_much(root: Path) -> None:
    """By what can be counted, as times depend on the machine: data-blocks, and nodes, of which each takes longer."""
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    layout = lay_out(trace)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    before: Counter[str] = _made()
    for name, _share in build_scene(bpy.data.scenes[0], trace, layout, tell(trace, layout)):
        now = _made()
        grown = now - before
        assert grown["nodes"] <= 100 and grown["data-blocks"] <= 160, (name, grown)
        before = now


def _made() -> Counter[str]:
    """How many nodes and data-blocks there are."""
    data: Any = bpy.data
    trees = [*data.node_groups, *(material.node_tree for material in data.materials if material.node_tree)]
    blocks = sum(len(each) for each in (data.objects, data.meshes, data.curves, data.collections))
    return Counter({"nodes": sum(len(tree.nodes) for tree in trees), "data-blocks": blocks})
