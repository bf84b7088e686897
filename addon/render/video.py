# SPDX-License-Identifier: GPL-3.0-or-later
"""From pictures to a video: Blender's own sequencer and encoder, in a scene of its own that is gone afterwards."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import UserError
from .faststart import index_first
from .quiet import quiet

SCENE = "Forward Pass encoder"


def encode(
    frames: Sequence[Path],
    out: Path,
    size: tuple[int, int],
    fps: int,
    *,
    constant_rate_factor: str = "PERC_LOSSLESS",
    on_frame: Callable[[int], None] | None = None,
) -> None:
    """Encodes the pictures `frames`, in order and all in one folder, as H.264 in an MP4 at `out`.

    4:2:0 colour tagged BT.709, a key frame every second, the index first. `size` in pixels (even) and `fps` are those
    of the video; `constant_rate_factor` is one of Blender's names for x264's quality. `on_frame` is told how many
    frames are written. The file is written beside `out` and then put in place. Raises `UserError`.
    """
    if not frames:
        raise UserError("There are no frames to make a video of.", "Render some first.")
    if len({frame.parent for frame in frames}) > 1:
        raise ValueError("the frames of a video lie in one folder")
    if not out.parent.is_dir():  # Blender would make it
        raise UserError(f"The video {out} could not be written: its folder is missing.", "Choose another place.")
    raw, moved = (out.with_name(f".{out.stem}.{part}.mp4") for part in ("partial", "partial-index"))
    try:
        with _encoder(frames, raw, size, fps, constant_rate_factor) as scene, _told(scene, on_frame):
            _run(scene, out)
        os.replace(moved if index_first(raw, moved) else raw, out)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"The video {out} could not be written: {reason}.", "Check free disk space.") from error
    finally:
        raw.unlink(missing_ok=True)
        moved.unlink(missing_ok=True)


def _run(scene: bpy.types.Scene, out: Path) -> None:
    with quiet() as log:
        try:
            with bpy.context.temp_override(scene=scene):
                done = bpy.ops.render.render(animation=True) == {"FINISHED"}
            reason = log.text()
        except RuntimeError as error:
            done, reason = False, f"{log.text()}\n{error}"
    if not done:
        lines = [line.strip() for line in reason.splitlines() if line.strip()]
        raise UserError(
            f"The video {out} could not be encoded: {(lines or ['Blender did not say why'])[-1].rstrip('.')}.",
            "Check free disk space.",
        )


@contextlib.contextmanager
def _encoder(
    frames: Sequence[Path], out: Path, size: tuple[int, int], fps: int, constant_rate_factor: str
) -> Iterator[bpy.types.Scene]:
    """A scene that shows nothing but `frames` and writes them to `out`."""
    scene = bpy.data.scenes.new(SCENE)
    try:
        _show(scene, frames)
        render = scene.render
        render.resolution_x, render.resolution_y = size
        render.resolution_percentage = 100
        render.fps, render.fps_base = fps, 1.0
        scene.frame_start, scene.frame_end = 1, len(frames)
        # Blender fills in {variables} in output paths; doubled braces stand for themselves.
        render.filepath = str(out.resolve()).replace("{", "{{").replace("}", "}}")
        _use_h264(render, constant_rate_factor, fps)
        yield scene
    finally:
        bpy.data.scenes.remove(scene)


def _show(scene: bpy.types.Scene, frames: Sequence[Path]) -> None:
    """One strip of pictures, their colours passed through untouched."""
    strips: Any = scene.sequence_editor_create().strips
    strip = strips.new_image("frames", str(frames[0].resolve()), channel=1, frame_start=1, fit_method="ORIGINAL")
    for frame in frames[1:]:
        strip.elements.append(frame.name)
    # The frames went through the view transform when they were rendered.
    scene.view_settings.view_transform = "Standard"
    scene.sequencer_colorspace_settings.name = "sRGB"


def _use_h264(render: bpy.types.RenderSettings, constant_rate_factor: str, fps: int) -> None:
    image = render.image_settings
    if hasattr(image, "media_type"):  # decides which file formats there are
        image.media_type = "VIDEO"
    image.file_format = "FFMPEG"
    image.color_mode = "RGB"
    ffmpeg = render.ffmpeg
    ffmpeg.format = "MPEG4"
    ffmpeg.codec = "H264"
    ffmpeg.constant_rate_factor = constant_rate_factor
    ffmpeg.ffmpeg_preset = "GOOD"
    ffmpeg.audio_codec = "NONE"
    ffmpeg.gopsize = fps


@contextlib.contextmanager
def _told(scene: bpy.types.Scene, on_frame: Callable[[int], None] | None) -> Iterator[None]:
    """`on_frame` called as Blender writes each frame of `scene`."""
    written = 0

    def count(rendered: bpy.types.Scene, *_: object) -> None:
        nonlocal written
        if on_frame is not None and rendered.name == scene.name:
            written += 1
            on_frame(written)

    handlers = bpy.app.handlers.render_write
    handlers.append(count)
    try:
        yield
    finally:
        handlers.remove(count)
