# SPDX-License-Identifier: GPL-3.0-or-later
"""One colour for an axis, everywhere: in blocks, names, formulas and shapes."""

from __future__ import annotations

AXIS_COLORS = {  # atom of an axis -> name of a colour of the theme
    "token": "token",
    "key_token": "key",
    "position": "token",
    "channel": "channel",
    "head": "head",
    "expert": "head",
    "key_dim": "feature",
    "value_dim": "feature",
    "neuron": "neuron",
    "vocab": "vocab",
}


def axis_color(axis: tuple[str, ...]) -> str:
    """The palette colour of an axis: that of its innermost atom which has one."""
    return next((AXIS_COLORS[atom] for atom in reversed(axis) if atom in AXIS_COLORS), "secondary")
