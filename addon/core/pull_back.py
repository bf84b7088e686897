# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera that pulls back over scales of a thousand and more, and where it sees things."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .camera import Array, angle_tangents, basis
from .layout_types import Vector
from .shots import Key, pose_of
from .story_types import Shot

STEPS = 24  # keys in a move, for each e-fold of distance at least
DRIFT, MOST_DRIFT = 0.4, 3.0  # degrees a second, degrees
CREEP = 0.004  # share of the distance that it backs away in a second while it rests
SENSOR = 36.0  # millimetres along the longer side


def pull_back(shots: Sequence[Shot], duration: float, aspect: float) -> tuple[Key, ...]:
    """The path through all shots, each left by a zoom about one point of the picture.

    A camera that changes its distance by equal ratios and its target by equal steps loses a small thing at once when
    the next is a thousand times larger. Here the target moves in proportion to the distance: what was the subject
    shrinks towards a point and stays in the frame. Raises ValueError where there are no shots.
    """
    if not shots:
        raise ValueError("a film needs at least one shot")
    keys: list[Key] = []
    for i, shot in enumerate(shots):
        pose = pose_of(shot, aspect)
        end = shots[i + 1].start if i + 1 < len(shots) else duration
        if keys:
            keys += _zoom(keys[-1], replace(pose, second=min(shot.start + shot.move, end)))
        else:
            keys.append(replace(pose, second=0.0))
        keys += _rest(keys[-1], end, 1 if i % 2 else -1, aspect)
    return tuple(keys)


def _zoom(before: Key, after: Key) -> list[Key]:
    """Eased keys from one pose to the next."""
    ratio = after.distance / before.distance
    steps = STEPS + round(STEPS * abs(math.log(ratio)))
    a, b = np.array(before.target), np.array(after.target)
    keys = []
    for i in range(1, steps + 1):
        s = i / steps
        e = s * s * s * (s * (6 * s - 15) + 10)
        distance = before.distance * ratio**e
        way = e if abs(ratio - 1) < 1e-3 else (distance - before.distance) / (after.distance - before.distance)
        x, y, z = (a + (b - a) * way).tolist()
        mixed = {
            name: getattr(before, name) + (getattr(after, name) - getattr(before, name)) * e
            for name in ("azimuth", "elevation", "lens", "lift")
        }
        second = before.second + (after.second - before.second) * s
        keys.append(Key(second=second, target=(x, y, z), distance=distance, **mixed))
    return keys


def _rest(key: Key, end: float, side: int, aspect: float) -> list[Key]:
    """A slow turn and a slow retreat until the next move: nothing ever stands still."""
    seconds = end - key.second
    if seconds <= 1e-6:
        return []
    turn = side * min(DRIFT * seconds, MOST_DRIFT) * min(1.0, aspect)
    return [replace(key, second=end, azimuth=key.azimuth + turn, distance=key.distance * (1 + CREEP * seconds))]


def seen_at(points: Sequence[Vector] | Array, key: Key, aspect: float) -> Array:
    """Where `points` [n, 3] stand in the picture of a key: [n, 3] of x and y in frame heights from the frame's middle
    (y up) and the depth in units."""
    right, up, forward = basis(key.azimuth, key.elevation)
    across, high = angle_tangents(key.lens, aspect, SENSOR)
    away = np.asarray(points, np.float64).reshape(-1, 3) - (np.array(key.target) - key.distance * forward)
    depth = away @ forward
    x = 0.5 * aspect * (away @ right) / (depth * across)
    return np.stack([x, 0.5 * (away @ up) / (depth * high) + key.lift, depth], axis=1)


def frame_height(key: Key, depth: float, aspect: float) -> float:
    """How many units the picture is high at a depth."""
    return 2 * depth * angle_tangents(key.lens, aspect, SENSOR)[1]
