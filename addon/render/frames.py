# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames of a scene as pictures in a folder, one at a time, so that a bar or a cancel button can sit on it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Container, Generator, Iterable, Iterator
from pathlib import Path

import bpy

from ..core.errors import UserError
from .animation import render_animation
from .pace import Pace, cut_frames
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
    pace: Pace | None = None,
    only: Iterable[int] | None = None,
    resume: bool = False,
    batch: int = 1,
) -> Generator[tuple[int, float], None, None]:
    """Renders frames `first` to `last` (inclusive; the scene's own range where None) of `scene` into `folder`: each a
    picture, or the pictures that `pace` makes of them; of these `only` some.

    Yields (picture, seconds it took) after each. A picture appears under its name only when it is complete. With
    `resume`, complete pictures of the right size that lie there are kept (0 seconds). Up to `batch` frames that follow
    each other are rendered in one call, which is faster for each, but cannot be stopped half way, and yields them
    after it. The scene's settings are put back when it ends, also where the
    generator is closed half way. Raises `UserError`.
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
    pace = pace or Pace(first, last - first + 1)
    wanted = pace.pictures if only is None else sorted(set(only).intersection(pace.pictures))
    try:
        with still_settings(scene, quality), cut_frames(scene, pace):
            kept = {picture for picture in wanted if resume and is_complete(frame_path(folder, picture), quality.size)}
            for run in _runs(wanted, kept, batch):
                if run[0] in kept:
                    yield run[0], 0.0
                else:
                    yield from _render_run(scene, run, pace, folder)
    finally:
        scene.frame_set(before)


def _runs(wanted: Iterable[int], kept: Container[int], batch: int) -> Iterator[range]:
    """Pictures to render in one call: at most `batch` of them, one after another; those that are kept by themselves."""
    run = range(0)
    for picture in wanted:
        if run and picture == run.stop and len(run) < batch and picture not in kept and run[0] not in kept:
            run = range(run.start, picture + 1)
            continue
        if run:
            yield run
        run = range(picture, picture + 1)
    if run:
        yield run


def _render_run(scene: bpy.types.Scene, run: range, pace: Pace, folder: Path) -> Iterator[tuple[int, float]]:
    if len(run) == 1:
        started = time.perf_counter()
        render_still(scene, pace.part(run[0]), frame_path(folder, run[0]))
        yield run[0], time.perf_counter() - started
        return
    times = [time.perf_counter()]
    with tempfile.TemporaryDirectory(prefix="forward_pass_", ignore_cleanup_errors=True) as scratch, quiet() as log:
        try:
            render_animation(scene, run, pace, folder, Path(scratch), lambda _: times.append(time.perf_counter()))
        except (RuntimeError, OSError) as error:
            raise _failed(run[0] + len(times) - 1, f"{log.text()}\n{error}") from error
    yield from ((picture, end - start) for picture, start, end in zip(run, times, times[1:], strict=False))


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
