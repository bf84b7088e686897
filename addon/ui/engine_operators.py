# SPDX-License-Identifier: GPL-3.0-or-later
"""What models run in and which are chosen: the preferences, the test of a Python, going online, recent models."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty

from ..core.errors import UserError
from .folders import ADDON
from .modal import redraw
from .preferences import chosen_python
from .properties import scene_of, settings_of
from .python_test import PythonTest
from .recent import use_model
from .session import SESSION


class FORWARDPASS_OT_use_model(bpy.types.Operator):
    """Choose a model that ran here before"""

    bl_idname = "forward_pass.use_model"
    bl_label = "Use Recent Model"
    bl_options = {"INTERNAL", "UNDO"}

    model: StringProperty(name="Model")  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """A folder, or a name of the hub."""
        use_model(settings_of(scene_of(context)), self.model)
        return {"FINISHED"}


class FORWARDPASS_OT_show_preferences(bpy.types.Operator):
    """Show the add-on's preferences, where the Python that runs models is chosen"""

    bl_idname = "forward_pass.show_preferences"
    bl_label = "Forward Pass Preferences"

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """In Blender's own window for them."""
        if not bpy.app.background:
            bpy.ops.preferences.addon_show(module=ADDON)
        return {"FINISHED"}


class FORWARDPASS_OT_allow_online(bpy.types.Operator):
    """Blender is set to stay offline. Shows the preference that lets it and its add-ons go online"""

    bl_idname = "forward_pass.allow_online"
    bl_label = "Allow Online Access…"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """Only shows it: that is for the person to decide."""
        if not bpy.app.background:
            bpy.ops.screen.userpref_show(section="SYSTEM")
        return {"FINISHED"}


class FORWARDPASS_OT_test_python(bpy.types.Operator):
    """Import torch in the chosen Python, and say its version and what it can run on"""

    bl_idname = "forward_pass.test_python"
    bl_label = "Test Forward Pass Python"

    _test: PythonTest | None = None
    _timer: Any = None

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        """From a button: importing torch takes seconds, and the window lives."""
        self._test = PythonTest(chosen_python(context))
        SESSION.python, SESSION.found = "Testing…", None
        self._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        context.window_manager.modal_handler_add(self)
        redraw()
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        """Waits for the answer."""
        if event.type != "TIMER" or self._test is None or self._test.running:
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        return self._end(self._test)

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """From a script: waits."""
        test = PythonTest(chosen_python(context))
        test.wait()
        return self._end(test)

    def _end(self, test: PythonTest) -> set[Any]:
        SESSION.python, SESSION.found = str(test.error or test.info), test.info
        redraw()
        if isinstance(test.error, UserError):
            self.report({"WARNING"}, str(test.error))
            return {"CANCELLED"}
        return {"FINISHED"}


CLASSES = (
    FORWARDPASS_OT_use_model,
    FORWARDPASS_OT_show_preferences,
    FORWARDPASS_OT_allow_online,
    FORWARDPASS_OT_test_python,
)
