# SPDX-License-Identifier: GPL-3.0-or-later
"""Outlines around the cell that a caption speaks of, in both of two runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .compare_captions import Spoken
from .compare_sides import Side
from .differences import Difference
from .layout_types import Vector
from .pull_back import frame_height
from .shots import pose_of
from .story_types import Caption, Shot, Story

LEAST_MARK = 1.5  # seconds that an outline is there
OUTLINE = 0.022  # of the picture's height that an outline is wide and high at least


@dataclass(frozen=True)
class Mark:
    """A cell that is outlined in both runs while a caption speaks of it: the four corners of it in each, and how wide
    the outline is at least, in units, to be seen in the shot of that time."""

    start: float
    duration: float
    corners: tuple[tuple[Vector, ...], tuple[Vector, ...]]
    least: float


def marks_of(
    story: Story, said: Sequence[Sequence[Spoken]], sides: tuple[Side, Side], aspect: float
) -> tuple[Mark, ...]:
    """The outlines of all captions that speak of a cell that is drawn; `said` are the captions of each chapter."""
    spoken = (one for chapter in said for one in chapter)
    return tuple(
        _mark(caption, one.cell, sides, _seen_height(story.shots, caption, aspect))
        for caption, one in zip(story.captions, spoken, strict=True)
        if one.cell is not None and one.cell.drawn is not None
    )


def _seen_height(shots: Sequence[Shot], caption: Caption, aspect: float) -> float:
    """How many units the picture is high in the shot that a caption ends in."""
    shot = [one for one in shots if one.start <= caption.start + 0.8 * caption.duration][-1]
    pose = pose_of(shot, aspect)
    return frame_height(pose, pose.distance, aspect)


def _mark(caption: Caption, cell: Difference, sides: Sequence[Side], height: float) -> Mark:
    """The outline of a drawn cell in both runs, a little before their faces."""
    corners = []
    row, column = cell.drawn or (cell.row, cell.column)
    for number, side in enumerate(sides):
        block = side.layout.by_key[f"{number + 1}.{cell.block.key}"]
        origin, down, across, normal = (
            np.array(v) for v in (block.origin, block.row_step, block.column_step, block.normal)
        )
        ends = ((0, 0), (0, 1), (1, 1), (1, 0))
        places = [origin + (row + r) * down + (column + c) * across + 0.15 * normal for r, c in ends]
        corners.append(tuple((float(x), float(y), float(z)) for x, y, z in places))
    # From when the numbers are there, where that leaves the outline some time.
    key, end = f"1.{cell.block.key}", caption.start + caption.duration
    filled = max((f.start + f.duration for f in sides[0].fills.fills if f.block == key), default=caption.start)
    start = min(max(caption.start, filled), max(caption.start, end - LEAST_MARK))
    return Mark(start, end - start, (corners[0], corners[1]), OUTLINE * height)
