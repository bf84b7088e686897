# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report needs, as text: versions, the engine, what went wrong, the log. Nothing private but what a log says,
with the home folder written as `~`."""

from __future__ import annotations

import platform
import traceback
from pathlib import Path

import bpy
import numpy as np

from ..core.errors import UserError
from .generate import Generation
from .properties import ForwardPassSettings, scene_of, settings_of
from .run_fields import FOLDER, HUB
from .session import SESSION

TAIL = 60  # lines of the log that a report holds
NAME = "Forward Pass Log"  # of the text in the text editor


def report(context: bpy.types.Context) -> str:
    """Everything in lines "what: how it is", then the log's end."""
    settings = settings_of(scene_of(context))
    facts = {
        "Forward Pass": version(),
        "Blender": f"{bpy.app.version_string} ({bpy.app.build_platform.decode()}, {platform.machine()})",
        "Python": f"{platform.python_version()}, NumPy {np.__version__}",
        "System": platform.platform(),
        "Graphics": graphics(),
        "Model": f"{model_of(settings)} on {settings.device}, {settings.dtype}, {settings.attention}",
        "Engine": SESSION.job.engine if isinstance(SESSION.job, Generation) else "",
        "Python for models": SESSION.python,
        "State": "" if SESSION.job is None else SESSION.job.state,
    }
    lines = [f"{name}: {fact}" for name, fact in facts.items() if fact]
    if SESSION.error is not None:
        lines += ["", *error_lines(SESSION.error)]
    log = whole_log()
    if log:
        lines += ["", f"The log's last {min(len(log), TAIL)} of {len(log)} lines:", *log[-TAIL:]]
    return without_home("\n".join(lines)) + "\n"


def model_of(settings: ForwardPassSettings) -> str:
    """The model that is chosen: by its name, or by its folder."""
    return {HUB: settings.model_name, FOLDER: settings.model_folder}.get(settings.model, settings.model)


def error_lines(error: UserError) -> list[str]:
    """The error, and where in the program it came from, where it is a bug."""
    lines = [f"Error: {error}"]
    if error.__cause__ is not None:
        lines += "".join(traceback.format_exception(error.__cause__)).strip().splitlines()
    return lines


def whole_log() -> tuple[str, ...]:
    """What the job at work, or the last one, has said so far."""
    return SESSION.job.log if SESSION.job is not None and SESSION.running else SESSION.log


def write_log() -> bpy.types.Text:
    """The log as a text of this file, made or filled anew."""
    text = bpy.data.texts.get(NAME) or bpy.data.texts.new(NAME)
    text.clear()
    text.write(without_home("\n".join(whole_log()) or "Nothing was said.") + "\n")
    return text


def version() -> str:
    """The add-on's version, by the manifest beside it or above; empty where there is none."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package, package.parent):
        manifest = folder / "blender_manifest.toml"
        if manifest.is_file():
            lines = manifest.read_text(encoding="utf-8").splitlines()
            return next((line.partition('"')[2].rstrip('"') for line in lines if line.startswith("version =")), "")
    return ""


def graphics() -> str:
    """Blender's graphics card; empty where it has no window and knows none."""
    import gpu

    try:
        return f"{gpu.platform.renderer_get()}, {gpu.platform.backend_type_get()}"
    except SystemError:
        return ""


def without_home(text: str) -> str:
    """The text with the home folder as `~`."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text
