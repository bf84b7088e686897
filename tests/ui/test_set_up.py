# SPDX-License-Identifier: GPL-3.0-or-later
"""The private environment as the preferences show it, and the job that makes it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import UserError
from forward_pass.process.environment import VARIANTS, python_of, write_mark
from forward_pass.process.python import VARIABLE, PythonInfo
from forward_pass.ui import folders, preferences, set_up
from forward_pass.ui.session import SESSION
from tests.ui.test_operators import Layout

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the environment is."""
    folder = tmp_path / "environment"
    for module in (preferences, set_up):
        monkeypatch.setattr(module, "environment_folder", lambda: folder)
    return folder


def drawn(folder: Path) -> list[str]:
    said: list[str] = []
    preferences.draw_environment(Layout(said))
    return said


def test_nothing_is_set_up_offline_or_unasked(folder: Path) -> None:
    assert not bpy.app.online_access and not bpy.ops.forward_pass.set_up.poll()
    assert not bpy.ops.forward_pass.remove_environment.poll() and not folder.exists()
    assert drawn(folder)[1:] == ["Set Up…", "[forward_pass.allow_online]"]


def test_half_made_then_ready_then_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    program = python_of(folder)
    program.parent.mkdir(parents=True)
    program.touch()
    write_mark(folder, VARIANTS["cpu"].name, ["venv"], ready=False)
    assert drawn(folder)[1:3] == ["Go On Setting Up…", "[forward_pass.remove_environment]"]
    assert preferences.chosen_python(bpy.context) is None
    write_mark(folder, VARIANTS["cpu"].name, ["venv", "packages"], ready=True)
    assert "Remove" in drawn(folder) and preferences.chosen_python(bpy.context) == program
    monkeypatch.setenv(VARIABLE, "/a/python")
    assert preferences.chosen_python(bpy.context) is None  # the variable comes first
    assert bpy.ops.forward_pass.remove_environment() == {"FINISHED"} and not folder.exists()


def test_the_job_is_followed_to_its_end() -> None:
    info = PythonInfo(Path("/p/python"), (3, 13, 1), "2.13.0", ("cpu", "cuda (Pretend, 80 GiB)"), "5.24.0")
    made: Any = SimpleNamespace(state="running", error=None, info=None, done=0.4, text="Fetching", log=("a line",))
    job = set_up.SettingUp(made)
    SESSION.start(job)
    assert SESSION.poll() and job.progress.done == 0.4 and job.progress.line() == "Fetching"
    made.state, made.info, made.done = "done", info, 1.0
    assert not SESSION.poll() and SESSION.log == ("a line",)
    facts = dict(preferences.facts_of(info))
    assert facts["Devices"] == "cpu, cuda (Pretend, 80 GiB)" and facts["transformers"] == "5.24.0"


def test_a_failure_reaches_the_panel_and_a_cancel_does_not_wait() -> None:
    calls: list[str] = []
    made: Any = SimpleNamespace(state="failed", error=UserError("The disk is full."), done=0.4, text="", log=())
    made.cancel = lambda: calls.append("cancel")
    job = set_up.SettingUp(made)
    job.state = "running"
    SESSION.start(job)
    assert not SESSION.poll() and SESSION.error is made.error
    made.state, job.state = "running", "running"
    job.cancel()
    assert calls == ["cancel"] and not job.running


def test_the_folder_is_one_that_can_be_written() -> None:
    assert folders.user_folder("traces").is_dir()
