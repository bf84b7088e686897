# SPDX-License-Identifier: GPL-3.0-or-later
"""How a worked row is swept: its first number slowly, the others faster and faster."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def swept(time: float) -> float:
    """How far along the row the sweep is, 0 to 1, at a share of its time."""
    return time * time


def reached(place: ArrayLike) -> NDArray[np.float64]:
    """At which share of its time the sweep is at places of the row, 0 to 1."""
    return np.sqrt(np.asarray(place, np.float64))
