# SPDX-License-Identifier: GPL-3.0-or-later
"""A job behind an operator: followed by a timer in a window, or to its end at once in a script."""

from __future__ import annotations

import time
from typing import Any

import bpy

from ..core.errors import UserError
from .drawing import translated
from .progress import Progress
from .session import SESSION, Job

INTERVAL = 0.02  # seconds between two polls in a window
DRAWING = 0.1  # seconds between two pictures of the progress: drawing takes longer than a slice of work
_timers: list[Any] = []  # of the jobs that are followed in a window


class JobOperator(bpy.types.Operator):
    """The part that "Generate Scene" and "Render Video" share. `begin` makes the job, `finish` follows its success, and
    `show` comes once the window was drawn with what that says: Blender may take long to show what is new."""

    doing = ""  # the title of its jobs
    esc_cancels = False  # wherever it is pressed: not where people work on for minutes, and press it for something else
    _ended: set[Any] | None = None  # what came of it, once it is over and only has to be shown
    _timer: Any = None
    _drawn = 0.0  # when the progress was last drawn
    _said = ""  # what was said of it then
    _level: Any = "ERROR"  # of a report: makes an exception in a script, a window in the way of a click

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only one job at a time."""
        if SESSION.running:
            cls.poll_message_set("Forward Pass is already at work")
            return False
        return True

    def begin(self, context: bpy.types.Context) -> Job:
        """The job, started. Raises `UserError`."""
        raise NotImplementedError

    def finish(self, context: bpy.types.Context) -> str:
        """What to do and say once the job is done."""
        raise NotImplementedError

    def show(self, context: bpy.types.Context) -> None:
        """Changes what the window shows, where that belongs to it."""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        """From a button: starts, and lets the window live."""
        return self.follow(context)

    def follow(self, context: bpy.types.Context) -> set[Any]:
        """Starts the job; a timer does the rest."""
        self._level = "WARNING"
        if not self._start(context):
            return {"CANCELLED"}
        manager = context.window_manager
        self._timer = manager.event_timer_add(INTERVAL, window=context.window)
        _timers.append(self._timer)
        manager.modal_handler_add(self)
        redraw()
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """From a script: stays until the end. An error is reported, so that Python gets it as an exception."""
        if not self._start(context):
            return {"CANCELLED"}
        try:
            while SESSION.poll():
                time.sleep(0.005)
        except BaseException:  # Ctrl-C among them
            SESSION.end()
            raise
        ended = self._end(context)
        if ended == {"FINISHED"}:
            self.show(context)
        return ended

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        """Once for every event: goes on at the timer's, stops at Esc where that is said, leaves the rest to others."""
        stop = self.esc_cancels and event.type == "ESC" and event.value == "PRESS"
        if event.type != "TIMER" and not stop:
            return {"PASS_THROUGH"}
        if self._ended is not None:
            return self._show_ended(context, self._ended)
        if stop:
            SESSION.cancel()
        running = SESSION.poll()
        job = SESSION.job
        if running and job is not None:
            self._draw_progress(context, job.progress)
        else:
            context.workspace.status_text_set(None)
            self._ended = self._end(context)
        return {"RUNNING_MODAL"} if stop else {"PASS_THROUGH"}

    def _show_ended(self, context: bpy.types.Context, ended: set[Any]) -> set[Any]:
        """At the first event after the end: the window was drawn since."""
        self._stop_following(context)
        if ended == {"FINISHED"}:
            self.show(context)
        return ended

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender takes the operator away: another file, or the end."""
        SESSION.end()
        self._stop_following(context)

    def _draw_progress(self, context: bpy.types.Context, progress: Progress) -> None:
        if time.monotonic() - self._drawn < DRAWING:
            return
        line = f"{translated(progress.title)} {progress.done:.0%} · {progress.line(translated)}"
        if line == self._said:
            return
        self._drawn, self._said = time.monotonic(), line
        context.workspace.status_text_set(f"{line} · {translated('Esc cancels')}" if self.esc_cancels else line)
        redraw()

    def _start(self, context: bpy.types.Context) -> bool:
        try:
            SESSION.start(self.begin(context))
        except UserError as error:
            self._show(error)
            return False
        return True

    def _end(self, context: bpy.types.Context) -> set[Any]:
        job = SESSION.job
        if job is not None and job.error is not None:
            self._show(job.error)
        elif job is not None and job.state == "done":
            SESSION.notice = self.finish(context)
            self.report({"INFO"}, SESSION.notice)
            redraw()
            return {"FINISHED"}
        redraw()
        return {"CANCELLED"}

    def _show(self, error: UserError) -> None:
        """In the panel until it is dismissed, and as a report."""
        SESSION.fail(error, self.doing)
        self.report({self._level}, str(error))
        redraw()

    def _stop_following(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            _timers.remove(self._timer)
            self._timer = None
        if context.workspace is not None:
            context.workspace.status_text_set(None)


def stop_following() -> None:
    """For an add-on that is being disabled: Blender forgets its operators at work without telling them."""
    for timer in _timers:
        bpy.context.window_manager.event_timer_remove(timer)
    _timers.clear()
    for workspace in bpy.data.workspaces:
        workspace.status_text_set(None)


def redraw() -> None:
    """Has every sidebar, and the preferences, drawn anew."""
    for manager in bpy.data.window_managers:
        for window in manager.windows:
            for area in window.screen.areas:
                if area.type == "PREFERENCES":
                    area.tag_redraw()
                elif area.type == "VIEW_3D":
                    for region in area.regions:
                        if region.type == "UI":
                            region.tag_redraw()
