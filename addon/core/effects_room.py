# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a card may float: in the part of the frame that overlays leave free, and beside what the shot is about."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from .camera import basis
from .effects_types import Numbers
from .layout_types import Block
from .shots import NARROW, Key, pose_at

EDGE = 0.04  # free at the sides, in frame heights
# What captions, formula, running text, legend and the running multiply leave free: from below, to above, in frame
# heights from the middle, in a wide frame and in a narrow one.
FREE, FREE_NARROW = (-0.262, 0.318), (-0.262, 0.235)
AROUND = 0.02  # kept clear around what is looked at
OTHERS = 0.05  # how much other blocks count, beside those that are to be kept clear
LARGEST, LARGEST_NARROW = 0.9, 0.58  # of the size that a card is drawn for
SMALLER = (1.0, 0.87)  # tried one after the other until it hides no more than LITTLE
LITTLE = 0.002


def place_card(
    keys: Sequence[Key],
    second: float,
    aspect: float,
    clear: Sequence[Block],
    others: Sequence[Block],
    size: tuple[float, float],
    room: bool = False,
) -> tuple[float, float, float]:
    """The middle (x, y) of a card of that size (width, height) and by how much it must shrink to fit, at most 1; in
    frame heights from the middle of the frame. It stands at a side or in a corner where it hides least of the blocks
    that are to be kept `clear` and, where it hides nothing of these, least of the `others`. Where the shot keeps `room`
    for it, it stands there; elsewhere it rather shrinks than hides."""
    low, high = FREE if aspect > NARROW else FREE_NARROW
    largest = LARGEST if aspect > NARROW else LARGEST_NARROW
    fits = min(largest, (aspect - 2 * EDGE) / size[0], (high - low) / size[1])
    important = np.repeat([1.0, OTHERS], [len(clear), len(others)])
    boxes = _boxes(in_frame(keys, second, aspect, _corners([*clear, *others])))
    found = []
    for smaller in SMALLER[:1] if room else SMALLER:
        shrink = fits * smaller
        width, height = size[0] * shrink, size[1] * shrink
        right = aspect / 2 - EDGE - width / 2
        places = list(product((right, -right), (low + height / 2, (low + high) / 2, high - height / 2)))
        if room:  # at the right or, in a narrow frame, above
            places = [(x, y) for x, y in places if (x == right if aspect > NARROW else y == high - height / 2)]
        hides = [_hidden(boxes, important, place, (width, height)) for place in places]
        best = int(np.argmin(hides))
        found.append((hides[best], *places[best], shrink))
        if hides[best] <= LITTLE:
            break
    return min(found, key=lambda each: each[0])[1:]


def _hidden(boxes: Numbers, important: Numbers, place: tuple[float, float], size: tuple[float, float]) -> float:
    """How much of the boxes a card of that size hides there, by their importance."""
    (x, y), (width, height) = place, size
    wide = np.minimum(boxes[:, 2], x + width / 2) - np.maximum(boxes[:, 0], x - width / 2)
    tall = np.minimum(boxes[:, 3], y + height / 2) - np.maximum(boxes[:, 1], y - height / 2)
    return float((important * np.maximum(wide, 0.0) * np.maximum(tall, 0.0)).sum())


def _corners(blocks: Sequence[Block]) -> Numbers:
    return np.array([block.corners() for block in blocks], dtype=float).reshape(-1, 3)


def _boxes(seen: Numbers) -> Numbers:
    """Left, below, right and above of each four points [4 n, 2]: [n, 4]."""
    fours = seen.reshape(-1, 4, 2)
    return np.concatenate([fours.min(1) - AROUND, fours.max(1) + AROUND], axis=1)


def in_frame(keys: Sequence[Key], second: float, aspect: float, points: Numbers) -> Numbers:
    """Where points of the world [n, 3] are seen at a second of the story: [n, 2] in frame heights from the middle."""
    pose = pose_at(keys, second)
    right, up, forward = (np.asarray(axis) for axis in basis(pose.azimuth, pose.elevation))
    from_target = points - np.array(pose.target)
    depth = np.maximum(pose.distance + from_target @ forward, 1e-3)
    frame = 36.0 / pose.lens / max(aspect, 1.0)  # the frame's height at distance one
    x = from_target @ right / depth / frame + pose.side * aspect
    return np.stack([x, from_target @ up / depth / frame + pose.lift], axis=1)
