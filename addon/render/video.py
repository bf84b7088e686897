# SPDX-License-Identifier: GPL-3.0-or-later
"""From pictures to a video: Blender's own sequencer and encoder, in a scene of its own that is gone afterwards."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import UserError
from .faststart import index_first
from .presets import FORMS
from .prores import tag_bt709
from .quiet import quiet
from .sound import Sound, lay_sounds

SCENE = "Forward Pass encoder"


def encode(
    frames: Sequence[Path],
    out: Path,
    size: tuple[int, int],
    fps: int,
    *,
    form: str = "mp4",
    transparent: bool = False,
    sounds: Sequence[Sound] = (),
    on_frame: Callable[[int], None] | None = None,
) -> None:
    """Encodes the pictures `frames`, in order and all in one folder, as a video at `out`, with `sounds` mixed in.

    `form` is `mp4`: H.264, 4:2:0, a key frame every second, the index first; `prores`: 422 HQ in 10 bits, or 4444 with
    its alpha where the pictures are `transparent`; `lossless`: FFV1 in RGB. Colours that are not RGB are BT.709 and
    tagged so. `size` in pixels (even) and `fps` are those of the video. `on_frame` is told how many frames are written.
    The file is written beside `out` and then put in place. Raises `UserError`.
    """
    if not frames:
        raise UserError("There are no frames to make a video of.", "Render some first.")
    if len({frame.parent for frame in frames}) > 1:
        raise ValueError("the frames of a video lie in one folder")
    if not out.parent.is_dir():  # Blender would make it
        raise UserError(f"The video {out} could not be written: its folder is missing.", "Choose another place.")
    suffix = FORMS[form].suffix
    raw, moved = (out.with_name(f".{out.stem}.{part}{suffix}") for part in ("partial", "partial-index"))
    try:
        with _encoder(frames, raw, size, fps, sounds) as scene, _told(scene, on_frame):
            _use_codec(scene.render, form, transparent, fps, bool(sounds))
            _run(scene, out)
        if form == "prores":
            tag_bt709(raw)
        os.replace(moved if form == "mp4" and index_first(raw, moved) else raw, out)
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
    frames: Sequence[Path], out: Path, size: tuple[int, int], fps: int, sounds: Sequence[Sound]
) -> Iterator[bpy.types.Scene]:
    """A scene that shows nothing but `frames`, is heard as `sounds`, and writes to `out`."""
    scene = bpy.data.scenes.new(SCENE)
    before = set(bpy.data.sounds)
    scratch = tempfile.TemporaryDirectory(prefix="forward_pass_", ignore_cleanup_errors=True)
    try:
        _show(scene, frames)
        render = scene.render
        render.resolution_x, render.resolution_y = size
        render.resolution_percentage = 100
        render.fps, render.fps_base = fps, 1.0
        scene.frame_start, scene.frame_end = 1, len(frames)
        # Blender fills in {variables} in output paths; doubled braces stand for themselves.
        render.filepath = str(out.resolve()).replace("{", "{{").replace("}", "}}")
        lay_sounds(scene, sounds, Path(scratch.name))
        yield scene
    finally:
        bpy.data.scenes.remove(scene)
        for sound in set(bpy.data.sounds) - before:
            bpy.data.sounds.remove(sound)
        scratch.cleanup()


def _show(scene: bpy.types.Scene, frames: Sequence[Path]) -> None:
    """One strip of pictures, their colours passed through untouched."""
    strips: Any = scene.sequence_editor_create().strips
    strip = strips.new_image("frames", str(frames[0].resolve()), channel=1, frame_start=1, fit_method="ORIGINAL")
    for frame in frames[1:]:
        strip.elements.append(frame.name)
    # The frames went through the view transform when they were rendered.
    scene.view_settings.view_transform = "Standard"
    scene.sequencer_colorspace_settings.name = "sRGB"


# container, codec, codec of the sound, by form
CODECS = {
    "mp4": ("MPEG4", "H264", "AAC"),
    "prores": ("QUICKTIME", "PRORES", "PCM"),
    "lossless": ("MKV", "FFV1", "FLAC"),
}


def _use_codec(render: bpy.types.RenderSettings, form: str, transparent: bool, fps: int, heard: bool) -> None:
    image = render.image_settings
    if hasattr(image, "media_type"):  # decides which file formats there are
        image.media_type = "VIDEO"
    image.file_format = "FFMPEG"
    ffmpeg: Any = render.ffmpeg
    container, codec, sound = CODECS[form]
    ffmpeg.format = container
    try:
        ffmpeg.codec = codec
    except TypeError as error:  # not a member of the enumeration
        raise UserError(f"This Blender has no {codec} encoder.", "Use --quality lossless or png.") from error
    if codec == "PRORES":  # only some of its profiles have alpha
        ffmpeg.ffmpeg_prores_profile = "4444" if transparent else "422_HQ"
    image.color_mode = "RGBA" if transparent else "RGB"
    ffmpeg.constant_rate_factor = "PERC_LOSSLESS"
    ffmpeg.ffmpeg_preset = "GOOD"
    ffmpeg.gopsize = fps
    ffmpeg.audio_codec = sound if heard else "NONE"
    ffmpeg.audio_bitrate, ffmpeg.audio_mixrate, ffmpeg.audio_channels = 192, 48000, "STEREO"


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
