# SPDX-License-Identifier: GPL-3.0-or-later
"""Flights of cells: copies of a block's cells on their way to another block, in the colours of their numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.effects_flight import FALL
from ..core.effects_types import Flight
from ..core.layout import Block
from ..core.values import Values
from .effects_sheet import POSITIVE, SIGNED, Move, Sheet

ABOVE = 0.12  # units before the faces that they leave and reach
LINGER = 0.06  # seconds that a copy stays after its arrival, while the cell itself comes out
LIT = 0.45  # seconds that a row is lit before its copy leaves
FALLING = np.array([0.0, -1.0, 4.0])  # units on which a masked cell goes
CORNERS = np.array([[1, 0], [1, 1], [0, 1], [0, 0]])  # rows and columns of a cell's corners, counter-clockwise
LINE = 0.3  # units wide
Points = NDArray[np.float64]


def add_flight(sheet: Sheet, flight: Flight, values: Values) -> None:
    """Put a flight into a sheet in the world's coordinates."""
    source, target = values.blocks[flight.source], values.blocks[flight.target]
    cells = flight.cells
    begin = _faces(source, cells[:, :2], CORNERS)
    end = _faces(target, cells[:, 2:], CORNERS[:, ::-1] if flight.turned else CORNERS)
    # Masked cells shrink into their middle while they go.
    away = np.where(flight.kept[:, None, None], 0.0, end.mean(1, keepdims=True) - end + FALLING)
    vanish = flight.settle + np.where(flight.kept, LINGER, FALL)
    styles = [POSITIVE if values.ends(block.key)[0] >= 0 else SIGNED for block in (source, target)]
    sheet.add(
        begin,
        (flight.leave - (LIT if flight.lit else 0.0), vanish),
        style=styles[0],
        becomes=styles[1],
        place=(_place(values, source, flight.before), _place(values, target, flight.after)),
        uv=CORNERS[:, ::-1],
        pitch=(float(np.linalg.norm(source.column_step)), float(np.linalg.norm(source.row_step))),
        first=Move(
            end - begin,
            flight.leave[:, None],
            (flight.arrive - flight.leave)[:, None],
            arc=(0.0, 0.0, flight.lift),
        ),
        second=Move(away, flight.settle[:, None], FALL),
        value=flight.before,
    )
    if flight.lit:
        _outline_rows(sheet, flight, source)


def _faces(block: Block, cells: NDArray[np.int64], corners: NDArray[np.int64]) -> Points:
    """The corners of cells, just before the block's face: [n, 4, 3]."""
    at = cells[:, None, :] + corners[None, :, :]  # [n, 4, 2]
    base = np.array(block.origin) + ABOVE * np.array(block.normal)
    return base + at[..., :1] * np.array(block.row_step) + at[..., 1:] * np.array(block.column_step)


def _place(values: Values, block: Block, numbers: Points) -> Points:
    low, high = values.ends(block.key)
    return np.clip((numbers - low) / max(high - low, 1e-12), 0.0, 1.0)


def _outline_rows(sheet: Sheet, flight: Flight, block: Block) -> None:
    """A frame around each row of the source from which copies leave."""
    columns = block.shape[1]
    line_v = LINE / float(np.linalg.norm(block.row_step))
    line_u = LINE / float(np.linalg.norm(block.column_step))
    for to_row in np.unique(flight.cells[:, 2]):
        mine = flight.cells[:, 2] == to_row
        row = int(flight.cells[mine, 0][0])
        base = np.array(block.origin) + 1.5 * ABOVE * np.array(block.normal)
        edges = (
            (row, 0.0, row + line_v, columns),
            (row + 1 - line_v, 0.0, row + 1, columns),
            (row, 0.0, row + 1, line_u),
            (row, columns - line_u, row + 1, columns),
        )
        corners = np.array([[(r1, c0), (r1, c1), (r0, c1), (r0, c0)] for r0, c0, r1, c1 in edges])
        points = base + corners[..., :1] * np.array(block.row_step) + corners[..., 1:] * np.array(block.column_step)
        begin, end = flight.leave[mine].min() - LIT, flight.arrive[mine].max()
        sheet.add(points, (float(begin), float(end)), hue="token")
