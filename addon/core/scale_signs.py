# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs at the corners of models that are compared by size, for when their names on the floor are too small to read."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .layout_types import Vector
from .pull_back import frame_height, seen_at
from .scale_standings import Standing
from .scale_words import short_count
from .shots import Key
from .story_types import Shot, Story

LEGIBLE = 0.017  # share of the frame's height under which a name on the floor is replaced by a sign
SIGN = 0.042  # size of a sign's letters, in frame heights or, in a picture higher than wide, in its widths
LOWEST = 1.05  # of a pole, in sizes
LINE, LETTER = 1.1, 0.48  # height of a sign and about the width of a letter, in sizes


@dataclass(frozen=True)
class Sign:
    """A small sign on a pole at a model's corner, for when its name on the floor is too small: it keeps its size on
    screen. `rises` are (second, height of the pole in frame heights)."""

    name: str
    count: str
    foot: Vector
    start: float
    end: float
    rises: tuple[tuple[float, float], ...]
    size: float  # of its letters, in frame heights


def signs_of(standings: tuple[Standing, ...], story: Story, keys: tuple[Key, ...], aspect: float) -> tuple[Sign, ...]:
    """A sign for each model from the first shot on in which its own name is too small, as high as none other is hit."""
    size = SIGN * min(1.0, aspect)
    arrivals = [next(k for k in keys if k.second >= shot.start + shot.move - 1e-6) for shot in story.shots[:-1]]
    rises: list[list[tuple[float, float]]] = [[] for _ in standings]
    starts: list[float | None] = [None] * len(standings)
    for shot, key in zip(story.shots[:-1], arrivals, strict=True):
        taken: list[tuple[float, float, float]] = []
        # From the largest to the smallest: poles of the small ones grow at the side of all others.
        for i in reversed(range(len(standings))):
            x, y, depth = seen_at([standings[i].foot], key, aspect)[0].tolist()
            letters = standings[i].titles[0].size * math.sin(math.radians(key.elevation))
            if letters / frame_height(key, depth, aspect) > LEGIBLE or shot.start + 1e-6 < _own(story, i):
                continue
            if starts[i] is None:
                starts[i] = shot.start + 0.55 * shot.move
            width = LETTER * size * len(f"{standings[i].model.name}  {short_count(standings[i].layout.parameters)}")
            rise = LOWEST * size
            while any(a < x + width and x < b and abs(at - y - rise) < LINE * size for a, b, at in taken):
                rise += 0.25 * size
            taken.append((x - 0.01, x + width, y + rise))
            rises[i] += [(shot.start + shot.move, rise), (_end(story, shot), rise)]
    back = story.shots[-1]
    found = []
    for standing, start, heights in zip(standings, starts, rises, strict=True):
        if start is not None:
            count = short_count(standing.layout.parameters)
            end = back.start + 0.5 * back.move
            found.append(Sign(standing.model.name, count, standing.foot, start, end, tuple(heights), size))
    return tuple(found)


def _end(story: Story, shot: Shot) -> float:
    """When the camera leaves a shot."""
    return next((later.start for later in story.shots if later.start > shot.start), story.duration)


def _own(story: Story, i: int) -> float:
    """When the camera leaves a model's own shot."""
    return story.shots[i + 1].start
