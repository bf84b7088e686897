# SPDX-License-Identifier: GPL-3.0-or-later
"""Activation functions: the curve, computed, and the worked row's numbers on it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .activations import FUNCTIONS, Known
from .effects_context import Context
from .effects_flight import turn_into
from .effects_types import CurveCard, Effect, Numbers
from .layout_types import Block
from .layout_types import Operation as Drawn
from .trace_manifest import Operation

SAMPLES = 65
MOST = 96  # dots
LEAST = 0.6  # seconds that the dot needs
LEAST_REACH = 3.0  # of the curve to both sides
AGREES = 2e-3  # how far a number of the trace may be from the curve, as a share of the largest


def function_of(kind: str, x: Numbers, y: Numbers) -> Known | None:
    """The function of this kind that takes `x` to `y` as the trace says; None where none does."""
    largest = max(float(np.abs(y).max(initial=0.0)), 1e-6)
    for name, function in FUNCTIONS[kind]:
        if np.abs(function(x) - y).max(initial=0.0) <= AGREES * largest:
            return name, function
    return None


def bend(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """The curve with the worked cell's dot on it, and the cells on their way to the result."""
    for result in context.mine(context.results(drawn)):
        sources = [b for b in context.activations(drawn) if b.shape == result.shape and b.head in (None, result.head)]
        whole = [context.values.matrix(block.key).astype(np.float64) for block in (result, *sources)]
        known = (function_of(operation.kind, x, whole[0]) for x in whole[1:])
        # Where the layout names more inputs than one, the one that the function turns into the result.
        found = next(((s, f) for s, f in zip(sources, known, strict=True) if f is not None), None)
        if found is not None:
            yield from turn_into(context, operation, found[0], result)
            yield from _card(context, operation, *found, result)
        elif sources:
            yield from turn_into(context, operation, sources[0], result)


def _card(context: Context, operation: Operation, source: Block, known: Known, result: Block) -> Iterator[Effect]:
    """The chart, where there is time for it."""
    start, end = context.span([result])
    row = context.row(result)
    x, y = context.numbers(source, row), context.numbers(result, row)
    until = max(end, min(context.until(end), start + 4.0))
    if until - start < LEAST:
        return
    name, function = known
    worked = int(np.argmax(np.abs(y)))
    reach = max(LEAST_REACH, 1.1 * float(np.abs(x).max()))
    xs = np.linspace(-reach, reach, SAMPLES)
    others = np.stack([x, y], axis=1)[np.linspace(0, len(x) - 1, min(MOST, len(x))).astype(int)]
    middle = min(until - 0.8, start + 0.5 * (until - start))
    yield CurveCard(
        operation=operation.id,
        start=start,
        duration=until - start,
        title=context.say("of", what=name, token=context.token_title(result, row)),
        clear=(source.key, result.key),
        shot=0.5 * (start + end),
        function=name,
        xs=xs,
        ys=function(xs),
        x=float(x[worked]),
        y=float(y[worked]),
        others=others,
        stages=(start + 0.35 * (middle - start), middle, until - 0.3),
    )
