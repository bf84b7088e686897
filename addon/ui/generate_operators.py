# SPDX-License-Identifier: GPL-3.0-or-later
"""From a prompt, or from a trace that is there, to a scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from . import prepare
from .drawing import translated
from .generate import Generation
from .modal import JobOperator
from .place import ScenePlace
from .progress import GENERATING
from .properties import scene_of
from .recent import remember_model
from .requests import generate_request, import_request
from .session import SESSION, Job
from .view import show_scene


class SceneOperator(JobOperator):
    """One whose job makes a scene, which the window then shows. It takes seconds, so Esc cancels it."""

    doing = GENERATING
    esc_cancels = True

    def news(self, what: str) -> str:
        """That, and of the first scene what its viewport would say itself if it did not hide its overlays."""
        first, SESSION.shown = not SESSION.shown and not bpy.app.background, True
        rest = translated("Blender now prepares its materials: the first time, that takes a while")
        return f"{what}. {rest}" if first else what

    def show(self, context: bpy.types.Context) -> None:
        """Looks through the scene's camera, with the scene's own colors."""
        show_scene(context)


class FORWARDPASS_OT_generate(SceneOperator):
    """Run the model on the prompt and build a scene that shows every step of it. Replaces the generated scene shown"""

    bl_idname = "forward_pass.generate"
    bl_label = "Generate Scene"
    bl_options = {"UNDO"}

    def begin(self, context: bpy.types.Context) -> Job:
        """Starts the tracer."""
        return Generation(generate_request(context), ScenePlace(scene_of(context)), prepare.real_rooms())

    def finish(self, context: bpy.types.Context) -> str:
        """Tells what ran the model."""
        remember_model(context)
        engine = SESSION.job.engine if isinstance(SESSION.job, Generation) else ""
        if not engine:
            return self.news(translated("Generated the scene"))
        return self.news(translated("Generated the scene, run by {engine}").format(engine=engine))


class FORWARDPASS_OT_import_trace(SceneOperator):
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
        """Tells of which trace it is."""
        return self.news(translated("Built the scene of {name}").format(name=Path(self.filepath).name))


CLASSES = (
    FORWARDPASS_OT_generate,
    FORWARDPASS_OT_import_trace,
)
