# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots -> the camera's path: poses fitted to their subjects, eased moves between them, a slow drift while it rests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .camera import fit
from .layout_types import Vector
from .story import Shot

ABOVE = 0.10  # share of the frame's height that belongs to the running text
MARGIN = 0.04
DRIFT = 0.45  # degrees a second
MOST_DRIFT = 3.0
SAMPLES = 24  # keys in a move


@dataclass(frozen=True)
class Key:
    """Where the camera is at a second of the story: it looks at `target` from `distance` units away;
    angles in degrees, lens in millimetres."""

    second: float
    target: Vector
    azimuth: float
    elevation: float
    distance: float
    lens: float
    lift: float  # how far above the frame's middle the target is seen, as a share of the frame's height


def film(shots: Sequence[Shot], duration: float, aspect: float) -> tuple[Key, ...]:
    """The path through all shots for a frame of that aspect (width over height). The first shot starts at rest.

    Raises ValueError where there are no shots.
    """
    if not shots:
        raise ValueError("a film needs at least one shot")
    keys: list[Key] = []
    for i, shot in enumerate(shots):
        pose = pose_of(shot, aspect)
        end = shots[i + 1].start if i + 1 < len(shots) else duration
        if keys:
            keys += _move(keys[-1], replace(pose, second=min(shot.start + shot.move, end)), shot.start)
        else:
            keys.append(replace(pose, second=0.0))
        rest = end - keys[-1].second
        if rest > 1e-6:
            # Alternate directions, so that the camera never wanders off; a narrow frame leaves less room to the sides.
            turn = min(DRIFT * rest, MOST_DRIFT) * min(1.0, aspect) * (1 if i % 2 else -1)
            keys.append(replace(keys[-1], second=end, azimuth=keys[-1].azimuth + turn))
    return tuple(keys)


def pose_of(shot: Shot, aspect: float) -> Key:
    """The pose that shows the shot's subject whole, between the overlays."""
    height = 1 - ABOVE - shot.below
    free = aspect / height  # the aspect of what is left for the subject
    long_side = 1.0 if aspect >= 1 else height if free < 1 else aspect
    pose = fit(shot.subject.corners(), shot.azimuth, shot.elevation, shot.lens / long_side, free, MARGIN)
    lift = (shot.below - ABOVE) / 2
    return Key(shot.start, pose.target, shot.azimuth, shot.elevation, pose.distance, shot.lens, lift)


def _move(before: Key, after: Key, start: float) -> list[Key]:
    """Eased keys from one pose to the next: distances and lenses change by equal ratios, and the camera backs away
    in the middle of a long way so that it flies over what lies between."""
    a, b = np.array(before.target), np.array(after.target)
    way = float(np.linalg.norm(b - a))
    lift = 0.55 * min(1.5, way / (before.distance + after.distance))
    keys = []
    for i in range(1, SAMPLES + 1):
        s = i / SAMPLES
        e = s * s * s * (s * (6 * s - 15) + 10)  # smootherstep: no jerk at either end
        target = a + (b - a) * e
        distance = before.distance * (after.distance / before.distance) ** e * (1 + lift * math.sin(math.pi * e) ** 2)
        keys.append(
            Key(
                start + (after.second - start) * s,
                (float(target[0]), float(target[1]), float(target[2])),
                before.azimuth + (after.azimuth - before.azimuth) * e,
                before.elevation + (after.elevation - before.elevation) * e,
                distance,
                before.lens * (after.lens / before.lens) ** e,
                before.lift + (after.lift - before.lift) * e,
            )
        )
    return keys
