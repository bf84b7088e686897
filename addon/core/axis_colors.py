# SPDX-License-Identifier: GPL-3.0-or-later
"""One colour for an axis, everywhere: in blocks, names, formulas and shapes."""

from __future__ import annotations

from .layout_types import Block

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


def name_and_size(block: Block) -> list[tuple[str, str]]:
    """What a block is called, and its rows and columns, as (text, name of a colour of the theme)."""
    rows, columns = block.counts
    size = [(str(rows), axis_color(block.row_axis)), ("×", "secondary"), (str(columns), axis_color(block.column_axis))]
    return [(block.label, "text"), *size]
