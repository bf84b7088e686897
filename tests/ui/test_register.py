# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender knows while the add-on is enabled, and that it forgets all of it."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

import forward_pass
from forward_pass.ui import modal
from forward_pass.ui.session import SESSION
from tests.ui.conftest import PretendJob

pytestmark = pytest.mark.blender


def traces() -> set[str]:
    """Everything of ours that Blender knows."""
    types = {name for name in dir(bpy.types) if "forwardpass" in name.lower() or "FORWARD_PASS" in name}
    properties = {name for name in bpy.types.Scene.bl_rna.properties.keys() if "forward" in name}  # noqa: SIM118
    handlers = {
        f"{name} {handler.__module__}"
        for name in dir(bpy.app.handlers)
        if isinstance(getattr(bpy.app.handlers, name), list)
        for handler in getattr(bpy.app.handlers, name)
        if handler.__module__.startswith(forward_pass.__name__)
    }
    return types | properties | handlers


def test_registering_twice_leaves_nothing() -> None:
    for _ in range(2):
        assert traces() == set()
        forward_pass.register()
        handler = f"load_pre {forward_pass.__name__}.ui.handlers"
        assert {"FORWARDPASS_PT_generate", "forward_pass", handler} <= traces()
        forward_pass.unregister()
    assert traces() == set()


def test_importing_the_package_does_not_import_bpy() -> None:
    import subprocess

    code = "import sys, forward_pass; sys.exit('bpy' in sys.modules)"
    path = "import sys; sys.path[:0] = " + repr(sys.path) + "; " + code
    assert subprocess.run([sys.executable, "-c", path], timeout=60).returncode == 0


def test_disabling_while_a_job_runs_ends_it(addon: None) -> None:
    job = running_job()
    forward_pass.unregister()
    assert job.ended and not SESSION.running
    forward_pass.register()


def test_disabling_leaves_no_timer_of_what_is_followed_in_a_window(addon: None) -> None:
    manager = bpy.context.window_manager
    window: Any = SimpleNamespace(event_timer_add=manager.event_timer_add, modal_handler_add=lambda operator: None)
    context: Any = SimpleNamespace(window=bpy.context.window, window_manager=window)
    operator: Any = SimpleNamespace(_start=lambda context: True)
    assert modal.JobOperator.follow(operator, context) == {"RUNNING_MODAL"} and len(modal._timers) == 1
    forward_pass.unregister()
    assert modal._timers == []
    forward_pass.register()


def test_opening_another_file_ends_the_job(addon: None) -> None:
    job = running_job()
    bpy.ops.wm.read_homefile(app_template="")
    assert job.ended and not SESSION.running


def test_saving_while_building_finishes_the_scene_first(addon: None, tmp_path: Any) -> None:
    from forward_pass.ui.generate import GenerateRequest, Generation
    from forward_pass.ui.place import ScenePlace
    from tests.ui.conftest import REQUEST, poll_until, pretend_rooms

    generation = Generation(GenerateRequest((REQUEST,)), ScenePlace(bpy.context.scene), pretend_rooms())
    SESSION.start(generation)
    poll_until(generation, lambda: generation.state == "building")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert generation.state == "done"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert bpy.data.scenes["Forward Pass"]["fp_version"] == 1


def running_job() -> PretendJob:
    """A generation whose tracer goes on for ever, at work in the session."""
    from forward_pass.ui.generate import GenerateRequest, Generation
    from forward_pass.ui.place import ScenePlace
    from tests.ui.conftest import REQUEST, pretend_rooms

    rooms = pretend_rooms(start=lambda request: PretendJob(request, polls=10**9))
    generation = Generation(GenerateRequest((REQUEST,)), ScenePlace(bpy.context.scene), rooms)
    SESSION.start(generation)
    SESSION.poll()
    assert SESSION.running
    job: PretendJob = generation._job
    return job
