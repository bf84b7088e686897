# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames of a scene as pictures in a folder, one at a time, so that a bar or a cancel button can sit on it."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from pathlib import Path

import bpy

from ..core.errors import UserError
from .pictures import frame_path, is_complete
from .presets import Quality
from .quiet import quiet
from .settings import still_settings


def render_frames(
    scene: bpy.types.Scene,
    folder: Path,
    quality: Quality,
    first: int | None = None,
    last: int | None = None,
    *,
    resume: bool = False,
) -> Generator[tuple[int, float], None, None]:
    """Renders frames `first` to `last` (inclusive; the scene's own range where None) of `scene` into `folder`.

    Yields (frame, seconds it took) after each. A picture appears under its name only when it is complete. With
    `resume`, complete pictures of the right size that lie there are kept (0 seconds). The scene's settings are put
    back when it ends, also where the generator is closed half way. Raises `UserError`.
    """
    first = scene.frame_start if first is None else first
    last = scene.frame_end if last is None else last
    if not scene.frame_start <= first <= last <= scene.frame_end:
        raise UserError(
            f"Frames {first} to {last} are not in the scene.",
            f"It has frames {scene.frame_start} to {scene.frame_end}.",
            code=2,
        )
    _make_folder(folder)
    before = scene.frame_current
    try:
        with still_settings(scene, quality):
            for frame in range(first, last + 1):
                started = time.perf_counter()
                path = frame_path(folder, frame)
                if not (resume and is_complete(path, quality.size)):
                    render_still(scene, frame, path)
                yield frame, time.perf_counter() - started
    finally:
        scene.frame_set(before)


def render_still(scene: bpy.types.Scene, frame: int, path: Path) -> None:
    """Renders `frame` with the scene's settings to `path`, written beside and then put in place. Raises `UserError`."""
    beside = path.with_name(f".{path.name}.partial.png")
    with quiet() as log:
        try:
            scene.frame_set(frame)
            # A scene passed to the operator by name, where another one is shown, renders its first frame for ever.
            with bpy.context.temp_override(scene=scene):
                done = bpy.ops.render.render() == {"FINISHED"}
            if not done:
                raise _failed(frame, log.text())
            result = next(image for image in bpy.data.images if image.type == "RENDER_RESULT")
            # Unlike the scene's own output path, this one is taken as it is: no {variables}, no ####.
            result.save_render(str(beside), scene=scene)
            os.replace(beside, path)
        except (RuntimeError, OSError) as error:
            raise _failed(frame, f"{log.text()}\n{error}") from error
        finally:
            beside.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} could not be made: {error.strerror}.", "Choose another place.") from error


def _failed(frame: int, said: str) -> UserError:
    """With the last line that Blender called an error, or its last line at all."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() and "EGL" not in line]
    reason = (errors or lines or ["Blender did not say why"])[-1].removeprefix("Error: ").rstrip(".")
    return UserError(f"Frame {frame} could not be rendered: {reason}.", "Check free memory and disk space.")
