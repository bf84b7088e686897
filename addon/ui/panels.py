# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab "Forward Pass", in the order of work: what to show, generate, look through, render."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .place import is_generated
from .preferences import ADDON
from .properties import FOLDER, scene_of, settings_of
from .requests import render_quality, video_path
from .session import SESSION

if TYPE_CHECKING:
    from bpy.types import Context


class Sidebar(bpy.types.Panel):
    """Where all panels of this add-on are."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Forward Pass"


class FORWARDPASS_PT_generate(Sidebar):
    """Prompt, model, and the button."""

    bl_label = "Forward Pass"

    def draw_header_preset(self, context: Context) -> None:
        """The way to the preferences."""
        row = self.layout.row()
        row.emboss = "NONE"
        row.operator("preferences.addon_show", text="", icon="PREFERENCES").module = ADDON

    def draw(self, context: Context) -> None:
        """The fields stay where they are while a job runs; the button becomes its progress."""
        layout, settings = self.layout, settings_of(scene_of(context))
        fields = layout.column()
        fields.enabled = not SESSION.running
        fields.label(text="Prompt")
        fields.prop(settings, "prompt", text="")
        fields.use_property_split = True
        fields.use_property_decorate = False
        fields.prop(settings, "model")
        if settings.model == FOLDER:
            fields.prop(settings, "model_folder")
        for title, names in (
            ("What to Show", ("steps", "seconds")),
            ("Look", ("theme", "cells", "size", "fps")),
            ("Engine", ("device",)),
        ):
            header, body = fields.panel(f"forward_pass_{title}", default_closed=True)
            header.label(text=title)
            if body is not None:
                for name in names:
                    body.prop(settings, name)
        draw_button(layout, "forward_pass.generate", "SHADERFX", "Generating")
        draw_error(layout, context)
        draw_notice(layout, context, "Generating")


class FORWARDPASS_PT_acts(Sidebar):
    """The chapters of the generated scene."""

    bl_label = "Acts"

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Only where there is a generated scene."""
        return is_generated(scene_of(context))

    def draw(self, context: Context) -> None:
        """Play, and jump to an act."""
        scene, playing = scene_of(context), context.screen.is_animation_playing
        row = self.layout.row(align=True)
        row.operator("screen.animation_play", text="Pause" if playing else "Play", icon="PAUSE" if playing else "PLAY")
        row.operator("forward_pass.look", text="", icon="CAMERA_DATA")
        column = self.layout.column(align=True)
        acts = sorted(scene.timeline_markers, key=lambda marker: marker.frame)
        here = max((marker.frame for marker in acts if marker.frame <= scene.frame_current), default=None)
        fps = scene.render.fps / scene.render.fps_base
        for marker in acts:
            row = column.row(align=True)
            seconds = round((marker.frame - 1) / fps)
            text = f"{seconds // 60}:{seconds % 60:02}  {marker.name}"
            row.operator("forward_pass.go_to", text=text, depress=marker.frame == here).frame = marker.frame


class FORWARDPASS_PT_render(Sidebar):
    """From the scene to a video."""

    bl_label = "Render"

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Only where there is a generated scene."""
        return is_generated(scene_of(context))

    def draw(self, context: Context) -> None:
        """Quality, place, what comes of it, and the button."""
        layout, scene = self.layout, scene_of(context)
        fields = layout.column()
        fields.enabled = not SESSION.running
        fields.use_property_split = True
        fields.use_property_decorate = False
        fields.prop(settings_of(scene), "quality")
        fields.prop(settings_of(scene), "output")
        quality, frames = render_quality(scene), scene.frame_end - scene.frame_start + 1
        facts = layout.column(align=True)
        facts.active = False
        size = f"{quality.size[0]} × {quality.size[1]}"
        facts.label(text=f"{size}, {frames} frames, {frames / quality.fps:.0f} s")
        write_lines(facts, context, short(video_path(scene)))
        draw_button(layout, "forward_pass.render", "RENDER_ANIMATION", "Rendering")
        draw_notice(layout, context, "Rendering")
        if SESSION.video is not None and not SESSION.running:
            layout.operator("forward_pass.open_video", text="Show Video", icon="FILE_FOLDER")


def draw_button(layout: Any, operator: str, icon: Any, title: str) -> None:
    """The button of the job of that title, or while it runs its progress and a way to stop it."""
    job = SESSION.job
    if job is None or not SESSION.running or job.progress.title != title:
        row = layout.row()
        row.scale_y = 1.5
        row.operator(operator, icon=icon)
        return
    column = layout.column(align=True)
    row = column.row(align=True)
    row.scale_y = 1.5
    row.progress(factor=job.progress.done, text=f"{job.progress.done:.0%}", type="BAR")
    row.operator("forward_pass.cancel", text="", icon="CANCEL")
    column.label(text=job.progress.line())


def draw_notice(layout: Any, context: Context, title: str) -> None:
    """What the last job made, if it was the one of that title."""
    job = SESSION.job
    if job is not None and job.progress.title == title and SESSION.notice and not SESSION.running:
        write_lines(layout, context, SESSION.notice, icon="CHECKMARK", beside=1)


def draw_error(layout: Any, context: Context) -> None:
    """What went wrong and what to do, until it is dismissed."""
    error = SESSION.error
    if error is None:
        return
    box = layout.box().column()
    head = box.row()
    message = head.column(align=True)
    message.alert = True
    write_lines(message, context, error.message, icon="ERROR", beside=2)
    head.operator("forward_pass.dismiss", text="", icon="X", emboss=False)
    write_lines(box.column(align=True), context, error.hint)
    row = box.row(align=True)
    row.operator("preferences.addon_show", text="Preferences", icon="PREFERENCES").module = ADDON
    row.operator("forward_pass.copy_log", text="Copy Log", icon="COPYDOWN")


def short(path: Path) -> str:
    """A path with `~` for the home folder."""
    home = Path.home()
    return str(Path("~") / path.relative_to(home)) if path.is_relative_to(home) else str(path)


def write_lines(layout: Any, context: Context, text: str, icon: Any = "NONE", beside: int = 0) -> None:
    """Text over as many lines as the sidebar's width needs, as Blender's labels do not wrap. `beside` is the number
    of icons in the same row."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    width = context.region.width / scale if context.region is not None else 280.0
    letters = int((width - 62 - 26 * beside) / 6.2)  # pixels: the margins, an icon, a letter of Blender's font
    for i, line in enumerate(textwrap.wrap(text, max(letters, 16), break_on_hyphens=False)):
        layout.label(text=line, icon=icon if i == 0 else "BLANK1" if icon != "NONE" else "NONE")


CLASSES = (FORWARDPASS_PT_generate, FORWARDPASS_PT_acts, FORWARDPASS_PT_render)
