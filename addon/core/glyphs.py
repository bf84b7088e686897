# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed distance fields of glyphs: what a shader needs to print them sharp at any size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def distance_field(
    edges: NDArray[np.float64], low: tuple[float, float], high: tuple[float, float], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Distance from the middle of each texel to the outline, positive inside, [rows from the top, columns].

    `edges` [n, 2, 2] are the outline's straight pieces (ends, then x and y) in any order and direction; what an odd
    number of them encloses is inside. The texels cover the rectangle from `low` to `high`. Without edges all is far
    outside.
    """
    rows, columns = shape
    x = low[0] + (np.arange(columns) + 0.5) * (high[0] - low[0]) / columns
    y = high[1] - (np.arange(rows) + 0.5) * (high[1] - low[1]) / rows
    x, y = x[None, :], y[:, None]
    nearest = np.full(shape, np.inf)  # squared
    inside = np.zeros(shape, bool)
    for (ax, ay), (bx, by) in edges:
        dx, dy = bx - ax, by - ay
        share = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-24), 0.0, 1.0)
        np.minimum(nearest, (x - ax - share * dx) ** 2 + (y - ay - share * dy) ** 2, out=nearest)
        if ay != by:
            # A ray to the right crosses the outline an odd number of times from inside.
            inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * dx / dy)
    return np.where(inside, 1.0, -1.0) * np.sqrt(nearest)
