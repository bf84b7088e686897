# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the faces of a multiply are read from somewhere: how large each is in the picture, less what hides it."""

from __future__ import annotations

import numpy as np

from .camera import Array, CameraPose, project
from .layout_types import Vector

Quad = tuple[Vector, Vector, Vector, Vector]  # corners, in order around it
ALONG, DOWN = 7, 3  # points that are looked at on a face
NEAR = 1e-3  # share of the way to the camera: what is nearer is the face itself
LEAST = 1e-4  # share of the frame that a face counts for where it is not seen


def readable(faces: tuple[Quad, ...], walls: tuple[Quad, ...], pose: CameraPose) -> float:
    """The geometric mean of the shares of the frame in which the faces are seen: one that is edge-on or hidden counts
    as much against a pose as one that is small."""
    shares = [max(_area(face, pose) * _clear(face, walls, pose), LEAST) for face in faces]
    return float(np.exp(np.mean(np.log(shares))))


def _area(face: Quad, pose: CameraPose) -> float:
    """The share of the frame that a face covers."""
    x, y, _depth = project(face, pose).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _clear(face: Quad, walls: tuple[Quad, ...], pose: CameraPose) -> float:
    """The share of a face before which none of the walls stands."""
    if not walls:
        return 1.0
    corners = np.asarray(face)
    s, t = np.meshgrid((np.arange(ALONG) + 0.5) / ALONG, (np.arange(DOWN) + 0.5) / DOWN)
    points = corners[0] + np.outer(s, corners[1] - corners[0]) + np.outer(t, corners[3] - corners[0])  # [n, 3]
    hidden: Array = _hits(points, np.asarray(pose.location), np.asarray(walls))
    return 1.0 - float(hidden.any(axis=1).mean())


def _hits(points: Array, eye: Array, walls: Array) -> Array:
    """Whether the way from each of `points` [n, 3] to `eye` [3] leads through each of `walls` [w, 4, 3]: [n, w]."""
    first = walls[:, 0]
    u, v = walls[:, 1] - first, walls[:, 3] - first  # [w, 3]
    way = eye - points  # [n, 3]
    normal = np.cross(u, v)
    slope = way @ normal.T  # [n, w]
    safe = np.where(np.abs(slope) < 1e-9, np.inf, slope)
    gone = ((first[None] - points[:, None]) * normal).sum(-1) / safe
    at = points[:, None] + gone[..., None] * way[:, None] - first  # [n, w, 3], from the wall's first corner
    a, b = (at * u).sum(-1) / (u * u).sum(-1), (at * v).sum(-1) / (v * v).sum(-1)
    hit: Array = (gone > NEAR) & (gone < 1) & (a > 0) & (a < 1) & (b > 0) & (b < 1)
    return hit
