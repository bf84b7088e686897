# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a camera must stand to see a set of points whole: a frustum fitted in closed form, and its projection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
import numpy.typing as npt

from .layout_types import Vector

Array = npt.NDArray[np.float64]
CLEARANCE = 0.1  # of the diagonal of what is seen


@dataclass(frozen=True)
class CameraPose:
    """A level camera (no roll). `right`, `up` and `forward` are unit vectors at right angles to each other.

    `target` is the point on the optical axis in the middle of the depth of what is seen, `distance` units away.
    `tangents` are the tangents of half the horizontal and half the vertical angle of view.
    """

    location: Vector
    right: Vector
    up: Vector
    forward: Vector
    target: Vector
    distance: float
    tangents: tuple[float, float]


def fit(
    points: Sequence[Vector] | Array,
    azimuth: float,
    elevation: float,
    lens: float,
    aspect: float,
    margin: float = 0.05,
    sensor: float = 36.0,
) -> CameraPose:
    """The nearest pose from which all `points` [n, 3] stand inside the frame, clear of each edge by `margin`.

    `azimuth` and `elevation` are in degrees: 0, 0 looks along +y, a negative azimuth stands to the left, a positive
    elevation looks down. `lens` and `sensor` are in millimetres, the sensor along the longer side of the frame;
    `aspect` is width over height; `margin` is a share of the frame's width and height, at least 0 and below a half.
    Along the tighter of the two directions the points touch both margins; along the other they are centred. Only
    points that are seen end on leave more room: the camera keeps `CLEARANCE` of their extent from the nearest.

    Raises ValueError where there is nothing to fit: no points, all of them the same, or not finite.
    """
    cloud = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    if not len(cloud) or not np.isfinite(cloud).all():
        raise ValueError("a camera fit needs at least one point, all of them finite")
    if not 0 <= margin < 0.5:
        raise ValueError(f"margin must be at least 0 and below 0.5, not {margin}")
    right, up, forward = basis(azimuth, elevation)
    tangents = angle_tangents(lens, aspect, sensor)
    x, y, depth = cloud @ right, cloud @ up, cloud @ forward
    nearness = []
    centre = []
    for side, tangent in ((x, tangents[0]), (y, tangents[1])):
        # a point is inside where |side - centre| <= slope * (depth - camera): two linear bounds on the camera
        slope = tangent * (1 - 2 * margin)
        high, low = float((side - slope * depth).max()), float((-side - slope * depth).max())
        nearness.append(-(high + low) / (2 * slope))
        centre.append((high - low) / 2)
    size = float(np.linalg.norm(np.ptp(cloud, axis=0)))
    if size == 0:
        raise ValueError("a camera fit needs points that differ")
    # a set that lies inside the cone of its own nearest point, seen end on, would swallow the camera
    stand = min(*nearness, float(depth.min()) - CLEARANCE * size)
    location = centre[0] * right + centre[1] * up + stand * forward
    distance = float(depth.min() + depth.max()) / 2 - stand
    target = location + distance * forward
    return CameraPose(
        _vector(location), _vector(right), _vector(up), _vector(forward), _vector(target), distance, tangents
    )


def project(points: Sequence[Vector] | Array, pose: CameraPose) -> Array:
    """Where `points` [n, 3] fall in the frame of `pose`: [n, 3] of x and y (0, 0 is the lower left corner of the
    frame, 1, 1 the upper right) and the depth along the optical axis in units, negative behind the camera."""
    away = np.asarray(points, dtype=np.float64).reshape(-1, 3) - np.asarray(pose.location)
    depth = away @ np.asarray(pose.forward)
    x = 0.5 + 0.5 * (away @ np.asarray(pose.right)) / (depth * pose.tangents[0])
    y = 0.5 + 0.5 * (away @ np.asarray(pose.up)) / (depth * pose.tangents[1])
    return np.stack([x, y, depth], axis=1)


def spread(points: Array, directions: int = 48) -> float:
    """The area of the polygon that spans the farthest of `points` [n, 2] in evenly spaced directions: that of their
    convex hull, or hardly less."""
    angles = np.linspace(0.0, 2 * np.pi, directions, endpoint=False)
    farthest = (points @ np.stack([np.cos(angles), np.sin(angles)])).argmax(axis=0)
    x, y = points[farthest].T
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


def basis(azimuth: float, elevation: float) -> tuple[Array, Array, Array]:
    """Right, up and forward of a level camera at `azimuth` and `elevation` (degrees), as unit vectors [3]."""
    a, e = radians(azimuth), radians(elevation)
    right = np.array([cos(a), sin(a), 0.0])
    forward = np.array([-sin(a) * cos(e), cos(a) * cos(e), -sin(e)])
    return right, np.cross(right, forward), forward


def angle_tangents(lens: float, aspect: float, sensor: float = 36.0) -> tuple[float, float]:
    """Tangents of half the horizontal and half the vertical angle of view; `sensor` is the longer side."""
    longer = sensor / (2 * lens)
    return (longer, longer / aspect) if aspect >= 1 else (longer * aspect, longer)


def _vector(values: Array) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])
