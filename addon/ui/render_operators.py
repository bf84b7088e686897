# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with a generated scene: looked at, rendered, its video shown, frames of a broken rendering removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty

from . import render_job
from .drawing import translated
from .modal import JobOperator
from .polls import has_scene
from .progress import RENDERING
from .properties import scene_of
from .requests import render_quality, video_path
from .session import SESSION, Job
from .view import look_through_camera


class FORWARDPASS_OT_render(JobOperator):
    """Make a video of the generated scene as it is now, with captions and chapters beside it. You can go on working"""

    bl_idname = "forward_pass.render"
    bl_label = "Render Video"
    doing = RENDERING

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


CLASSES = (
    FORWARDPASS_OT_render,
    FORWARDPASS_OT_discard_frames,
    FORWARDPASS_OT_look,
    FORWARDPASS_OT_open_video,
)
