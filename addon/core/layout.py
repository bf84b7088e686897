# SPDX-License-Identifier: GPL-3.0-or-later
"""Where every block of a trace stands: a pure function of the shapes in it.

World axes: x right, y away from the viewer, z up. One Blender unit is one step along an axis of pitch 1.
"""

from __future__ import annotations

from .layout_types import (
    THICKNESS,
    Block,
    Bounds,
    Card,
    Label,
    Layout,
    Operation,
    Plate,
    Ribbon,
    Vector,
    text_width,
)

__all__ = [
    "THICKNESS",
    "Block",
    "Bounds",
    "Card",
    "Label",
    "Layout",
    "Operation",
    "Plate",
    "Ribbon",
    "Vector",
    "text_width",
]
