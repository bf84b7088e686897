# SPDX-License-Identifier: GPL-3.0-or-later
"""From a scene to what people get: the pictures first, the video from them, and the texts that lie beside it.

The one place where this is done: the panel, the command and `render_video` all step through `produce`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core.script import Script
from .captions import texts_beside, write_text
from .endings import beside
from .folders import check_folder, put_folder
from .frames import render_frames
from .pace import Pace, pace_of
from .pictures import frame_path
from .pieces import encode_pieces
from .presets import Quality
from .saved import saved_scene
from .script import script_in
from .sound import sounds_of
from .stills import lay_out_stills, still_frames
from .video import encode
from .workers import render_together


@dataclass(frozen=True)
class Production:
    """What is to be made of `scene`: `out` is the file, or the folder where `quality` makes one.

    `frames` is the folder for the pictures on their way, which stay there until somebody takes it away; `first` and
    `last` are frames of the scene, inclusive, its own where None. With `workers` and the scene saved at `blend`, so
    many processes render it; without, this one does, up to `batch` frames at a time. `resume` keeps complete pictures
    that lie there.
    """

    scene: bpy.types.Scene
    quality: Quality
    out: Path
    frames: Path
    first: int | None = None
    last: int | None = None
    blend: Path | None = None
    workers: int = 0
    batch: int = 1
    resume: bool = False

    @property
    def range(self) -> tuple[int, int]:
        """First and last frame."""
        scene = self.scene
        return (
            scene.frame_start if self.first is None else self.first,
            scene.frame_end if self.last is None else self.last,
        )

    def pace(self) -> Pace:
        """The pictures that become of those frames at the quality's frame rate. Raises `UserError`."""
        return pace_of(self.scene, *self.range, self.quality.fps)

    def script(self) -> Script:
        """What is said in those frames. Raises `UserError`."""
        return script_in(self.scene, *self.range, self.quality.fps)


@dataclass(frozen=True)
class Step:
    """How far it is: `stage` is "frames" or "video", `done` of `total` frames are through it."""

    stage: str
    done: int
    total: int


Follow = Callable[[Step], None]
Frames = Generator[tuple[int, float], None, None]


def produce(production: Production, follow: Follow) -> Generator[None, None, None]:
    """Makes it. Stops after every step that can be the last one, and tells `follow` of each, and of more in between.

    Closing it takes nothing away of what is at `out`, which is put there when it is whole. Raises `UserError`.
    """
    quality, pace = production.quality, production.pace()
    if not quality.suffix and production.out.is_dir():
        check_folder(production.out)
    script = production.script()
    stills = still_frames(script, pace.first, quality.fps) if quality.form == "stills" else None
    count = pace.count if stills is None else len(set(stills))
    follow(Step("frames", 0, count))
    with contextlib.closing(_render(production, pace, stills)) as work:
        for done, _ in enumerate(work, 1):
            follow(Step("frames", done, count))
            yield
    if stills is not None:
        put_folder(production.out, lambda folder: lay_out_stills(script, stills, production.frames, folder))
        return
    if quality.form == "frames":
        pictures = [frame_path(production.frames, picture) for picture in pace.pictures]
        put_folder(production.out, lambda folder: _move(pictures, folder))
    else:
        follow(Step("video", 0, count))
        yield  # before what cannot be stopped half way
        _encode(production, pace, script, lambda done: follow(Step("video", done, count)))
    if quality.form != "pieces" and (script.acts or script.captions):
        for ending, text in texts_beside(script, production.out.stem, quality.captions != "burnt").items():
            write_text(beside(production.out, quality, ending), text)


def _render(production: Production, pace: Pace, stills: list[int] | None) -> Frames:
    job = production
    if stills is None and job.workers and job.blend is not None:
        saved = saved_scene(job.scene, job.blend)
        return render_together(saved, job.frames, job.quality, pace, job.workers, resume=job.resume)
    return render_frames(
        job.scene,
        job.frames,
        job.quality,
        *job.range,
        pace=pace,
        only=stills,
        resume=job.resume,
        batch=job.batch,
    )


def _encode(production: Production, pace: Pace, script: Script, on_frame: Callable[[int], None]) -> None:
    """The pictures as one video, or one for each act."""
    quality = production.quality
    if quality.form == "pieces":
        scene, frames = production.scene, production.frames
        put_folder(production.out, lambda out: encode_pieces(scene, script, frames, pace, out, quality, on_frame))
        return
    encode(
        [frame_path(production.frames, picture) for picture in pace.pictures],
        production.out,
        quality.size,
        quality.fps,
        form=quality.form,
        transparent=quality.transparent,
        sounds=sounds_of(production.scene, pace.first, pace.rate),
        on_frame=on_frame,
    )


def _move(pictures: list[Path], folder: Path) -> None:
    for picture in pictures:
        os.replace(picture, folder / picture.name)
