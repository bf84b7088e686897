# SPDX-License-Identifier: GPL-3.0-or-later
"""A theme at a glance: a small matrix in its colour map, the axes' colours below, on its backdrop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .theme import STOPS, Linear, Theme

SIZE = 128  # pixels, both ways
CELLS, PITCH, TILE = 5, 19, 16  # cells a side, pixels from one to the next, pixels of one
LEFT, TOP = 17, 14  # of the matrix
AXES = ("token", "channel", "head", "feature", "neuron")


def theme_picture(theme: Theme) -> NDArray[np.float32]:
    """[SIZE, SIZE, 4]: red, green, blue and alpha as the screen shows them, each 0 to 1, the lowest row first."""
    picture = np.ones((SIZE, SIZE, 4), np.float32)
    y, x = np.mgrid[0:SIZE, 0:SIZE] / (SIZE - 1.0)
    away = np.clip((np.hypot(x - 0.5, 0.9 * (y - 0.45)) - 0.10) / 0.62, 0.0, 1.0)[..., None]
    centre, edge = _screen(theme.centre), _screen(theme.edge)
    picture[..., :3] = centre + away**2 * (3.0 - 2.0 * away) * (edge - centre)
    stops = [_light(color) for color in theme.diverging_stops]
    values = np.outer(np.sin(1.3 * np.arange(CELLS) + 0.4), np.cos(1.3 * np.arange(CELLS) - 0.4))  # each -1 to 1
    for (row, column), value in np.ndenumerate(values):
        _tile(picture, row, column, TILE, stops[round((value + 1) / 2 * (STOPS - 1))])
    for column, axis in enumerate(AXES):
        _tile(picture, CELLS, column, TILE // 2, _screen(theme.palette[axis]))
    return picture[::-1]


def _tile(picture: NDArray[np.float32], row: int, column: int, high: int, color: NDArray[np.float64]) -> None:
    top, left = TOP + row * PITCH, LEFT + column * PITCH
    picture[top : top + high, left : left + TILE, :3] = color


def _screen(color: str) -> NDArray[np.float64]:
    """SRGB hex as three numbers."""
    return np.array([int(color[i : i + 2], 16) / 255 for i in (0, 2, 4)])


def _light(color: Linear) -> NDArray[np.float64]:
    """Linear RGB as the screen shows it (IEC 61966-2-1)."""
    rgb = np.array(color)
    return np.where(rgb <= 0.0031308, rgb * 12.92, 1.055 * rgb ** (1 / 2.4) - 0.055)
