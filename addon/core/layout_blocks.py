# SPDX-License-Identifier: GPL-3.0-or-later
"""From places to blocks: which numbers of which step each place shows.

All steps share one place. Because attention looks back only, the rows of earlier tokens are the same numbers in every
step, so a later step draws the rows of its new tokens and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from .layout_parts import PARTS, Part, collection_of
from .layout_types import Block
from .placement import ModelShape, Place


@dataclass(frozen=True)
class Shown:
    """The matrix that a part shows: its tensor by name, which matrix of it, and the operation that it belongs to."""

    tensor: str
    index: tuple[int, ...]
    operation: int


class Source(Protocol):
    """Where parts find their tensors."""

    def find(self, part: Part, step: int, layer: int | None, head: int | None) -> Shown | None:
        """What the part shows in this step; None where the model has no such thing, for example no bias."""


def draw_blocks(places: Iterable[Place], shape: ModelShape, source: Source) -> tuple[Block, ...]:
    """The blocks of all steps, step by step, each in the order of the places."""
    places = tuple(places)
    return tuple(
        block
        for step in range(len(shape.steps))
        for place in places
        if (block := draw_block(place, shape.steps, step, source)) is not None
    )


def draw_block(place: Place, steps: tuple[int, ...], step: int, source: Source) -> Block | None:
    """What a step adds at a place; None where it adds nothing."""
    part = PARTS[place.part]
    if part.kind == "weight" and step > 0:
        return None
    shown = source.find(part, step, place.layer, place.head)
    if shown is None:
        return None
    rows, columns = cells(part, place, steps, step)
    return Block(
        key=key_of(part.name, step, place.layer, place.head),
        tensor=shown.tensor,
        index=shown.index,
        rows=rows,
        columns=columns,
        role=part.role,
        kind=part.kind,
        operation=shown.operation,
        step=step,
        layer=place.layer,
        head=place.head,
        part=part.name,
        label=part.label,
        origin=place.corner(rows[0], columns[0] - place.first_column),
        row_step=place.row_step,
        column_step=place.column_step,
        row_axis=part.rows,
        column_axis=part.columns,
        collection=collection_of(part.section, place.layer, place.head),
    )


def cells(part: Part, place: Place, steps: tuple[int, ...], step: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last row and column that a step adds. A pattern's new row reaches over all columns so far."""
    new = (steps[step - 1] if step else 0, steps[step] - 1)
    rows, columns = (0, place.rows - 1), (place.first_column, place.first_column + place.columns - 1)
    if part.grows in ("rows", "both"):
        rows = new
    if part.grows == "columns":
        columns = new
    elif part.grows == "both":
        columns = (0, steps[step] - 1)
    return rows, columns


def key_of(part: str, step: int, layer: int | None, head: int | None) -> str:
    """The name of a block: what does not apply is left out, and weights are of step 0."""
    words = (f"s{step}", None if layer is None else f"l{layer}", None if head is None else f"h{head}", part)
    return ".".join(word for word in words if word is not None)
