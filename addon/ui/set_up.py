# SPDX-License-Identifier: GPL-3.0-or-later
"""The private Python environment, made at the press of a button and only then."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.errors import UserError
from ..process.environment import (
    Variant,
    choose_variant,
    is_half_made,
    is_ready,
    look_at_machine,
    make_plan,
    size,
)
from ..process.set_up import EnvironmentJob, remove
from .drawing import short, translated
from .folders import environment_folder
from .modal import JobOperator, redraw
from .progress import SETTING_UP, Progress
from .session import SESSION, Job


class SettingUp:
    """The environment being made, as the panel and the timer want a job."""

    def __init__(self, job: EnvironmentJob) -> None:
        self.state: str = job.state
        self.error: UserError | None = None
        self.progress = Progress(SETTING_UP, job.text)
        self.made = job

    @property
    def running(self) -> bool:
        """Whether it is still being made."""
        return self.state == "running"

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines that the commands said."""
        return self.made.log

    def poll(self) -> None:
        """Looks how far it is."""
        self.progress.tell(self.made.done, self.made.text)
        self.error = self.made.error
        if self.running:
            self.state = self.made.state

    def cancel(self) -> None:
        """Stops; what is there stays for the next time."""
        self.made.cancel()
        self.state = "cancelled"

    def end(self) -> None:
        """As `cancel`, and waits until nothing runs any more."""
        self.made.end()
        self.state = "cancelled"


class FORWARDPASS_OT_set_up(JobOperator):
    """Make a Python environment of the add-on's own, with torch. Tells first how much there is to download"""

    bl_idname = "forward_pass.set_up"
    bl_label = "Set Up Python for Models"

    doing = SETTING_UP
    _asked = False
    _variant: Variant | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only where Blender may go online."""
        if not bpy.app.online_access:
            cls.poll_message_set("Allow Online Access in the System preferences first")
            return False
        return super().poll(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        """Tells what it takes, and asks."""
        try:
            self._variant = choose_variant(look_at_machine())
        except UserError as error:
            self._level = "WARNING"
            self._show(error)
            return {"CANCELLED"}
        self._asked = True
        return context.window_manager.invoke_props_dialog(self, width=420, confirm_text=translated("Set Up"))

    def draw(self, context: bpy.types.Context) -> None:
        """What it takes."""
        column = self.layout.column()
        variant = self._variant
        if variant is None:
            return
        folder = environment_folder()
        column.label(text=f"torch {translated(variant.words)}, transformers", translate=False)
        line = translated("Download: up to {download}. On disk: {disk}")
        line = line.format(download=size(variant.download), disk=size(variant.disk))
        column.label(text=line, icon="IMPORT", translate=False)
        column.label(text=short(folder), icon="FILE_FOLDER", translate=False)
        if is_half_made(folder):
            column.label(text="An earlier try was broken off: this goes on with it", icon="INFO")
        column.label(text="Blender's own Python stays as it is")

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """After the question lets the window live, from a script stays until the end."""
        return self.follow(context) if self._asked and not bpy.app.background else super().execute(context)

    def begin(self, context: bpy.types.Context) -> Job:
        """Starts the first command."""
        variant = self._variant or choose_variant(look_at_machine())
        return SettingUp(EnvironmentJob(make_plan(environment_folder(), variant)))

    def finish(self, context: bpy.types.Context) -> str:
        """Tells what is there now."""
        assert isinstance(SESSION.job, SettingUp)
        SESSION.found = SESSION.job.made.info
        SESSION.python = str(SESSION.found)
        return translated("Set up {python}").format(python=SESSION.found)


class FORWARDPASS_OT_remove_environment(bpy.types.Operator):
    """Remove the add-on's own Python environment and free its room on disk"""

    bl_idname = "forward_pass.remove_environment"
    bl_label = "Remove Python for Models"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be one, and nothing may run in it."""
        folder = environment_folder()
        if not (is_ready(folder) or is_half_made(folder)):
            cls.poll_message_set("There is no environment")
            return False
        if SESSION.running:
            cls.poll_message_set("Forward Pass is at work")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        """Asks."""
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """All of it, but the log."""
        try:
            remove(environment_folder())
        except UserError as error:
            self.report({"WARNING"}, str(error))
            return {"CANCELLED"}
        SESSION.found, SESSION.python = None, ""
        redraw()
        return {"FINISHED"}


CLASSES = (FORWARDPASS_OT_set_up, FORWARDPASS_OT_remove_environment)
