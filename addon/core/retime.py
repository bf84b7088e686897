# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts made longer, shorter or left out after the fact: what becomes of frames."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stretch:
    """The frames from `first` to `last` take `length` frames instead, and all later ones move along. `first` is before
    `last`, and `length` above 0, so that it can be undone."""

    first: float
    last: float
    length: float

    def __call__(self, frame: float) -> float:
        """Where a frame is afterwards."""
        if frame <= self.first:
            return frame
        if frame >= self.last:
            return frame + self.length - (self.last - self.first)
        return self.first + (frame - self.first) * self.length / (self.last - self.first)
