# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and sizes beside the operands and the result of a multiply while it is told: fixed to the frame in size, and
following their blocks as the camera moves.

A pure function of layout, story and the camera's path; the scene carries it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .axis_colors import name_and_size
from .effects_room import in_frame
from .effects_types import Numbers
from .layout_types import Block, Layout
from .names import fixed_to_frame
from .shots import NARROW, Key, free_room
from .story_types import Shot, Story

SIZE, SIZE_NARROW = 0.056, 0.04  # of the text, in frame heights
LETTER, GAP = 0.42, 0.3  # about how wide a letter is, and the space between two parts, in text sizes
HEIGHT = 1.25  # of a plate, in text sizes
ASIDE = 0.012  # between a block's edge and its plate, in frame heights
EDGE = 0.02  # free at the sides of the frame, in frame heights
EVERY = 0.2  # seconds between two looks at where the blocks are
PLACES = (0.5, 0.3, 0.7, 0.12, 0.88)  # along an edge of a block, the best first
LEAST = 0.7  # seconds that a name needs to be read
# What it costs to stand before a block that is told of, and to point to where another one is seen, against being out
# of the frame.
HIDES, BEHIND = 3.0, 0.25

Truths = NDArray[np.bool_]
Box = Numbers  # left, below, right, above: [..., 4], in frame heights from the frame's middle


@dataclass(frozen=True)
class Nameplate:
    """A name from `start` on for `duration` seconds: `parts` are (text, colour of the theme), set in `size`; its middle
    is at `path`, (second, x, y) in frame heights from the frame's middle, between which it moves evenly."""

    start: float
    duration: float
    parts: tuple[tuple[str, str], ...]
    size: float
    path: tuple[tuple[float, float, float], ...]


def nameplates(layout: Layout, story: Story, keys: Sequence[Key], aspect: float) -> tuple[Nameplate, ...]:
    """The names of every told multiply, from when the camera has arrived until it leaves; a name is left out while
    there is no room for it."""
    return tuple(plate for stretch in _stretches(story) for plate in _of(stretch, layout, keys, aspect))


@dataclass(frozen=True)
class _Stretch:
    """What is told from one place: the shot, from its arrival until the camera leaves, and the blocks by key."""

    shot: Shot
    start: float
    end: float
    keys: tuple[str, ...]


def _stretches(story: Story) -> Iterator[_Stretch]:
    shots = story.shots
    for i, shot in enumerate(shots):
        if not shot.faces or shot.within is not None or (i and shots[i - 1].within == shot.subject):
            continue
        others = (s.start for s in shots[i + 1 :] if shot.subject not in (s.subject, s.within))
        start, end = shot.start + shot.move, next(others, story.duration)
        told = [one for one in story.told if one.start < end and one.start + one.duration > start]
        blocks = dict.fromkeys(key for one in told for key in (one.left, one.right, one.out))
        if blocks:
            yield _Stretch(shot, start, end, tuple(blocks))


def _of(stretch: _Stretch, layout: Layout, keys: Sequence[Key], aspect: float) -> Iterator[Nameplate]:
    """The plates of one stretch, one after the other, so that none covers another."""
    times = np.linspace(stretch.start, stretch.end, max(2, 1 + round((stretch.end - stretch.start) / EVERY)))
    blocks = [layout.by_key[key] for key in stretch.keys]
    seen = [_outline(block, keys, times, aspect) for block in blocks]  # each [times, points, 2]
    faces = [_inside(block, keys, times, aspect) for block in blocks]
    size = SIZE if aspect > NARROW else SIZE_NARROW
    taken: list[Box] = []
    for block, points, face in zip(blocks, seen, faces, strict=True):
        parts = tuple(name_and_size(block))
        width = sum(LETTER * len(body) + GAP for body, _hue in parts) * size
        boxes = _beside(points, width, HEIGHT * size)  # [places, times, 4]
        good = _free(boxes, stretch.shot, aspect)
        for other in taken:
            good &= ~_meet(boxes, other[None])
        hidden = np.mean([_covered(boxes, face) for face in faces], axis=0)  # [places, times]
        behind = np.any([_within(points[0], f[0]) for f in faces if f is not face], axis=0)  # [places]
        worth = good.mean(1) - HIDES * hidden.mean(1) - BEHIND * behind
        best = int(np.argmax(worth - 1e-3 * np.arange(len(worth))))
        first, last = _longest(good[best])
        if times[last] - times[first] < LEAST:
            continue
        taken.append(boxes[best])
        middle = (boxes[best][:, :2] + boxes[best][:, 2:]) / 2
        path = tuple((float(t), float(x), float(y)) for t, (x, y) in zip(times, middle, strict=True))
        yield Nameplate(float(times[first]), float(times[last] - times[first]), parts, size, path)


def _grid(block: Block, u: Sequence[float], v: Sequence[float]) -> Numbers:
    """Points of a face, [n, 3]: shares of its columns and of its rows."""
    corners = np.asarray(block.corners())
    along, down = corners[1] - corners[0], corners[3] - corners[0]
    return corners[0] + np.outer(u, along) + np.outer(v, down)


def _outline(block: Block, keys: Sequence[Key], times: Numbers, aspect: float) -> Numbers:
    """Where points on the edges of a face are seen, [times, points, 2]: on the first row's edge first."""
    edges = [(PLACES, (0.0,) * 5), ((0.0,) * 5, PLACES), ((1.0,) * 5, PLACES), (PLACES, (1.0,) * 5)]
    points = np.concatenate([_grid(block, u, v) for u, v in edges])
    return np.stack([in_frame(keys, float(t), aspect, points) for t in times])


def _inside(block: Block, keys: Sequence[Key], times: Numbers, aspect: float) -> Numbers:
    """Where points all over a face are seen, [times, points, 2]."""
    u, v = np.meshgrid(np.linspace(0.03, 0.97, 12), np.linspace(0.06, 0.94, 6))
    points = _grid(block, u.ravel().tolist(), v.ravel().tolist())
    return np.stack([in_frame(keys, float(t), aspect, points) for t in times])


def _beside(points: Numbers, width: float, height: float) -> Box:
    """Plates of that size outside of each point of an outline [times, points, 2], away from its middle:
    [points, times, 4]."""
    way = points - points.mean(axis=1, keepdims=True)
    way = way.mean(axis=0)  # one way for all times: the plate does not circle its point
    way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    half = np.array([width, height]) / 2
    # So far that the plate's box just clears the point, whichever side it has toward it.
    reach = np.min(half / np.maximum(np.abs(way), 1e-6), axis=1, keepdims=True) + ASIDE
    middle = points + way * reach
    boxes: Box = np.concatenate([middle - half, middle + half], axis=-1).transpose(1, 0, 2)
    return boxes


def _free(boxes: Box, shot: Shot, aspect: float) -> Truths:
    """Whether boxes [..., 4] are whole in the frame and clear of what is fixed to it."""
    right, below, above = free_room(shot, aspect)
    low, high = below - 0.5, 0.5 - above if aspect <= NARROW else 0.5 - 0.11
    side = aspect / 2 - EDGE
    good: Truths = (boxes[..., 0] > -side) & (boxes[..., 2] < side - right * aspect)
    good &= (boxes[..., 1] > low) & (boxes[..., 3] < high)
    for left, bottom, far, top in fixed_to_frame(aspect, True):
        fixed = np.array([(left - 0.5) * aspect, bottom - 0.5, (far - 0.5) * aspect, top - 0.5])
        good &= ~_meet(boxes, fixed)
    return good


def _meet(a: Box, b: Box) -> Truths:
    """Whether boxes [..., 4] have something in common."""
    common: Truths = (
        (a[..., 0] < b[..., 2]) & (a[..., 2] > b[..., 0]) & (a[..., 1] < b[..., 3]) & (a[..., 3] > b[..., 1])
    )
    return common


def _covered(boxes: Box, face: Numbers) -> Numbers:
    """The share of a face's points [times, points, 2] that is under each of boxes [places, times, 4]."""
    x, y = face[None, ..., 0], face[None, ..., 1]
    left, low, right, high = (boxes[..., i, None] for i in range(4))
    covered: Numbers = ((x > left) & (x < right) & (y > low) & (y < high)).mean(-1)
    return covered


def _within(points: Numbers, face: Numbers) -> Truths:
    """Whether points [n, 2] are seen where a face is, that is given by points all over it [m, 2]."""
    apart = np.linalg.norm(points[:, None] - face[None], axis=-1)
    spacing = np.linalg.norm(np.ptp(face, axis=0)) / np.sqrt(len(face))
    near: Truths = apart.min(1) < 0.5 * spacing
    return near


def _longest(good: Truths) -> tuple[int, int]:
    """The first and the last place of the longest stretch that is all true; (0, 0) where there is none."""
    best, start = (0, 0), 0
    for i in range(len(good)):
        if not good[i]:
            start = i + 1
        elif i - start > best[1] - best[0]:
            best = (start, i)
    return best
