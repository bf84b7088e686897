# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab "Forward Pass", in the order of work: what to show, generate, go through the acts, render."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ..core.errors import UserError
from ..core.presets import COMPARE, MULTIPLY, SCALE, STORY
from ..render.pace import pace_of
from ..render.presets import FORMS, Quality
from ..scene.acts import acts_of
from .acts_panel import FORWARDPASS_PT_acts, FORWARDPASS_UL_acts
from .block_panel import FORWARDPASS_PT_block
from .drawing import (
    ScenePanel,
    Sidebar,
    draw_button,
    draw_notice,
    draw_progress,
    foldable,
    short,
    translated,
    write_lines,
)
from .film_fields import makes
from .folders import ADDON
from .place import is_generated
from .preferences import preferences
from .progress import GENERATING, RENDERING, SETTING_UP
from .properties import ForwardPassSettings, scene_of, settings_of
from .remedies import draw_error
from .render_job import frames_there
from .requests import is_built_in_name, render_quality, video_path
from .run_fields import FOLDER, HUB
from .session import SESSION

if TYPE_CHECKING:
    from bpy.types import Context

# What can be chosen of the look of each kind of video.
LOOKS = {
    STORY: ("theme", "cells", "scale", "size", "fps"),
    MULTIPLY: ("theme", "cells", "size", "fps"),
    COMPARE: ("theme", "size", "fps"),
    SCALE: ("theme", "size", "fps"),
}


class FORWARDPASS_PT_generate(Sidebar):
    """What kind of video, of which runs, how it looks, and the button."""

    bl_label = "Forward Pass"

    def draw_header_preset(self, context: Context) -> None:
        """The ways to the manual and to the preferences."""
        row = self.layout.row(align=True)
        row.emboss = "NONE"
        row.operator("forward_pass.help", text="", icon="QUESTION").page = "panel"
        row.operator("preferences.addon_show", text="", icon="PREFERENCES").module = ADDON

    def draw(self, context: Context) -> None:
        """The fields that the preset takes. They stay where they are while a job runs; the button becomes its
        progress."""
        layout, settings = self.layout, settings_of(scene_of(context))
        fields = layout.column()
        fields.enabled = not SESSION.running
        fields.use_property_split = True
        fields.use_property_decorate = False
        fields.prop(settings, "preset")
        kind = makes(settings)
        if kind == SCALE:
            draw_sizes(fields, settings)
        else:
            draw_runs(fields, context, settings)
        body = foldable(fields, "show", "What to Show", closed=False)
        if body is not None:
            draw_telling(body, settings, kind)
        body = foldable(fields, "look", "Look")
        if body is not None:
            for name in LOOKS[kind]:
                body.prop(settings, name)
        if kind != SCALE:
            draw_engine(fields, settings)
        draw_job(layout)
        if SESSION.failed != RENDERING or not is_generated(scene_of(context)):
            draw_error(layout, context)
        for title in (GENERATING, SETTING_UP):
            draw_notice(layout, context, title)
            draw_report(layout, title)


def draw_job(layout: Any) -> None:
    """The button, or the progress of what was started here: a generation, or the environment being set up."""
    job = SESSION.job
    setting_up = job is not None and job.running and job.progress.title == SETTING_UP
    if setting_up:
        draw_progress(layout)
    else:
        draw_button(layout, "forward_pass.generate", "SHADERFX", GENERATING)


def draw_sizes(fields: Any, settings: ForwardPassSettings) -> None:
    """Which models stand beside each other; none of them runs."""
    fields.column(align=True).prop(settings, "known_models")
    fields.prop(settings, "own_models", placeholder="config.json")


def draw_runs(fields: Any, context: Context, settings: ForwardPassSettings) -> None:
    """What reads what; twice where two runs are compared."""
    two = makes(settings) == COMPARE
    wide = fields.column()
    wide.use_property_split = False
    wide.label(text="Prompt")
    wide.prop(settings, "prompt", text="")
    draw_model(fields, context, settings)
    if two:
        fields.prop(settings, "other_prompt")
        fields.prop(settings, "other_model")
        draw_place(fields, settings, "other_")
    chosen = {settings.model, settings.other_model} if two else {settings.model}
    if HUB in chosen:
        row = fields.row()
        row.enabled = bpy.app.online_access
        row.prop(settings, "online")
        if not bpy.app.online_access:
            fields.operator("forward_pass.allow_online", icon="INTERNET")
    if chosen & {FOLDER, HUB}:
        fields.prop(settings, "chat")
        if settings.remote_code:  # an error offers it where a model needs it; from then on it can be taken back here
            fields.prop(settings, "remote_code")


def draw_model(fields: Any, context: Context, settings: ForwardPassSettings) -> None:
    """Which model, and where it is; the clock has those that ran before."""
    row = fields.row(align=True)
    row.prop(settings, "model")
    found = preferences(context)
    if found is not None and len(found.recent):
        row.menu(FORWARDPASS_MT_recent.bl_idname, text="", icon="TIME")
    draw_place(fields, settings, "")


def draw_place(fields: Any, settings: ForwardPassSettings, which: str) -> None:
    """Where a model is that does not ship; `which` is what the names of its fields begin with."""
    chosen = getattr(settings, f"{which}model")
    if chosen == FOLDER:
        fields.prop(settings, f"{which}model_folder")
    if chosen == HUB:
        fields.prop(settings, f"{which}model_name", placeholder="org/name")


def draw_telling(body: Any, settings: ForwardPassSettings, kind: str) -> None:
    """What is told, and how long; the head only where the preset works one."""
    if kind == MULTIPLY:
        body.prop(settings, "operation", placeholder="layer 2 head 1 scores")
    if kind != SCALE:
        draw_choice(body, settings, "steps", "Until it is done")
    draw_choice(body, settings, "seconds", "As long as needed")
    body.prop(settings, "language")
    if kind == STORY or (kind == MULTIPLY and not settings.operation.strip()):
        body.prop(settings, "focus")
        if settings.focus:
            row = body.row(align=True)
            row.prop(settings, "focus_layer")
            row.prop(settings, "focus_head")


def draw_choice(body: Any, settings: ForwardPassSettings, name: str, otherwise: str) -> None:
    """A number that is left to the model or the story unless its box is checked: then `otherwise` says what happens."""
    row = body.row(heading=settings.bl_rna.properties[name].name)
    row.prop(settings, f"own_{name}", text="")
    if getattr(settings, f"own_{name}"):
        row.prop(settings, name, text="")
    else:
        row.label(text=otherwise)


def draw_engine(fields: Any, settings: ForwardPassSettings) -> None:
    """What the model runs on, and for one that does not ship how its tokens are chosen."""
    built_in = is_built_in_name(settings)
    body = foldable(fields, "engine", "Engine")
    if body is not None:
        for name in ("device",) if built_in else ("device", "dtype", "attention"):
            body.prop(settings, name)
    body = None if built_in else foldable(fields, "sampling", "Choice of Tokens")
    if body is not None:
        draw_sampling(body, settings)


def draw_sampling(body: Any, settings: ForwardPassSettings) -> None:
    """How each token is chosen; what only counts where it is drawn at random is grey until then."""
    body.prop(settings, "temperature")
    for name in ("top_k", "top_p"):
        body.prop(settings, name)
    row = body.row()
    row.active = settings.temperature > 0.0 or settings.top_k > 0 or settings.top_p < 1.0
    row.prop(settings, "seed")


def draw_report(layout: Any, title: str) -> None:
    """The log and the diagnostics of the last job, if it was the one of that title, a click away."""
    if SESSION.job is None or SESSION.job.progress.title != title:
        return
    row = layout.row(align=True)
    row.operator("forward_pass.open_log", text="Log", icon="TEXT")
    row.operator("forward_pass.copy_log", text="Copy Diagnostics", icon="COPYDOWN")


class FORWARDPASS_MT_recent(bpy.types.Menu):
    """The models that ran here before."""

    bl_idname = "FORWARDPASS_MT_recent"
    bl_label = "Recent Models"

    def draw(self, context: Context) -> None:
        """The latest first."""
        found = preferences(context)
        for recent in found.recent if found is not None else ():
            self.layout.operator("forward_pass.use_model", text=recent.name, translate=False).model = recent.name


class FORWARDPASS_PT_render(ScenePanel):
    """From the scene to a video."""

    bl_label = "Render"

    def draw(self, context: Context) -> None:
        """Quality, place, what comes of it, and the button."""
        layout, scene = self.layout, scene_of(context)
        fields = layout.column()
        fields.enabled = not SESSION.running
        fields.use_property_split = True
        fields.use_property_decorate = False
        settings, quality = settings_of(scene), render_quality(scene)
        fields.prop(settings, "quality")
        if quality.form != "stills":
            fields.prop(settings, "rate")
            fields.prop(settings, "captions")
        if FORMS[quality.form].alpha:
            fields.prop(settings, "transparent")
        fields.prop(settings, "output")
        facts = layout.column(align=True)
        facts.active = False
        size = f"{quality.size[0]} × {quality.size[1]}"
        facts.label(text=f"{size}, {what_comes(scene, quality)}", translate=False)
        write_lines(facts, context, short(video_path(scene)))
        draw_button(layout, "forward_pass.render", "RENDER_ANIMATION", RENDERING)
        if SESSION.failed == RENDERING:
            draw_error(layout, context)
        there = 0 if SESSION.running else frames_there(video_path(scene), quality)
        if there:
            row = layout.row(align=True)
            text = translated("Go On After {count} Frames").format(count=there)
            row.operator("forward_pass.render", text=text, icon="PLAY", translate=False).resume = True
            row.operator("forward_pass.discard_frames", text="", icon="TRASH")
        draw_notice(layout, context, RENDERING)
        if SESSION.video is not None and not SESSION.running:
            layout.operator("forward_pass.open_video", text="Show Video", icon="FILE_FOLDER")
        draw_report(layout, RENDERING)


def what_comes(scene: bpy.types.Scene, quality: Quality) -> str:
    """How many pictures, how many of them a second, and how long that is; or why it cannot be."""
    if quality.form == "stills":
        return translated("{count} stills").format(count=len(acts_of(scene)))
    try:
        count = pace_of(scene, scene.frame_start, scene.frame_end, quality.fps).count
    except UserError as error:
        return translated(error.message)
    return translated("{count} frames").format(count=count) + f", {quality.fps} fps, {count / quality.fps:.0f} s"


CLASSES = (
    FORWARDPASS_MT_recent,
    FORWARDPASS_UL_acts,
    FORWARDPASS_PT_generate,
    FORWARDPASS_PT_acts,
    FORWARDPASS_PT_block,
    FORWARDPASS_PT_render,
)
