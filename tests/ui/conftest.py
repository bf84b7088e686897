# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on registered in a fresh file, and stand-ins for the rooms that the jobs call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

import forward_pass
from forward_pass.core.errors import UserError
from forward_pass.core.messages import Message, ProgressMessage
from forward_pass.process.request import TraceRequest
from forward_pass.ui.generate import Generation
from forward_pass.ui.prepare import Rooms
from forward_pass.ui.session import SESSION


@pytest.fixture
def addon() -> Iterator[None]:
    """The add-on, enabled in the factory file."""
    bpy.ops.wm.read_factory_settings()
    forward_pass.register()
    SESSION.__init__()  # type: ignore[misc]
    yield
    forward_pass.unregister()


def inventory() -> set[tuple[str, str]]:
    """Type and name of everything in the file."""
    return {(datablock.id_type, datablock.name) for datablock in bpy.data.user_map()}


class PretendJob:
    """A tracer that says something twice and is done at the third poll, or ends as it is told."""

    def __init__(self, request: TraceRequest, end: str = "done", polls: int = 3) -> None:
        self.request, self.state, self.result = request, "running", None
        self.error: UserError | None = None
        self.log = ("a line of the log",)
        self.data: dict[str, Any] = {}
        self.cancelled = self.ended = False
        self._end, self._polls = end, polls

    def poll(self) -> tuple[Message, ...]:
        self._polls -= 1
        if self._polls > 0:
            return (ProgressMessage("trace", 0.5, "Letter 3 of 6"),)
        self.state = self._end
        if self._end == "done":
            self.data = {"device": "cpu", "engine": "NumPy 2.1.0"}
            self.result = self.request.out  # type: ignore[assignment]
        elif self._end == "failed":
            self.error = UserError("The model is tired.", "Let it sleep.", code=1)
        return ()

    def cancel(self) -> None:
        self.cancelled = True

    def end(self) -> None:
        self.cancelled = self.ended = True


def pretend_build(scene: Any, traces: Any, telling: Any, **options: Any) -> Iterator[tuple[str, float]]:
    """Ten objects with materials and a text, on a clock; each step is long enough to fill a slice."""
    root = bpy.data.collections.new("Forward Pass")
    scene.collection.children.link(root)
    tokens = bpy.data.collections.new("tokens")
    root.children.link(tokens)
    group = bpy.data.node_groups.new("FP Clock", "ShaderNodeTree")
    scene["fp_time"] = 0.0
    scene.keyframe_insert('["fp_time"]', frame=1)
    scene["fp_recipe"] = options["recipe"]
    text = bpy.data.curves.new("label", "FONT")
    text.font = bpy.data.fonts.load("<builtin>", check_existing=True)
    root.objects.link(bpy.data.objects.new("label", text))
    for i in range(10):
        material = bpy.data.materials.new("cells")
        if material.node_tree is None:
            material.use_nodes = True
        material.node_tree.nodes.new("ShaderNodeGroup").node_tree = group
        mesh = bpy.data.meshes.new(f"block {i}")
        mesh.materials.append(material)
        tokens.objects.link(bpy.data.objects.new(f"block {i}", mesh))
        time.sleep(0.035)
        yield f"Block {i}", i / 10
    scene.world = bpy.data.worlds.new("night")
    scene.timeline_markers.new("Overview", frame=1)
    scene["fp_version"] = 1


def pretend_rooms(**changes: Any) -> Rooms:
    """Rooms in which everything works; `changes` replaces some."""
    build = changes.pop("build", pretend_build)
    calls: dict[str, Any] = {
        "start": PretendJob,
        "read": lambda path: SimpleNamespace(path=path),
        "lay_out": lambda traces, telling: (),
        "plan": lambda traces, layouts, telling: SimpleNamespace(
            build=lambda scene, **look: build(scene, traces, telling, **look)
        ),
    }
    return Rooms(**(calls | changes))


def finish(generation: Generation, seconds: float = 20.0) -> None:
    """Polls until it is over."""
    poll_until(generation, lambda: not generation.running, seconds)


def poll_until(generation: Generation, true: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"still {generation.state}"
        generation.poll()
        time.sleep(0.001)


REQUEST = TraceRequest("CBABBC", "nano-sort", Path("CBABBC.trace.safetensors"))
