# SPDX-License-Identifier: GPL-3.0-or-later
"""A job followed in a window: which keys stop it, and when what it made is shown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.ui.generate_operators import FORWARDPASS_OT_generate
from forward_pass.ui.modal import JobOperator
from forward_pass.ui.render_operators import FORWARDPASS_OT_render
from forward_pass.ui.session import SESSION
from forward_pass.ui.set_up import FORWARDPASS_OT_set_up
from tests.ui.test_register import running_job

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]

ESC: Any = SimpleNamespace(type="ESC", value="PRESS")
TIMER: Any = SimpleNamespace(type="TIMER", value="NOTHING")


def followed(kind: Any, done: list[Any], ended: str) -> Any:
    """An operator of that kind as Blender holds it while it follows a job; notes in `done` what it does."""

    def end(context: Any) -> set[str]:
        done.append("end")
        return {ended}

    operator: Any = SimpleNamespace(
        esc_cancels=kind.esc_cancels,
        _ended=None,
        _end=end,
        _draw_progress=lambda context, progress: None,
        _stop_following=lambda context: done.append("stop following"),
        show=lambda context: done.append("show"),
    )
    operator._show_ended = lambda context, ended: JobOperator._show_ended(operator, context, ended)
    return operator


def window(done: list[Any]) -> Any:
    return SimpleNamespace(workspace=SimpleNamespace(status_text_set=done.append))


@pytest.mark.parametrize(
    ("kind", "stops"),
    [(FORWARDPASS_OT_generate, True), (FORWARDPASS_OT_render, False), (FORWARDPASS_OT_set_up, False)],
)
def test_esc_stops_what_takes_seconds_and_not_what_people_work_beside(kind: Any, stops: bool) -> None:
    job, done = running_job(), list[Any]()
    said = JobOperator.modal(followed(kind, done, "CANCELLED"), window(done), ESC)
    assert (job.cancelled, said == {"PASS_THROUGH"}) == (stops, not stops)


def test_a_scene_is_shown_once_the_window_was_drawn_with_what_was_made() -> None:
    running_job()
    done = list[Any]()
    operator, context = followed(FORWARDPASS_OT_generate, done, "FINISHED"), window(done)
    assert JobOperator.modal(operator, context, TIMER) == {"PASS_THROUGH"} and done == []
    SESSION.cancel()  # it is over
    assert JobOperator.modal(operator, context, TIMER) == {"PASS_THROUGH"}
    assert done == [None, "end"]  # the status bar is free again
    assert JobOperator.modal(operator, context, TIMER) == {"FINISHED"}
    assert done[2:] == ["stop following", "show"]
