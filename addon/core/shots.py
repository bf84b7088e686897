# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots -> the camera's path: poses fitted to their subjects, eased moves between them, a slow drift while it rests."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from .camera import basis, fit, project, spread
from .layout_types import Vector
from .readable import readable
from .story import Shot

ABOVE = 0.10  # share of the frame's height that belongs to the running text
UPRIGHT_ABOVE = 0.24  # the same in an upright frame, where legend and acts' names stand under it
UPRIGHT_ASIDE = 1.25  # what a card takes above a subject, in what it would take beside it
MARGIN = 0.05
NARROW = 1.4  # an aspect below this is narrow: there a card stands over the subject, not beside it
# How far a shot may turn and tip from the angle that its kind asks for, to see its subject larger. Whoever looks from
# the side (by more than SIDE) keeps doing so, and nothing is seen more edge-on than FACING (a cosine; of the
# floor, where weights and names lie, FLOOR_FACING) without need.
TURNS, TIPS = (-18.0, -12.0, -6.0, 0.0, 6.0, 12.0), (-12.0, -6.0, 0.0, 6.0, 12.0)
LEAST_TURN, SIDE, MOST_TURN = 4.0, 26.0, 50.0
FLATTEST, STEEPEST = 25.0, 50.0
# In an upright frame a first shot, to which no move leads, sees what is wide more from its end.
UPRIGHT_TURNS, UPRIGHT_MOST = (-36.0, -30.0, -24.0), 70.0
FACING, FLOOR_FACING = 0.5, 0.44
DRIFT = 0.45  # degrees a second
MOST_DRIFT = 3.0
SAMPLES = 32  # keys in a move


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
    side: float = 0.0  # how far to the right of it, as a share of the frame's width


MOVING = ("azimuth", "elevation", "distance", "lens", "lift", "side")  # of a key, besides where it looks


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


def pose_at(keys: Sequence[Key], second: float) -> Key:
    """Where the camera is at a second: evenly between the keys around it, or at the first or the last."""
    after = bisect_right(keys, second, key=lambda key: key.second)
    if after in (0, len(keys)):
        return replace(keys[max(0, after - 1)], second=second)
    a, b = keys[after - 1], keys[after]
    share = (second - a.second) / (b.second - a.second)

    def between(before: float, behind: float) -> float:
        return before + share * (behind - before)

    x, y, z = (between(*axis) for axis in zip(a.target, b.target, strict=True))
    rest = [between(getattr(a, name), getattr(b, name)) for name in MOVING]
    return Key(second, (x, y, z), *rest)


@lru_cache(maxsize=512)
def pose_of(shot: Shot, aspect: float) -> Key:
    """The pose that shows the shot's subject whole, in what overlays and a card leave free: of the angles close to the
    one that the shot asks for, the one from which the subject is largest or, in a multiply, read best. A close-up keeps
    the angle of what it is a part of. A person's own angles are kept, and who wants to be nearer sees less than the
    whole."""
    if shot.asked:
        key, _worth = _pose(shot, aspect, shot.azimuth, shot.elevation)
        return replace(key, distance=key.distance / shot.nearer)
    if shot.within is not None:
        whole = pose_of(replace(shot, subject=shot.within, within=None), aspect)
        return _pose(shot, aspect, whole.azimuth, whole.elevation)[0]
    more, most = (UPRIGHT_TURNS, UPRIGHT_MOST) if aspect < 1 and not shot.move else ((), MOST_TURN)
    turns = [turn for turn in (*more, *TURNS) if _may_turn(shot.azimuth, shot.azimuth + turn, most)]
    tips = [tip for tip in TIPS if tip == 0 or FLATTEST <= shot.elevation + tip <= STEEPEST]
    tried = [_pose(shot, aspect, shot.azimuth + turn, shot.elevation + tip) for turn in turns for tip in tips]
    key = max(tried, key=lambda each: each[1])[0]
    return replace(key, distance=key.distance / shot.nearer)


def _may_turn(asked: float, azimuth: float, most: float) -> bool:
    if azimuth == asked:
        return True
    return SIDE <= -azimuth <= most if asked <= -SIDE else LEAST_TURN <= -azimuth <= SIDE


def free_room(shot: Shot, aspect: float) -> tuple[float, float, float]:
    """What is not the subject's: shares of the frame's width at the right, of its height below and above."""
    if aspect < NARROW:
        above = ABOVE if aspect >= 1 else UPRIGHT_ABOVE
        more = shot.aside * UPRIGHT_ASIDE if aspect < 1 else shot.aside
        return 0.0, shot.below, above + more * (1 - above - shot.below)
    return shot.aside, shot.below, ABOVE


def _pose(shot: Shot, aspect: float, azimuth: float, elevation: float) -> tuple[Key, float]:
    """The pose at an angle, and how good it is: how well a multiply is read or, elsewhere, the share of the frame that
    the subject covers, less where faces are seen edge-on."""
    right, below, above = free_room(shot, aspect)
    width, height = 1 - right, 1 - above - below
    free = aspect * width / height  # the aspect of what is left for the subject
    # `fit` reckons the sensor along the longer side of what is left, Blender along that of the whole frame.
    lens = shot.lens * max(1.0, aspect) / max(aspect * width, height)
    points = np.asarray(shot.subject.corners())
    pose = fit(points, azimuth, elevation, lens, free, MARGIN)
    key = Key(shot.start, pose.target, azimuth, elevation, pose.distance, shot.lens, (below - above) / 2, -right / 2)
    if shot.faces:
        return key, readable(shot.faces, shot.walls, pose)
    forward = basis(azimuth, elevation)[2]
    side = abs(forward[0]) if shot.azimuth <= -SIDE else 1.0
    facing = min(1.0, abs(forward[1]) / FACING, side / FACING, abs(forward[2]) / FLOOR_FACING)
    return key, spread(project(points, pose)[:, :2]) * float(facing)


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
                before.side + (after.side - before.side) * e,
            )
        )
    return keys
