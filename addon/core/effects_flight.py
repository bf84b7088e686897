# SPDX-License-Identifier: GPL-3.0-or-later
"""Cells that fly: rows looked up in a table, keys and values on their way to their multiply, heads that gather, rows
that meet to be added, and whatever else takes its numbers from one block to another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from .effects_context import Context, reveal
from .effects_types import Effect, Flight, Numbers
from .elision import drawn_index
from .layout_types import Block
from .layout_types import Operation as Drawn
from .trace_manifest import Operation
from .values import masked

MOST = 4096  # cells that fly at once; of larger blocks the worked row does
LONGEST, SHORTEST = 1.1, 0.5  # seconds in the air
LEAST_ROW = 4  # numbers that a row must have to be known again by them
SHARE = 0.4  # of the time that the target takes to fill
LEAST_AIR = 0.25  # where the numbers are there only just in time: then copies leave this much before they land
LOW, HIGH = (3.0, 10.0), (14.0, 40.0)  # bounds of an arc's height in units, of rows that fly and of those looked up
FALL = 0.8  # seconds that a masked cell takes to fall away
Matrix = NDArray[np.float32]
Cells = NDArray[np.int64]


def look_up(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """Each token's row leaves the table and lands as its row of the result."""
    ids = _ids(context, operation)
    tables = [block for block in context.blocks(drawn.left, filled=False) if block.kind == "weight"]
    if ids is None or not tables:
        return
    table = tables[0]
    for target in context.results(drawn):
        rows = ids[target.row_numbers] - table.rows[0]
        if table.row_ranges:
            rows = drawn_index(table.row_ranges, rows)
        if len(rows) != target.shape[0] or table.shape[1] != target.shape[1]:
            continue
        there = (rows >= 0) & (rows < table.shape[0])
        cells = _rows_of(np.nonzero(there)[0], rows[there], target.shape[1])
        yield from _fly(context, operation, table, target, cells, high=True)


def _ids(context: Context, operation: Operation) -> NDArray[np.int64] | None:
    """The row of the table that each token looks up: the input that is no parameter."""
    given = [context.trace.tensor(key) for key in operation.inputs]
    found = [tensor for tensor in given if tensor.parameter is None]
    if len(found) != 1:
        return None
    return context.trace.array(found[0].id).reshape(-1).astype(np.int64)


def slide(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """The same numbers at another place: every result from the input in which they stand."""
    sources = context.activations(drawn)
    for target in context.mine(context.results(drawn)):
        for source in sources:
            copies = list(_copy(context, operation, source, target))
            if copies:
                yield from copies
                break


def _copy(context: Context, operation: Operation, source: Block, target: Block) -> Iterator[Flight]:
    """The numbers of one block that stand in another one too."""
    found = correspond(context.values.matrix(source.key), context.values.matrix(target.key))
    if found is not None:
        yield from _fly(context, operation, source, target, *found)


def gather(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """Every input flies to its columns of the result."""
    for target in context.results(drawn):
        for source in context.activations(drawn):
            found = correspond(context.values.matrix(source.key), context.values.matrix(target.key), source.head)
            if found is not None:
                yield from _fly(context, operation, source, target, *found)


def meet(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """Cell by cell: every input of the result's shape, or lying across it, flies to it and turns into the result."""
    for target in context.mine(context.results(drawn)):
        for source in _taken(context, operation, drawn, target):
            across = _is_token(source.row_axis) and _is_token(target.column_axis) and not _is_token(source.column_axis)
            rows = np.arange(source.shape[0])
            cells = _rows_of(rows, rows, source.shape[1])
            if across and source.shape == target.shape[::-1]:
                yield from _fly(context, operation, source, target, cells[:, [0, 1, 3, 2]], turned=True)
            elif not across and source.shape == target.shape:
                yield from _fly(context, operation, source, target, cells)


def _taken(context: Context, operation: Operation, drawn: Drawn, target: Block) -> list[Block]:
    """The inputs that one result is made of: of a sum or a product of two those that do come to it, where the layout
    names more (both halves of a tensor that was split)."""
    taken = [block for block in context.activations(drawn) if block.head in (None, target.head)]
    if operation.kind in ("add", "mul") and len(taken) > 2:
        wanted = context.values.matrix(target.key)
        for pair in combinations([block for block in taken if block.shape == target.shape], 2):
            a, b = (context.values.matrix(block.key) for block in pair)
            if np.allclose(a + b if operation.kind == "add" else a * b, wanted, rtol=1e-2, atol=1e-5):
                return list(pair)
    return taken


def _is_token(axis: tuple[str, ...]) -> bool:
    return any(atom in ("token", "key_token") for atom in axis)


def lie_down(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """A multiply has geometry of its own; what it made may also lie where the next one needs it: that is a slide."""
    made = context.mine(context.results(drawn))
    for target in (block for block in made if "key_token" in (*block.row_axis, *block.column_axis)):
        for source in made:
            if context.fills[target.key].start > context.fills[source.key].start:
                yield from _copy(context, operation, source, target)


def pick(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """Rows that are picked out of an input, as those of the tokens that go to one expert."""
    for target in context.results(drawn):
        wanted = context.values.matrix(target.key)
        for source in context.activations(drawn):
            given = context.values.matrix(source.key)
            if given.shape[1] != wanted.shape[1] or wanted.shape[1] < LEAST_ROW or given.shape[0] < wanted.shape[0]:
                continue
            same = (wanted[:, None, :] == given[None, :, :]).all(-1)  # [rows of the target, rows of the source]
            if same.any(1).all():
                rows = np.arange(len(wanted))
                yield from _fly(context, operation, source, target, _rows_of(rows, same.argmax(1), wanted.shape[1]))


def correspond(source: Matrix, target: Matrix, part: int | None = None) -> tuple[Cells, bool] | None:
    """Where the numbers of `source` stand in `target`: cells [n, 4] of both, and whether they are transposed there;
    None where they do not. With `part` that many widths from the target's left is looked at first."""
    for turned in (False, True):
        matrix = source.T if turned else source
        for row, column in _corners(matrix.shape, target.shape, part):
            window = target[row : row + matrix.shape[0], column : column + matrix.shape[1]]
            if np.array_equal(window, matrix):
                r, c = (grid.ravel() for grid in np.indices(source.shape))
                to_row, to_column = (c, r) if turned else (r, c)
                return np.stack([r, c, to_row + row, to_column + column], axis=1), turned
    return None


def _corners(part: tuple[int, ...], whole: tuple[int, ...], first: int | None) -> Iterable[tuple[int, int]]:
    """Where a matrix may begin in a larger one: in steps of its own size, and at the far end."""
    if part[0] > whole[0] or part[1] > whole[1]:
        return
    columns = [*range(0, whole[1] - part[1] + 1, part[1]), whole[1] - part[1]]
    rows = [*range(0, whole[0] - part[0] + 1, part[0]), whole[0] - part[0]]
    if first is not None and first * part[1] in columns:
        columns.insert(0, first * part[1])
    yield from ((row, column) for row in dict.fromkeys(rows) for column in dict.fromkeys(columns))


def turn_into(context: Context, operation: Operation, source: Block, target: Block) -> Iterator[Effect]:
    """Every cell of a block flies to its place in a result of the same shape."""
    rows = np.arange(source.shape[0])
    yield from _fly(context, operation, source, target, _rows_of(rows, rows, source.shape[1]))


def _rows_of(target: NDArray[np.int64], source: NDArray[np.int64], columns: int) -> Cells:
    """Whole rows: cells [n, 4] that stay in their columns."""
    across = np.tile(np.arange(columns), len(target))
    return np.stack([np.repeat(source, columns), across, np.repeat(target, columns), across], axis=1)


def _fly(
    context: Context,
    operation: Operation,
    source: Block,
    target: Block,
    cells: Cells,
    turned: bool = False,
    high: bool = False,
) -> Iterator[Flight]:
    """The flight of these cells, timed by the fill of the target; none where nothing is left to fly."""
    if len(cells) > MOST:
        # The worked row, counted along whichever of the source's axes are tokens.
        row = context.row(target)
        cells = cells[cells[:, 2] == row] if target.shape[0] > row else cells[:0]
    cells = cells[:MOST]
    if not len(cells):
        return
    fill = context.fills[target.key]
    settle = reveal(fill, target.shape)[cells[:, 2], cells[:, 3]]
    # The copies of a token fly together and wait in place for their cells.
    together = cells[:, 0] if turned else cells[:, 2]
    arrive = _first(settle, together)
    leave = _departures(context, source, fill.duration, arrive)
    before = context.values.matrix(source.key)[cells[:, 0], cells[:, 1]].astype(np.float64)
    after = context.values.matrix(target.key)[cells[:, 2], cells[:, 3]].astype(np.float64)
    kept, drawn = ~masked(after, target.part), ~masked(before, source.part)
    if not drawn.any():
        return
    start = float(leave[drawn].min())
    end = float((settle + np.where(kept, 0.0, FALL))[drawn].max())
    way = np.linalg.norm(np.subtract(target.origin, source.origin))
    yield Flight(
        operation=operation.id,
        start=start,
        duration=end - start,
        source=source.key,
        target=target.key,
        cells=cells[drawn],
        leave=leave[drawn],
        arrive=arrive[drawn],
        settle=settle[drawn],
        before=before[drawn],
        after=np.where(kept, after, before)[drawn],
        kept=kept[drawn],
        lift=float(np.clip(0.35 * way, *(HIGH if high else LOW))),
        turned=turned,
        lit=source.kind == "weight",
    )


def _departures(context: Context, source: Block, seconds: float, arrive: Numbers) -> Numbers:
    """When copies leave to arrive in time: not before their numbers are there."""
    air = min(max(SHARE * seconds, SHORTEST), LONGEST)
    leave = arrive - air
    fill = context.fills.get(source.key)
    if fill is not None:
        leave = np.maximum(leave, np.minimum(fill.start + fill.duration, arrive - LEAST_AIR))
    return np.maximum(leave, 0.0)


def _first(times: Numbers, groups: NDArray[np.int64]) -> Numbers:
    """For each entry [n] the earliest time of its group."""
    _names, index = np.unique(groups, return_inverse=True)
    first = np.full(index.max() + 1, np.inf)
    np.minimum.at(first, index, times)
    return first[index]
