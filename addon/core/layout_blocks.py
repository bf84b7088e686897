# SPDX-License-Identifier: GPL-3.0-or-later
"""From places to blocks: which numbers of which step each place shows.

All steps share one place. Because attention looks back only, the rows of earlier tokens are the same numbers in every
step, so a later step draws the rows of its new tokens and nothing else. A step whose model keeps a cache has only
these; one that runs all tokens again has them at the end. Of a long text only some tokens have a place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from .elision import clip, drawn_index
from .layout_parts import PARTS, Part, collection_of
from .layout_types import Block, Span
from .placement import Place
from .placement_shape import ModelShape


@dataclass(frozen=True)
class Shown:
    """The matrix that a part shows: its tensor by name, which matrix of it, and the operation that it belongs to.

    `column` is its first column, where it is a slice. `size` are the rows and columns of the whole matrix, where these
    are not what is drawn of it in the end. `label` is its name in this model. `tokens`
    are those of its rows, counted from the first of the `given` ones of the step, where these are not all."""

    tensor: str
    index: tuple[int, ...]
    operation: int
    column: int = 0
    size: tuple[int, int] | None = None
    label: str | None = None
    tokens: tuple[int, ...] = ()
    given: int = 0


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
        for block in draw_place(place, shape, step, source)
    )


def draw_place(place: Place, shape: ModelShape, step: int, source: Source) -> Iterator[Block]:
    """What a step adds at a place: nothing, a block, or of an expert's tokens one for all that follow each other."""
    part, steps = PARTS[place.part], shape.steps
    if part.kind == "weight" and step > 0:
        return
    shown = source.find(part, step, place.layer, place.head)
    if shown is None:
        return
    if not shown.tokens:
        found = cells(part, place, steps, step, shown)
        block = None if found is None else _drawn(draw_block(place, step, shown, *found), place, part, shape, found[2])
        if block is not None:
            yield block
        return
    columns = (shown.column, shown.column + place.columns - 1)
    earlier = steps[step - 1] if step else 0
    tokens = [token + steps[step] - shown.given for token in shown.tokens]
    for number, (first, last, corner) in enumerate(runs(tokens, shape.stretches, earlier)):
        yield draw_block(place, step, shown, (first, last), columns, (corner, 0), f".{number}" if number else "")


def _drawn(block: Block, place: Place, part: Part, shape: ModelShape, corner: tuple[int, int]) -> Block | None:
    """A block whose first cell is that of the tokens `corner` without those that are not drawn; None where that leaves
    nothing of it."""
    if not shape.drawn:
        return block
    if part.grows in ("rows", "both"):
        spans = clip(shape.drawn, corner[0], block.shape[0])
        if not spans:
            return None
        block = replace(block, **shortened("row", block.rows[0], spans))
        corner = place_of(shape, corner[0] + spans[0][0]), corner[1]
    if part.grows in ("columns", "both"):
        spans = clip(shape.drawn, corner[1], block.shape[1])
        if not spans:
            return None
        block = replace(block, **shortened("column", block.columns[0], spans))
        corner = corner[0], place_of(shape, corner[1] + spans[0][0])
    return replace(block, origin=place.corner(*corner))


def place_of(shape: ModelShape, token: int) -> int:
    """The row of every fence that a drawn token has."""
    return int(drawn_index(shape.stretches, np.array([token]))[0])


def shortened(axis: str, first: int, spans: tuple[Span, ...]) -> dict[str, Any]:
    """What a block says of an axis, "row" or "column", of which these stretches are drawn, counted from `first` on."""
    there = tuple((a + first, b + first) for a, b in spans)
    if len(there) == 1:
        return {f"{axis}s": there[0]}
    return {f"{axis}s": (0, sum(b - a + 1 for a, b in there) - 1), f"{axis}_ranges": there}


def runs(tokens: Iterable[int], drawn: Iterable[Span], earlier: int) -> list[tuple[int, int, int]]:
    """Of rows that are those of `tokens`, from token `earlier` on, the ones that are drawn: the first and the last of
    those that follow each other, and the place of the first among the `drawn` tokens."""
    found: list[tuple[int, int, int]] = []
    tokens = np.fromiter(tokens, np.int64)
    places = drawn_index(drawn, tokens)
    for row in np.flatnonzero((tokens >= earlier) & (places >= 0)).tolist():
        place = int(places[row])
        if found and found[-1][1] == row - 1 and found[-1][2] + row - found[-1][0] == place:
            found[-1] = (found[-1][0], row, found[-1][2])
        else:
            found.append((row, row, place))
    return found


def draw_block(
    place: Place, step: int, shown: Shown, rows: Span, columns: Span, corner: tuple[int, int], suffix: str = ""
) -> Block:
    """These rows and columns of what is shown at a place, whose first cell is at `corner`, its row and column there."""
    part = PARTS[place.part]
    return Block(
        key=key_of(part.name, step, place.layer, place.head) + suffix,
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
        label=shown.label or part.label,
        origin=place.corner(*corner),
        row_step=place.row_step,
        column_step=place.column_step,
        row_axis=part.rows,
        column_axis=part.columns,
        collection=collection_of(part.section, place.layer, place.head),
    )


def cells(
    part: Part, place: Place, steps: tuple[int, ...], step: int, shown: Shown
) -> tuple[Span, Span, tuple[int, int]] | None:
    """First and last row and column of its tensor that a step adds, and the row and column of the place where these
    begin; None where it adds nothing. A pattern's new row reaches over all columns so far."""
    tall, wide = shown.size or (steps[step], steps[step])
    rows: tuple[Span, int] | None = ((0, place.rows - 1), 0)
    columns: tuple[Span, int] | None = ((shown.column, shown.column + place.columns - 1), 0)
    if part.grows in ("rows", "both"):
        rows = _new(tall, steps, step)
    if part.grows == "columns":
        columns = _new(wide, steps, step)
    elif part.grows == "both":
        columns = _known(wide, steps, step)
    if rows is None or columns is None:
        return None
    return rows[0], columns[0], (rows[1], columns[1])


def _new(there: int, steps: tuple[int, ...], step: int) -> tuple[Span, int] | None:
    """Of `there` rows, the last of which is the last token's: those of new tokens, and the first one's token."""
    before = steps[step] - there  # tokens that have no row
    first = max(steps[step - 1] if step else 0, before)
    return ((first - before, there - 1), first) if first < steps[step] else None


def _known(there: int, steps: tuple[int, ...], step: int) -> tuple[Span, int]:
    """Of `there` columns, the last of which is the last token's: all that are tokens', and the first one's token."""
    before = steps[step] - there
    return (max(0, -before), there - 1), max(0, before)


def key_of(part: str, step: int, layer: int | None, head: int | None) -> str:
    """The name of a block: what does not apply is left out, and weights are of step 0."""
    words = (f"s{step}", None if layer is None else f"l{layer}", None if head is None else f"h{head}", part)
    return ".".join(word for word in words if word is not None)
