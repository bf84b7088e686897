# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts as triangles, so that they can be part of a sheet."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from .effects_sheet import Array
from .merge import Line, Shapes


@dataclass(frozen=True)
class Letters:
    """Sets lines in a font, with the letters that `shapes` has made."""

    shapes: Shapes
    font: bpy.types.VectorFont | None

    def triangles(self, body: str) -> Array:
        """The triangles [n, 3, 2] of a line of text size 1 that begins at x = 0, its middle at y = 0."""
        shape = self.shapes.of(Line(body, 1.0, self.font, "LEFT"))
        counts = np.diff([*shape.firsts, len(shape.corners)])
        assert (counts == 3).all(), "letters are filled with triangles"
        return shape.points[shape.corners].reshape(-1, 3, 3)[..., :2]
