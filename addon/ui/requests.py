# SPDX-License-Identifier: GPL-3.0-or-later
"""From the panel's fields to what the jobs take."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import bpy

from ..core.errors import UserError
from ..process.job import TraceRequest
from ..process.options import DEFAULTS, TraceOptions
from ..render.presets import FORMS, Quality, quality
from .folders import user_folder
from .generate import GenerateRequest
from .preferences import chosen_python
from .properties import FOLDER, HUB, ForwardPassSettings, scene_of, settings_of


def generate_request(context: bpy.types.Context) -> GenerateRequest:
    """What "Generate Scene" is to do. Raises `UserError` (code 2) where a field is missing."""
    settings = settings_of(scene_of(context))
    if not settings.prompt:
        raise UserError("There is no prompt.", "Type the text that the model shall read.", code=2)
    trace = TraceRequest(
        prompt=settings.prompt,
        model=_model(settings),
        out=user_folder("traces") / f"{file_name(settings.prompt)}.trace.safetensors",
        device=settings.device,
        python=chosen_python(context),
        steps=settings.steps or None,
        options=DEFAULTS if is_built_in_name(settings) else _options(settings),
    )
    return _request(settings, trace)


def import_request(context: bpy.types.Context, path: Path) -> GenerateRequest:
    """What is to become of the trace at `path`. Raises `UserError` (code 2) where there is none."""
    if not path.is_file():
        raise UserError(f"There is no trace at {path}.", "Choose a .trace.safetensors file.", code=2)
    return _request(settings_of(scene_of(context)), path)


def render_quality(scene: bpy.types.Scene) -> Quality:
    """The chosen quality in the scene's own shape and frame rate: its shorter side is the preset's."""
    preset = quality(settings_of(scene).quality)
    wide, high = scene.render.resolution_x, scene.render.resolution_y
    scale = min(preset.size) / min(wide, high)
    size = (2 * round(wide * scale / 2), 2 * round(high * scale / 2))
    settings = settings_of(scene)
    clear = settings.transparent and FORMS[preset.form].alpha
    fps = round(scene.render.fps / scene.render.fps_base)
    return dataclasses.replace(preset, size=size, fps=fps, transparent=clear, captions=settings.captions)


def video_path(scene: bpy.types.Scene) -> Path:
    """What the video of that scene is called, or the folder of pictures; beside the .blend by default, in the home
    folder while there is none."""
    settings = settings_of(scene)
    form = quality(settings.quality).form
    name = file_name(settings.prompt) + (FORMS[form].suffix or f"-{form}")
    folder = settings.output.strip() or "//"
    if folder.startswith("//") and not bpy.data.filepath:
        return Path.home() / name
    return Path(bpy.path.abspath(folder)) / name


def file_name(prompt: str) -> str:
    """The prompt as a file name that every system takes."""
    safe = re.sub(r"[^\w-]+", "_", prompt).strip("_")[:60]
    return safe or "forward_pass"


def is_built_in_name(settings: ForwardPassSettings) -> bool:
    """Whether a model that ships is chosen: it takes few choices."""
    return settings.model not in (FOLDER, HUB)


def _request(settings: ForwardPassSettings, trace: TraceRequest | Path) -> GenerateRequest:
    width, height = (int(side) for side in settings.size.split("x"))
    return GenerateRequest(
        trace,
        theme=settings.theme,
        seconds=settings.seconds or None,
        size=(width, height),
        fps=settings.fps,
        cells=settings.cells,
        scale=settings.scale,
        preset=settings.preset,
        language=settings.language,
        focus=(settings.focus_layer - 1, settings.focus_head - 1) if settings.focus else None,
    )


def _options(settings: ForwardPassSettings) -> TraceOptions:
    """How a model that does not ship is to run. Downloads only where Blender may go online."""
    return TraceOptions(
        dtype=settings.dtype,
        attention=settings.attention,
        temperature=settings.temperature or None,
        top_k=settings.top_k or None,
        top_p=settings.top_p if settings.top_p < 1.0 else None,
        seed=settings.seed,
        chat=settings.chat,
        online=settings.online and settings.model == HUB and bpy.app.online_access,
        trust_remote_code=settings.remote_code,
    )


def _model(settings: ForwardPassSettings) -> str:
    if settings.model == HUB:
        if not settings.model_name.strip():
            raise UserError("No model is named.", "Write its name on the hub: organization/name.", code=2)
        return str(settings.model_name.strip())
    if settings.model != FOLDER:
        return str(settings.model)
    if not settings.model_folder.strip():
        raise UserError("No model folder is chosen.", "Choose the folder that holds config.json.", code=2)
    return str(bpy.path.abspath(settings.model_folder))
