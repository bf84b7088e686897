# SPDX-License-Identifier: GPL-3.0-or-later
"""From the panel's fields to what the jobs take."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import bpy

from ..core.errors import UserError
from ..core.known_models import KNOWN
from ..core.presets import COMPARE, MULTIPLY, SCALE
from ..process.models import find_model
from ..process.options import DEFAULTS, TraceOptions
from ..process.request import TraceRequest
from ..render.pace import rate_of
from ..render.presets import FORMS, Quality, quality
from ..scene.contract import TRACE
from .film_fields import makes
from .folders import user_folder
from .generate import GenerateRequest
from .preferences import chosen_python
from .properties import ForwardPassSettings, scene_of, settings_of
from .run_fields import FOLDER, HUB, SAME


def generate_request(context: bpy.types.Context) -> GenerateRequest:
    """What "Generate Scene" is to do. Raises `UserError` (code 2) where a field is missing."""
    settings = settings_of(scene_of(context))
    kind = makes(settings)
    if kind == SCALE:
        return _request(settings, ())
    if not settings.prompt:
        raise UserError("There is no prompt.", "Type the text that the model shall read.", code=2)
    first = _run(context, "", settings.prompt)
    return _request(settings, (first, second_run(context)) if kind == COMPARE else (first,))


def second_run(context: bpy.types.Context) -> TraceRequest:
    """The run that a comparison puts beside the first. Raises `UserError` (code 2) where nothing is different in it,
    and for a model that there is not: before the first has run."""
    settings = settings_of(scene_of(context))
    if not settings.other_prompt and settings.other_model == SAME:
        raise UserError("There is nothing to compare with.", "Type a second prompt, or choose a second model.", code=2)
    run = _run(context, "" if settings.other_model == SAME else "other_", settings.other_prompt or settings.prompt)
    find_model(run.model, run.options.online)
    return dataclasses.replace(run, out=run.out.with_name(f"{file_name(settings.prompt)}.second.trace.safetensors"))


def import_request(context: bpy.types.Context, path: Path) -> GenerateRequest:
    """What is to become of the trace at `path`. Raises `UserError` (code 2) where there is none."""
    if not path.is_file():
        raise UserError(f"There is no trace at {path}.", "Choose a .trace.safetensors file.", code=2)
    settings = settings_of(scene_of(context))
    if makes(settings) == SCALE:
        what = "The preset Scale shows sizes: no trace belongs to it."
        raise UserError(what, "Choose another preset for the scene of a trace.", code=2)
    return _request(settings, (path, second_run(context)) if makes(settings) == COMPARE else (path,))


def render_quality(scene: bpy.types.Scene) -> Quality:
    """The chosen quality in the scene's own shape, its shorter side the preset's; on request at the scene's own frame
    rate."""
    preset = quality(settings_of(scene).quality)
    wide, high = scene.render.resolution_x, scene.render.resolution_y
    scale = min(preset.size) / min(wide, high)
    size = (2 * round(wide * scale / 2), 2 * round(high * scale / 2))
    settings = settings_of(scene)
    clear = settings.transparent and FORMS[preset.form].alpha
    fps = preset.fps if settings.rate == "quality" else round(rate_of(scene))
    return dataclasses.replace(preset, size=size, fps=fps, transparent=clear, captions=settings.captions)


def video_path(scene: bpy.types.Scene) -> Path:
    """What the video of that scene is called, or the folder of pictures: by the trace that it shows, whatever the
    fields say by now. Beside the .blend by default, in the home folder while there is none."""
    settings = settings_of(scene)
    form = quality(settings.quality).form
    name = _shown(scene, settings) + (FORMS[form].suffix or f"-{form}")
    folder = settings.output.strip() or "//"
    if folder.startswith("//") and not bpy.data.filepath:
        return Path.home() / name
    return Path(bpy.path.abspath(folder)) / name


def _shown(scene: bpy.types.Scene, settings: ForwardPassSettings) -> str:
    """The trace that a generated scene shows, by the name of its file: one of sizes shows none."""
    if TRACE not in scene.keys():  # noqa: SIM118
        return SCALE if makes(settings) == SCALE else file_name(settings.prompt)
    return str(scene[TRACE]).rpartition(" ")[0].removesuffix(".safetensors").removesuffix(".trace") or SCALE


def file_name(prompt: str) -> str:
    """The prompt as a file name that every system takes."""
    safe = re.sub(r"[^\w-]+", "_", prompt).strip("_")[:60]
    return safe or "forward_pass"


def is_built_in_name(settings: ForwardPassSettings) -> bool:
    """Whether only models that ship are chosen: these take few choices."""
    return settings.model not in (FOLDER, HUB) and (
        makes(settings) != COMPARE or settings.other_model not in (FOLDER, HUB)
    )


def models_of(settings: ForwardPassSettings) -> tuple[str, ...]:
    """The models that the preset scale shows: those that are known, then files of one's own."""
    own = [bpy.path.abspath(path.strip()) for path in settings.own_models.split(";") if path.strip()]
    return (*(known.key for known in KNOWN if known.key in settings.known_models), *own)


def _run(context: bpy.types.Context, which: str, prompt: str) -> TraceRequest:
    """A run of the model whose fields' names begin with `which`."""
    settings = settings_of(scene_of(context))
    ships = getattr(settings, f"{which}model") not in (FOLDER, HUB)
    return TraceRequest(
        prompt=prompt,
        model=_model(settings, which),
        out=user_folder("traces") / f"{file_name(prompt)}.trace.safetensors",
        device=settings.device,
        python=chosen_python(context),
        steps=settings.steps or None,
        options=DEFAULTS if ships else _options(settings, which),
    )


def _request(settings: ForwardPassSettings, runs: tuple[TraceRequest | Path, ...]) -> GenerateRequest:
    kind = makes(settings)
    width, height = (int(side) for side in settings.size.split("x"))
    return GenerateRequest(
        runs,
        theme=settings.theme,
        seconds=settings.seconds or None,
        size=(width, height),
        fps=settings.fps,
        cells=settings.cells,
        scale=settings.scale,
        preset=settings.preset,
        language=settings.language,
        focus=(settings.focus_layer - 1, settings.focus_head - 1) if settings.focus else None,
        operation=(settings.operation.strip() or None) if kind == MULTIPLY else None,
        models=models_of(settings) if kind == SCALE else (),
    )


def _options(settings: ForwardPassSettings, which: str) -> TraceOptions:
    """How a model that does not ship is to run. Downloads only where Blender may go online."""
    return TraceOptions(
        dtype=settings.dtype,
        attention=settings.attention,
        temperature=settings.temperature or None,
        top_k=settings.top_k or None,
        top_p=settings.top_p if settings.top_p < 1.0 else None,
        seed=settings.seed,
        chat=settings.chat,
        online=settings.online and getattr(settings, f"{which}model") == HUB and bpy.app.online_access,
        trust_remote_code=settings.remote_code,
    )


def _model(settings: ForwardPassSettings, which: str) -> str:
    model, folder, name = (str(getattr(settings, which + field)) for field in ("model", "model_folder", "model_name"))
    if model == HUB:
        if not name.strip():
            raise UserError("No model is named.", "Write its name on the hub: organization/name.", code=2)
        return name.strip()
    if model != FOLDER:
        return model
    if not folder.strip():
        raise UserError("No model folder is chosen.", "Choose the folder that holds config.json.", code=2)
    return bpy.path.abspath(folder)
