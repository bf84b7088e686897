# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations of a trace recomputed from the file in float64, in pieces that fit into little memory.

Each function returns the largest difference over the largest value wanted; NaN where not the same values are finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from .trace import Operation, Tensor, Trace

LIMIT = (64 << 20) // 8  # float64 numbers that are at work at a time
ROUNDING = {"BF16": 2.0**-8, "F16": 2.0**-11}  # half a unit in the last place, at most, of the value that is rounded
MASKED = -9e3  # at or below it a score is masked: -1e4 in half precision, or the least there is

Span = tuple[int, int]
Float64 = NDArray[np.float64]


class Difference:
    """Between what was found and what was wanted, piece by piece."""

    def __init__(self, dtype: str) -> None:
        """`dtype` is that of what was found: what rounding to it may do is no difference."""
        self._rounding = ROUNDING.get(dtype, 0.0)
        self._largest = 0.0
        self._difference = 0.0
        self._odd = False

    def add(self, found: NDArray[np.float32], wanted: Float64) -> None:
        """Compares another piece."""
        finite = np.isfinite(wanted)
        if not finite.all():
            same = np.array_equal(finite, np.isfinite(found))
            self._odd |= not (same and np.array_equal(found[~finite], wanted[~finite], equal_nan=True))
            found, wanted = found[finite & np.isfinite(found)], wanted[finite & np.isfinite(found)]
        elif not np.isfinite(found).all():
            self._odd = True
        if self._odd or wanted.size == 0:
            return
        magnitude = np.abs(wanted)
        difference = np.abs(found - wanted) - self._rounding * magnitude
        self._largest = max(self._largest, float(magnitude.max()))
        self._difference = max(self._difference, float(difference.max()))

    @property
    def relative(self) -> float:
        """The largest difference over the largest value wanted."""
        return math.nan if self._odd else self._difference / max(self._largest, float(np.finfo(np.float32).tiny))


def multiply(trace: Trace, operation: Operation) -> float:
    """scale * left [..., i, k] @ right [..., k, j] + bias against out [..., i, j]."""
    assert operation.left is not None and operation.right is not None and operation.out is not None
    left, right, out = (trace.tensor(key) for key in (operation.left, operation.right, operation.out))
    bias = None if operation.bias is None else trace.tensor(operation.bias)
    inner = (0, left.shape[-1])

    def operands(spans: tuple[Span, ...]) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        batch, rows, columns = spans[:-2], spans[-2], spans[-1]
        return (*_matching(left.shape[:-2], batch), rows, inner), (*_matching(right.shape[:-2], batch), inner, columns)

    def cost(spans: tuple[Span, ...]) -> int:
        return sum(map(_count, operands(spans))) + 3 * _count(spans)

    difference = Difference(out.dtype)
    for spans in pieces(out.shape, cost):
        ours, theirs = operands(spans)
        with np.errstate(all="ignore"):
            wanted = _read(trace, left, ours) @ _read(trace, right, theirs)
            wanted = wanted if operation.scale == 1.0 else wanted * (operation.scale or 0.0)
            wanted = wanted if bias is None else wanted + _read(trace, bias, _matching(bias.shape, spans))
        difference.add(trace.piece(out.id, spans), wanted)
    return difference.relative


def elementwise(trace: Trace, operation: Operation) -> float:
    """The sum ("add") or product ("mul") of the inputs, or the input times a number ("scale"), against the output."""
    inputs = [trace.tensor(key) for key in operation.inputs]
    out = trace.tensor(operation.outputs[0])
    difference = Difference(out.dtype)
    for spans in pieces(out.shape, lambda spans: (len(inputs) + 3) * _count(spans)):
        given = [_read(trace, one, _matching(one.shape, spans)) for one in inputs]
        with np.errstate(all="ignore"):
            if operation.kind == "scale":
                wanted = given[0] * (operation.scale or 0.0)
            else:
                wanted = sum(given[1:], given[0]) if operation.kind == "add" else math.prod(given[1:], start=given[0])
        difference.add(trace.piece(out.id, spans), np.broadcast_to(wanted, [stop - start for start, stop in spans]))
    return difference.relative


def masked(trace: Trace, operation: Operation) -> float:
    """The sum of the inputs against the output, wherever that is not masked: as far below zero as no score is, or
    (before a cumulative sum) zero."""
    inputs = [trace.tensor(key) for key in operation.inputs]
    out = trace.tensor(operation.outputs[0])
    difference = Difference(out.dtype)
    for spans in pieces(out.shape, lambda spans: (len(inputs) + 3) * _count(spans)):
        with np.errstate(all="ignore"):
            wanted = sum(_read(trace, one, _matching(one.shape, spans)) for one in inputs)
        found = trace.piece(out.id, spans)
        seen = ~((found <= MASKED) | (found == 0))
        difference.add(found[seen], np.broadcast_to(wanted, found.shape)[seen])
    return difference.relative


def softmax(trace: Trace, operation: Operation, axis: int) -> tuple[float, float]:
    """exp(x - max) over its sum along an axis against the output; and how far the sum of a row is from one.

    A row of which nothing is left by a mask has no numbers, before and after.
    """
    x, out = trace.tensor(operation.inputs[0]), trace.tensor(operation.outputs[0])
    difference, away = Difference(out.dtype), 0.0
    for spans in pieces(out.shape, lambda spans: 5 * _count(spans), whole=(axis,)):
        given = _read(trace, x, spans)
        found = trace.piece(out.id, spans)
        with np.errstate(all="ignore"):
            powers = np.exp(given - given.max(axis, keepdims=True))
            difference.add(found, powers / powers.sum(axis, keepdims=True))
        there = np.isfinite(given).any(axis)
        sums = found.sum(axis, dtype=np.float64)[there]
        away = max(away, float(np.abs(sums - 1).max(initial=0.0))) if np.isfinite(sums).all() else math.nan
        if math.isnan(away):
            break
    return difference.relative, away


def embedding(trace: Trace, operation: Operation) -> int:
    """How many tokens are not the row of the table that they ask for, number by number.

    The two inputs are ids [...] and a table [n, C], in any order; the output is [..., C].
    """
    ids, table = sorted((trace.tensor(key) for key in operation.inputs[:2]), key=lambda one: one.dtype[0] not in "IU")
    out = trace.tensor(operation.outputs[0])
    asked = trace.array(ids.id).astype(np.int64)
    columns = (0, table.shape[-1])
    wrong = 0
    for index in np.ndindex(asked.shape):
        row = int(asked[index])
        found = trace.piece(out.id, (*((i, i + 1) for i in index), columns))
        fits = 0 <= row < table.shape[0]
        fits = fits and np.array_equal(
            trace.piece(table.id, ((row, row + 1), columns)).ravel(), found.ravel(), equal_nan=True
        )
        wrong += not fits
    return wrong


def pieces(
    shape: tuple[int, ...], cost: Callable[[tuple[Span, ...]], int], whole: tuple[int, ...] = ()
) -> Iterator[tuple[Span, ...]]:
    """Spans that together cover a shape, each of at most LIMIT numbers by `cost`, cut where that saves most; the
    dimensions in `whole` stay uncut."""
    waiting: list[tuple[Span, ...]] = [tuple((0, n) for n in shape)]
    while waiting:
        spans = waiting.pop()
        cuts = [i for i, (start, stop) in enumerate(spans) if stop - start > 1 and i not in whole]
        if cost(spans) <= LIMIT or not cuts:
            yield spans
            continue
        halves = {i: _halves(spans, i) for i in cuts}
        waiting += min(halves.values(), key=lambda both: cost(both[0]))[::-1]


def _halves(spans: tuple[Span, ...], at: int) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    start, stop = spans[at]
    middle = (start + stop + 1) // 2
    return (*spans[:at], (start, middle), *spans[at + 1 :]), (*spans[:at], (middle, stop), *spans[at + 1 :])


def _matching(shape: tuple[int, ...], spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """What of an operand of this shape goes into a piece of the result, broadcast as NumPy does it."""
    last = spans[len(spans) - len(shape) :]
    return tuple((0, 1) if n == 1 else span for n, span in zip(shape, last, strict=True))


def _count(spans: tuple[Span, ...]) -> int:
    return math.prod(stop - start for start, stop in spans)


def _read(trace: Trace, tensor: Tensor, spans: tuple[Span, ...]) -> Float64:
    return trace.piece(tensor.id, spans).astype(np.float64)
