# SPDX-License-Identifier: GPL-3.0-or-later
"""From the panel's fields to what the jobs take."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import bpy

from ..core.errors import UserError
from ..process.job import TraceRequest
from ..render.presets import Quality, quality
from .generate import GenerateRequest
from .preferences import ADDON, chosen_python
from .properties import FOLDER, ForwardPassSettings, scene_of, settings_of


def generate_request(context: bpy.types.Context) -> GenerateRequest:
    """What "Generate Scene" is to do. Raises `UserError` (code 2) where a field is missing."""
    settings = settings_of(scene_of(context))
    if not settings.prompt:
        raise UserError("There is no prompt.", "Type the text that the model shall read.", code=2)
    width, height = (int(side) for side in settings.size.split("x"))
    trace = TraceRequest(
        prompt=settings.prompt,
        model=_model(settings),
        out=traces_folder() / f"{file_name(settings.prompt)}.trace.safetensors",
        device=settings.device,
        python=chosen_python(context),
        steps=settings.steps or None,
    )
    return GenerateRequest(
        trace, settings.theme, settings.seconds or None, (width, height), settings.fps, settings.cells
    )


def import_request(context: bpy.types.Context, path: Path) -> GenerateRequest:
    """What is to become of the trace at `path`. Raises `UserError` (code 2) where there is none."""
    if not path.is_file():
        raise UserError(f"There is no trace at {path}.", "Choose a .trace.safetensors file.", code=2)
    settings = settings_of(scene_of(context))
    width, height = (int(side) for side in settings.size.split("x"))
    return GenerateRequest(
        path, settings.theme, settings.seconds or None, (width, height), settings.fps, settings.cells
    )


def render_quality(scene: bpy.types.Scene) -> Quality:
    """The chosen quality in the scene's own shape and frame rate: its shorter side is the preset's."""
    preset = quality(settings_of(scene).quality)
    wide, high = scene.render.resolution_x, scene.render.resolution_y
    scale = min(preset.size) / min(wide, high)
    size = (2 * round(wide * scale / 2), 2 * round(high * scale / 2))
    return Quality(preset.name, size, round(scene.render.fps / scene.render.fps_base), preset.samples, preset.engine)


def video_path(scene: bpy.types.Scene) -> Path:
    """Where the video of that scene goes; beside the .blend by default, in the home folder while there is none."""
    settings = settings_of(scene)
    folder = settings.output.strip() or "//"
    if folder.startswith("//") and not bpy.data.filepath:
        return Path.home() / f"{file_name(settings.prompt)}.mp4"
    return Path(bpy.path.abspath(folder)) / f"{file_name(settings.prompt)}.mp4"


def traces_folder() -> Path:
    """A folder for traces that the user may write to and that outlives this session, where Blender gives one."""
    try:
        return Path(bpy.utils.extension_path_user(ADDON, path="traces", create=True))
    except ValueError:  # registered from a checkout, not installed as an extension
        return Path(bpy.app.tempdir or tempfile.gettempdir())


def file_name(prompt: str) -> str:
    """The prompt as a file name that every system takes."""
    safe = re.sub(r"[^\w-]+", "_", prompt).strip("_")[:60]
    return safe or "forward_pass"


def _model(settings: ForwardPassSettings) -> str:
    if settings.model != FOLDER:
        return str(settings.model)
    if not settings.model_folder.strip():
        raise UserError("No model folder is chosen.", "Choose the folder that holds config.json.", code=2)
    return str(bpy.path.abspath(settings.model_folder))
