# SPDX-License-Identifier: GPL-3.0-or-later
"""A video at a frame rate of its own: which moment of the scene each of its pictures shows.

A frame of the scene is cut into parts, by Blender's time remapping, so that every picture falls on a whole part: at 24
frames a second a video of 60 has pictures at every second fifth of a frame. The first frame's moment is kept as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import bpy

from ..core.errors import UserError
from .settings import changed

FINEST = 900  # the most that Blender's time remapping takes
LAST_FRAME = 1_048_574  # and the last frame that it counts to
NEAR = 0.0011  # how much faster or slower a video may be than its scene: 29.97 may be taken for 30


@dataclass(frozen=True)
class Pace:
    """The pictures of a video, numbered from `first` on, which is the scene's frame `first`; from one to the next there
    are `step` of the `parts` that a frame of the scene is cut into."""

    first: int
    count: int
    parts: int = 1
    step: int = 1

    @property
    def pictures(self) -> range:
        """Their numbers."""
        return range(self.first, self.first + self.count)

    @property
    def rate(self) -> float:
        """How many there are to a frame of the scene."""
        return self.parts / self.step

    def part(self, picture: int) -> int:
        """The moment of a picture, in parts of a frame: what Blender calls a frame within `cut_frames`."""
        return self.first * self.parts + (picture - self.first) * self.step

    def frame(self, picture: int) -> float:
        """The moment of a picture in frames of the scene."""
        return self.part(picture) / self.parts

    def picture(self, part: int) -> int:
        """The picture of a moment."""
        return self.first + (part - self.first * self.parts) // self.step


def pace_of(scene: bpy.types.Scene, first: int, last: int, fps: int) -> Pace:
    """The pictures of a video of frames `first` to `last` (inclusive) of `scene`, with `fps` of them a second.

    The last frame is there as long as the others, so a faster video ends between it and the next. A long scene of 29.97
    frames a second becomes a video that is as much faster as 30 is. Raises `UserError` where the scene is too long to
    be cut so finely.
    """
    wanted = rate_of(scene) / fps
    finest = min(FINEST // _remapping(scene).denominator, LAST_FRAME // (abs(last) + 1))
    ratio = Fraction(wanted).limit_denominator(max(finest, 1))
    if abs(ratio - wanted) > NEAR * wanted:
        raise UserError(
            f"A scene of {last} frames cannot become a video of {fps} frames a second.",
            "Render it at its own frame rate.",
        )
    return Pace(first, -((first - last - 1) // ratio), ratio.denominator, ratio.numerator)


def rate_of(scene: bpy.types.Scene) -> float:
    """The scene's own frames a second."""
    return scene.render.fps / round(scene.render.fps_base, 6)


def clock_frame(scene: bpy.types.Scene, frame: float) -> float:
    """Where a scene's curves are at one of its frames: elsewhere, where a creator has remapped its time."""
    return frame * float(_remapping(scene))


@contextlib.contextmanager
def cut_frames(scene: bpy.types.Scene, pace: Pace) -> Iterator[None]:
    """`scene` with its frames cut into the parts of `pace`, each counted as a frame."""
    remapping, render = _remapping(scene) / pace.parts, scene.render
    if pace.parts == 1:
        yield
        return
    with changed(
        (render, "frame_map_old", remapping.numerator),
        (render, "frame_map_new", remapping.denominator),
    ):
        yield


def _remapping(scene: bpy.types.Scene) -> Fraction:
    return Fraction(scene.render.frame_map_old, scene.render.frame_map_new)
