# SPDX-License-Identifier: GPL-3.0-or-later
"""A video for each act, numbered, so that a talk can stop between them, with what is said in the act beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import bpy

from ..core.script import Script
from ..core.story import Act
from .captions import captions_of, write_text
from .pace import Pace
from .pictures import frame_path
from .presets import Quality
from .sound import sounds_of
from .stills import name_of
from .video import encode


class Piece(NamedTuple):
    """An act's pictures, both inclusive."""

    act: Act
    first: int
    last: int


def cut(script: Script, first: int, last: int, fps: float) -> list[Piece]:
    """The pieces of pictures `first` to `last`, where the first is second 0 of the script: every frame is in one."""
    acts = script.acts or (Act("Video", 0.0, script.duration),)
    starts = [first] + [max(first, min(last, first + round(act.start * fps))) for act in acts[1:]]
    ends = [start - 1 for start in starts[1:]] + [last]
    return [Piece(act, start, end) for act, start, end in zip(acts, starts, ends, strict=True) if start <= end]


def encode_pieces(
    scene: bpy.types.Scene,
    script: Script,
    frames: Path,
    pace: Pace,
    folder: Path,
    quality: Quality,
    on_frame: Callable[[int], None],
) -> None:
    """Encodes the pictures of each act in `frames` into `folder`; `on_frame` is told how many frames are written.
    Raises `UserError`."""
    before = 0
    for number, piece in enumerate(cut(script, pace.first, pace.pictures[-1], quality.fps), 1):
        pictures = [frame_path(frames, frame) for frame in range(piece.first, piece.last + 1)]
        name = name_of(number, piece.act)
        encode(
            pictures,
            folder / f"{name}.mp4",
            quality.size,
            quality.fps,
            sounds=sounds_of(scene, pace.frame(piece.first), pace.rate),
            on_frame=lambda done, before=before: on_frame(before + done),  # type: ignore[misc]
        )
        write_text(folder / f"{name}.txt", "".join(f"{one.text}\n" for one in captions_of(script, piece.act)))
        before += len(pictures)
