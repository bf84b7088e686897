# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names are read in which shot: those that are large enough, whole in the frame, clear of the overlays and of
each other. A name has about one size on screen, whatever the shot: it shrinks in a close-up and grows from afar.

A pure function of layout and shots; the scene carries it out, and tests hold it without Blender.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .camera import basis
from .effects_room import in_frame
from .effects_types import Numbers
from .layout_types import Label, Layout, Vector
from .shots import ABOVE, NARROW, Key, free_room, pose_of
from .story_types import Shot, Story

CAPITAL = 0.77  # of a label's size: how high its capitals are set
TARGET = 0.055  # how high a capital would be if it faced the camera where the camera looks, in frame heights
STANDING = 0.62  # of it where a name stands and is seen from the front: one that lies is seen at a slant
LEAST_SCALE = 0.15
LONG = 15  # letters: a longer name is set smaller, to no less than LEAST_LONG
LEAST_LONG = 0.72
SMALLER, UPRIGHT = 0.75, 0.55  # of it in a narrow frame, and in an upright one: large names run out at the sides
MOST_SCALE = (3.6, 3.6, 1.6, 1.25, 1.25)  # by tier: how far it may grow
LEAST = 0.02  # the least height of a capital that is shown, in frame heights; an upright frame is seen from nearer
LEAST_UPRIGHT = 0.014
SIDES = 0.012  # free at the sides of the frame, as a share of it
APART = 0.005  # between two names, in frame heights
AROUND = 8.0  # units around a subject; a name that reaches so near counts as its own
BITS, WORDS = 24, 3  # a name keeps the poses that show it as bits of so many whole numbers
INSIDE, HIDDEN = 0.9, 0.06  # of a name: the part that counts, and how much of that something else may be before
OUTSIDE = 1  # the last tier of names that are shown when they are not the subject's

Box = tuple[float, float, float, float]  # left, below, right, above: shares of the frame


@dataclass(frozen=True)
class Pose:
    """What the camera sees at rest: whose names are shown there, by their place in the layout's labels."""

    shots: tuple[int, ...]  # that have it
    shown: tuple[int, ...]


@dataclass(frozen=True)
class Names:
    """For each pose of a film the names that it shows."""

    poses: tuple[Pose, ...]

    def words(self, label: int) -> tuple[int, ...]:
        """The poses that show a label, as bits of WORDS whole numbers."""
        words = [0] * WORDS
        for i, pose in enumerate(self.poses[: BITS * WORDS]):
            if label in pose.shown:
                words[i // BITS] |= 1 << i % BITS
        return tuple(words)

    def place(self, shot: int) -> tuple[int, int]:
        """Where a shot's bit is: which number, and the value of its bit (0 where there was no room for it)."""
        i = next(i for i, pose in enumerate(self.poses) if shot in pose.shots)
        return (i // BITS, 1 << i % BITS) if i < BITS * WORDS else (0, 0)


@dataclass(frozen=True)
class Showing:
    """When which names are shown: `places` are (second, (number, bit)) of the pose from then on, `shown` are (second,
    0 to 1), between which it changes evenly."""

    places: tuple[tuple[float, tuple[int, int]], ...]
    shown: tuple[tuple[float, float], ...]


def showing(names: Names, shots: Sequence[Shot]) -> Showing:
    """Names go when the camera leaves and come when it arrives."""
    places = [(0.0, names.place(0))]
    shown = [(0.0, 1.0)]
    for i, shot in enumerate(shots[1:], start=1):
        move = max(shot.move, 0.02)
        places.append((shot.start + 0.5 * move, names.place(i)))
        course = ((0.0, 1.0), (0.25, 0.0), (0.75, 0.0), (1.0, 1.0))
        shown += [(shot.start + part * move, level) for part, level in course]
    return Showing(tuple(places), tuple(shown))


def view_height(key: Key, aspect: float) -> float:
    """How many units high the picture is where the camera looks, and less in a narrow one: what names go by."""
    smaller = 1.0 if aspect >= NARROW else SMALLER if aspect >= 1.0 else UPRIGHT
    return key.distance * 36.0 / key.lens / max(aspect, 1.0) * smaller


def least_height(aspect: float) -> float:
    """The least height of a capital that is shown in a frame of that aspect, in frame heights."""
    return LEAST if aspect >= 1.0 else LEAST_UPRIGHT


def scale_of(label: Label, height: float) -> float:
    """How much a label grows or shrinks in a picture of that many units."""
    return float(np.clip(TARGET * height / reckoned(label), LEAST_SCALE, MOST_SCALE[label.tier]))


def reckoned(label: Label) -> float:
    """How high the capitals of a label count, in units: more where it stands."""
    aim = (STANDING if label.plane == "front" else 1.0) * min(1.0, max(LEAST_LONG, LONG / len(label.text)))
    return CAPITAL * label.size / aim


def anchor(label: Label) -> Vector:
    """The point of a label that stays when it grows: away from what it names. Names of tensors lie before them on
    the floor, those of sections and layers behind them, and one that stands is above."""
    x, y, z = label.position
    return (x, y + label.size, z) if label.plane == "floor" and label.tier > OUTSIDE else (x, y, z)


@dataclass(frozen=True)
class Cover:
    """A part of the frame that a card takes from one second to another."""

    start: float
    end: float
    box: Box


def choose_names(layout: Layout, story: Story, aspect: float, covers: Sequence[Cover] = ()) -> Names:
    """Decide for every pose of the film. Names of the subject come before others, large ones before small ones; none
    stands behind a card."""
    shots, walls = story.shots, faces_of(layout)
    ends = [*(shot.start for shot in shots[1:]), story.duration]
    same: dict[tuple[Key, tuple[Box, ...]], list[int]] = {}
    for i, (shot, end) in enumerate(zip(shots, ends, strict=True)):
        key = pose_of(shot, aspect)
        busy = any(s.start < end and s.start + s.duration > shot.start for s in story.shapes)
        over = dict.fromkeys(c.box for c in covers if c.start < end and c.end > shot.start + shot.move)
        place = Key(0.0, *[getattr(key, name) for name in _POSE]), (*fixed_to_frame(aspect, busy), *over)
        same.setdefault(place, []).append(i)
    poses = []
    for (key, fixed), which in same.items():
        shot = shots[which[0]]
        # A told multiply has nameplates instead.
        shown = () if shot.faces else tuple(_shown(layout.labels, walls, shot, key, aspect, fixed))
        poses.append(Pose(tuple(which), shown))
    return Names(tuple(poses))


_POSE = ("target", "azimuth", "elevation", "distance", "lens", "lift", "side")


def _shown(
    labels: Sequence[Label], walls: Numbers, shot: Shot, key: Key, aspect: float, fixed: Sequence[Box]
) -> Iterator[int]:
    corners, heights = seen_names(labels, key, aspect)
    own = [near(label, shot) for label in labels]
    boxes = np.concatenate([corners.min(1), corners.max(1)], axis=1)
    fits = _whole(boxes, shot, aspect, fixed) & (heights >= least_height(aspect))
    order = sorted(np.flatnonzero(fits), key=lambda i: (not own[i], labels[i].tier, i))
    taken: list[Numbers] = []
    before = Walls(walls, key, aspect)
    for i in order:
        if own[i] or labels[i].tier <= OUTSIDE:
            mine = corners[i] * [aspect, 1.0]
            if not any(meet(mine, other) for other in taken) and not before.hide(mine, labels[i]):
                taken.append(mine)
                yield int(i)


def faces_of(layout: Layout) -> Numbers:
    """The faces of all blocks, [n, 4, 3]: what can be in front of a name, or over one that lies on the floor."""
    faces = np.array([block.corners() for block in layout.blocks], float).reshape(-1, 4, 3)
    return np.unique(np.round(faces, 4), axis=0)


class Walls:
    """The faces of blocks, as a camera sees them."""

    def __init__(self, faces: Numbers, key: Key, aspect: float) -> None:
        points = faces.reshape(-1, 3)
        self._key = key
        self._depths = self._depth(points).reshape(-1, 4).min(1)
        self._seen = (in_frame([key], 0.0, aspect, points) + [0.5 * aspect, 0.5]).reshape(-1, 4, 2)
        self._low, self._high = self._seen.min(1), self._seen.max(1)

    def _depth(self, points: Numbers) -> Numbers:
        forward = np.asarray(basis(self._key.azimuth, self._key.elevation)[2])
        return (points - np.array(self._key.target)) @ forward + self._key.distance

    def hide(self, corners: Numbers, label: Label) -> bool:
        """Whether one of them covers more than the rim of a name, that is seen at these corners [4, 2]."""
        middle = corners.mean(axis=0)
        core = middle + INSIDE * (corners - middle)
        nearer = self._depths < float(self._depth(np.array([label.position]))[0]) - label.size
        low, high = core.min(0), core.max(0)
        common = np.clip(np.minimum(self._high, high) - np.maximum(self._low, low), 0.0, None).prod(1)
        close = nearer & (common > HIDDEN * (high - low).prod())
        return any(meet(core, self._seen[i], 0.0) for i in np.flatnonzero(close))


def meet(a: Numbers, b: Numbers, apart: float = APART) -> bool:
    """Whether two convex quadrilaterals [4, 2] are nowhere `apart`: none of their edges has the other beyond it."""
    for quad in (a, b):
        edges = np.roll(quad, -1, axis=0) - quad
        normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1)
        lengths = np.linalg.norm(normals, axis=1)
        for normal in normals[lengths > 1e-12] / lengths[lengths > 1e-12, None]:
            one, other = a @ normal, b @ normal
            if one.min() > other.max() + apart or other.min() > one.max() + apart:
                return False
    return True


def seen_names(labels: Sequence[Label], key: Key, aspect: float) -> tuple[Numbers, Numbers]:
    """Where labels are seen in a pose: the corners of each [n, 4, 2] in shares of the frame, in order around it, and
    how high their capitals are [n], in frame heights; below zero where a label is not wholly before the camera."""
    if not labels:
        return np.zeros((0, 4, 2)), np.zeros(0)
    height = view_height(key, aspect)
    corners, capitals = [], []
    for label in labels:
        scale, at, box = scale_of(label, height), np.array(anchor(label)), label.extent()
        low, high = (at + scale * (np.array(end) - at) for end in (box.low, box.high))
        corners += [low, (high[0], low[1], low[2]), high, (low[0], high[1], high[2])]
        up = np.array([0.0, 1.0, 0.0] if label.plane == "floor" else [0.0, 0.0, 1.0])
        capitals += [at, at + CAPITAL * label.size * scale * up]
    points = np.array(corners)
    seen = in_frame([key], 0.0, aspect, points) / [aspect, 1.0] + 0.5
    ends = in_frame([key], 0.0, aspect, np.array(capitals)).reshape(-1, 2, 2)
    heights = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    depth = (points - np.array(key.target)) @ np.asarray(basis(key.azimuth, key.elevation)[2]) + key.distance
    return seen.reshape(-1, 4, 2), np.where(depth.reshape(-1, 4).min(1) > 0.1 * key.distance, heights, -1.0)


def near(label: Label, shot: Shot) -> bool:
    """Whether a label counts as the subject's own, by its place on the floor plan."""
    box, subject = label.extent(), shot.subject
    return all(
        box.low[axis] <= subject.high[axis] + AROUND and box.high[axis] >= subject.low[axis] - AROUND for axis in (0, 1)
    )


def _whole(
    boxes: Numbers, shot: Shot, aspect: float, fixed: Sequence[Box]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether boxes are whole in the frame and clear of what is fixed to it."""
    _right, below, _above = free_room(shot, aspect)
    inside = (boxes[:, 0] >= SIDES) & (boxes[:, 2] <= 1 - SIDES) & (boxes[:, 1] >= below - 0.02)
    inside &= boxes[:, 3] <= 1 - ABOVE + 0.01
    for left, low, far, high in fixed:
        meets = (boxes[:, 0] < far) & (boxes[:, 2] > left) & (boxes[:, 1] < high) & (boxes[:, 3] > low)
        inside &= ~meets
    return inside


def fixed_to_frame(aspect: float, multiplies: bool) -> tuple[Box, ...]:
    """What stands in the frame over the world and under the running text: the legend at the right and, where a shot
    `multiplies`, the running multiply at the left."""
    legend, multiply = (_LEGEND, _MULTIPLY) if aspect > NARROW else (_LEGEND_NARROW, _MULTIPLY_NARROW)
    return (legend, multiply) if multiplies else (legend,)


_LEGEND, _MULTIPLY = (0.78, 0.82, 1.0, 1.0), (0.0, 0.83, 0.70, 0.915)
_LEGEND_NARROW, _MULTIPLY_NARROW = (0.5, 0.80, 1.0, 0.93), (0.0, 0.735, 1.0, 0.82)
