# SPDX-License-Identifier: GPL-3.0-or-later
"""What the buttons do, and what F3 finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from ..core.errors import UserError
from . import prepare, render_job
from .diagnostics import report, write_log
from .drawing import translated
from .folders import ADDON
from .generate import Generation
from .help import show_text
from .modal import JobOperator, redraw
from .place import ScenePlace, is_generated
from .preferences import chosen_python
from .properties import scene_of, settings_of
from .python_test import PythonTest
from .recent import remember_model, use_model
from .requests import generate_request, import_request, render_quality, video_path
from .session import SESSION, Job
from .view import look_through_camera, show_scene


def has_scene(operator: Any, context: bpy.types.Context) -> bool:
    """Whether there is a generated scene to work with; says so where not."""
    if not is_generated(scene_of(context)):
        operator.poll_message_set("Generate a scene first")
        return False
    return True


class FORWARDPASS_OT_generate(JobOperator):
    """Run the model on the prompt and build a scene that shows every step of it. Replaces the generated scene shown"""

    bl_idname = "forward_pass.generate"
    bl_label = "Generate Scene"
    bl_options = {"UNDO"}

    def begin(self, context: bpy.types.Context) -> Job:
        """Starts the tracer."""
        return Generation(generate_request(context), ScenePlace(scene_of(context)), prepare.real_rooms())

    def finish(self, context: bpy.types.Context) -> str:
        """Looks through the scene's camera, with the scene's own colors; tells what ran the model."""
        show_scene(context)
        remember_model(context)
        engine = SESSION.job.engine if isinstance(SESSION.job, Generation) else ""
        if not engine:
            return translated("Generated the scene")
        return translated("Generated the scene, run by {engine}").format(engine=engine)


class FORWARDPASS_OT_import_trace(JobOperator):
    """Build a scene from a trace that is there already. Replaces the generated scene shown"""

    bl_idname = "forward_pass.import_trace"
    bl_label = "Import Forward Pass Trace"
    bl_options = {"UNDO"}

    filepath: StringProperty(  # type: ignore[valid-type]
        name="File", description="A .trace.safetensors file", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )
    filter_glob: StringProperty(default="*.safetensors", options={"HIDDEN"})  # type: ignore[valid-type]

    _chosen = False  # in the file browser, from where Blender goes on as if a script had called

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        """From the menu asks for the file; one that was dropped is known."""
        if self.filepath:
            return super().invoke(context, event)
        self._chosen = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """From the file browser lets the window live, from a script stays until the end."""
        return self.follow(context) if self._chosen else super().execute(context)

    def begin(self, context: bpy.types.Context) -> Job:
        """Starts to read."""
        return Generation(
            import_request(context, Path(self.filepath)), ScenePlace(scene_of(context)), prepare.real_rooms()
        )

    def finish(self, context: bpy.types.Context) -> str:
        """Looks through the scene's camera, with the scene's own colors."""
        show_scene(context)
        return translated("Built the scene of {name}").format(name=Path(self.filepath).name)


class FORWARDPASS_OT_render(JobOperator):
    """Make a video of the generated scene as it is now, with captions and chapters beside it. You can go on working"""

    bl_idname = "forward_pass.render"
    bl_label = "Render Video"

    resume: BoolProperty(  # type: ignore[valid-type]
        name="Go On",
        description="Keep the frames of a rendering that was broken off. The scene should be as it was",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be something to render."""
        return has_scene(cls, context) and super().poll(context)

    def begin(self, context: bpy.types.Context) -> Job:
        """Starts with the first frame."""
        scene = scene_of(context)
        rooms = render_job.real_rooms()
        return render_job.Rendering(scene, render_quality(scene), video_path(scene), rooms, self.resume)

    def finish(self, context: bpy.types.Context) -> str:
        """Tells where the video is."""
        assert isinstance(SESSION.job, render_job.Rendering)
        SESSION.video = SESSION.job.out
        return translated("Rendered {name}").format(name=SESSION.video.name)


class FORWARDPASS_OT_discard_frames(bpy.types.Operator):
    """Remove the frames that are there from a rendering that was broken off"""

    bl_idname = "forward_pass.discard_frames"
    bl_label = "Discard Frames"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be a scene that they belong to, and nothing at work on them."""
        return has_scene(cls, context) and not SESSION.running

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """Only those of this video in this size."""
        scene = scene_of(context)
        render_job.discard_frames(video_path(scene), render_quality(scene))
        return {"FINISHED"}


class FORWARDPASS_OT_cancel(bpy.types.Operator):
    """Stop what Forward Pass is doing and take away what is half done"""

    bl_idname = "forward_pass.cancel"
    bl_label = "Cancel Forward Pass"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be something to stop."""
        if not SESSION.running:
            cls.poll_message_set("Nothing is running")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """Returns at once; the child gets a few seconds to go."""
        SESSION.cancel()
        redraw()
        return {"FINISHED"}


class FORWARDPASS_OT_dismiss(bpy.types.Operator):
    """Take the error away"""

    bl_idname = "forward_pass.dismiss"
    bl_label = "Dismiss Forward Pass Error"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """It was read."""
        SESSION.dismiss()
        redraw()
        return {"FINISHED"}


class FORWARDPASS_OT_copy_log(bpy.types.Operator):
    """Copy what a report needs: versions, engine, the error, and the last lines that the model's process said"""

    bl_idname = "forward_pass.copy_log"
    bl_label = "Copy Forward Pass Diagnostics"

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """To the clipboard."""
        context.window_manager.clipboard = report(context)
        self.report({"INFO"}, translated("Copied the diagnostics"))
        return {"FINISHED"}


class FORWARDPASS_OT_open_log(bpy.types.Operator):
    """Show all that the model's process said, in the text editor"""

    bl_idname = "forward_pass.open_log"
    bl_label = "Show Forward Pass Log"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Something must have run."""
        if SESSION.job is None:
            cls.poll_message_set("Nothing ran yet")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """As a text of this file."""
        show_text(context, write_log(), wrap=True)
        return {"FINISHED"}


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


class FORWARDPASS_OT_look(bpy.types.Operator):
    """Show the scene in the largest 3D viewport as it will be rendered: through its camera, in its own colors"""

    bl_idname = "forward_pass.look"
    bl_label = "Look Through Forward Pass Camera"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be something to look at."""
        return has_scene(cls, context)

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """Changes the viewport, not the scene."""
        look_through_camera(context)
        return {"FINISHED"}


class FORWARDPASS_OT_open_video(bpy.types.Operator):
    """Show the folder of the last video"""

    bl_idname = "forward_pass.open_video"
    bl_label = "Show Forward Pass Video"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be one."""
        if SESSION.video is None or not SESSION.video.exists():
            cls.poll_message_set("Render a video first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """In the system's file browser."""
        assert SESSION.video is not None
        bpy.ops.wm.path_open(filepath=str(Path(SESSION.video).parent))
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
    FORWARDPASS_OT_generate,
    FORWARDPASS_OT_import_trace,
    FORWARDPASS_OT_render,
    FORWARDPASS_OT_discard_frames,
    FORWARDPASS_OT_cancel,
    FORWARDPASS_OT_dismiss,
    FORWARDPASS_OT_copy_log,
    FORWARDPASS_OT_open_log,
    FORWARDPASS_OT_use_model,
    FORWARDPASS_OT_show_preferences,
    FORWARDPASS_OT_allow_online,
    FORWARDPASS_OT_look,
    FORWARDPASS_OT_open_video,
    FORWARDPASS_OT_test_python,
)
